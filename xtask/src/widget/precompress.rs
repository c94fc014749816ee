//! Compresses assets once, as far as possible, so that the server never has to.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

/// Writes `.br` and `.gz` beside each file, and returns a line per file with its sizes.
pub(crate) fn all(folder: &Path) -> Result<String> {
    let mut report = String::new();
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            report += &all(&path)?;
        } else if !path.extension().is_some_and(|extension| extension == "br" || extension == "gz") {
            let content = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let (br, gz) = (brotli(&content)?, gzip(&content)?);
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            writeln!(report, "  {name}: {} bytes, gzip {}, brotli {}", content.len(), gz.len(), br.len())?;
            for (extension, compressed) in [("br", br), ("gz", gz)] {
                let path = path.with_file_name(format!("{name}.{extension}"));
                fs::write(&path, compressed).with_context(|| format!("cannot write {}", path.display()))?;
            }
        }
    }
    Ok(report)
}

fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let mut compressed = Vec::new();
    let quality = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
    brotli::BrotliCompress(&mut &content[..], &mut compressed, &quality).context("brotli failed")?;
    Ok(compressed)
}

fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).context("gzip failed")?;
    encoder.finish().context("gzip failed")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_is_written_unpacks_to_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let text = "the same words again and ".repeat(50);
        fs::write(folder.path().join("a.css"), &text).unwrap();
        let report = all(folder.path()).unwrap();
        assert!(report.starts_with("  a.css: 1250 bytes, gzip "), "{report}");

        let mut unpacked = Vec::new();
        let packed = fs::read(folder.path().join("a.css.br")).unwrap();
        brotli::BrotliDecompress(&mut &packed[..], &mut unpacked).unwrap();
        assert_eq!(unpacked, text.as_bytes());

        let mut unpacked = String::new();
        let packed = fs::read(folder.path().join("a.css.gz")).unwrap();
        flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut unpacked).unwrap();
        assert_eq!(unpacked, text);

        assert_eq!(all(folder.path()).unwrap(), report, "compressed files are left alone");
    }
}
