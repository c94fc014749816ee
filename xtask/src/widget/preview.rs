//! Marketing's preview: a program for the browser beside the widget, with its page and styles.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::{bindgen, loader, slim, stamp};
use crate::{process, repo};

/// Writes `index.html` and what it names into `folder`.
pub(super) fn build(folder: &Path) -> Result<()> {
    bindgen::build("preview", &[], folder)?;
    slim::minify(&folder.join("preview.js"))?;
    process::run_quietly(
        loader::esbuild()?
            .arg("widget/preview/preview.css")
            .arg(format!("--outfile={}", folder.join("preview.css").display())),
    )
    .context("the preview's styles can't be bundled")?;
    let [glue, wasm, styles] = ["preview.js", "preview_bg.wasm", "preview.css"];
    let hash = stamp::of(folder, &[glue, wasm, styles], "")?;
    let mut renamed = Vec::new();
    for name in [glue, wasm, styles] {
        let new = name.replacen("preview", &format!("preview-{hash}"), 1);
        fs::rename(folder.join(name), folder.join(&new)).with_context(|| format!("cannot rename {name}"))?;
        renamed.push(new);
    }
    let source = repo::root().join("widget/preview/index.html");
    let html = fs::read_to_string(&source).with_context(|| format!("cannot read {}", source.display()))?;
    fs::write(folder.join("index.html"), page(&html, &renamed[0], &renamed[1], &renamed[2])?)
        .context("cannot write the preview's page")
}

/// Returns `html`, which is written for Trunk, with elements for these files in place of Trunk's two instructions.
fn page(html: &str, glue: &str, wasm: &str, styles: &str) -> Result<String> {
    let mut lines = Vec::new();
    let mut replaced = 0;
    for line in html.lines() {
        if !line.contains("data-trunk") {
            lines.push(line.to_owned());
        } else if line.contains("rel=\"rust\"") {
            replaced += 1;
            lines.push(format!("    <link rel=\"modulepreload\" href=\"/preview/{glue}\" />"));
            lines.push(format!(
                "    <script type=\"module\">import start from \"/preview/{glue}\"; start({{ module_or_path: \"/preview/{wasm}\" }});</script>"
            ));
        } else if line.contains("rel=\"css\"") {
            replaced += 1;
            lines.push(format!("    <link rel=\"stylesheet\" href=\"/preview/{styles}\" />"));
        }
    }
    ensure!(
        replaced == 2,
        "widget/preview/index.html names its program and its styles for Trunk, each on a line"
    );
    Ok(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_for_trunk_becomes_what_a_browser_loads() {
        let html = "<head>\n<link data-trunk rel=\"rust\" href=\"Cargo.toml\" />\n<link data-trunk rel=\"css\" href=\"preview.css\" />\n</head>\n";
        let page = page(html, "p-1.js", "p-1_bg.wasm", "p-1.css").unwrap();
        assert!(!page.contains("data-trunk"), "{page}");
        for part in ["from \"/preview/p-1.js\"", "\"/preview/p-1_bg.wasm\"", "href=\"/preview/p-1.css\""] {
            assert!(page.contains(part), "{page}");
        }
    }

    #[test]
    fn a_page_that_names_no_program_is_refused() {
        assert!(page("<head></head>", "a", "b", "c").is_err());
    }
}
