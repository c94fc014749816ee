//! Makes glue and WASM smaller than wasm-bindgen leaves them: minifies both, and shortens the names of what each takes
//! from the other.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use wasm_encoder::reencode::{Reencode as _, RoundtripReencoder};
use wasm_encoder::{ExportSection, ImportSection, Module, RawSection};
use wasmparser::{Parser, Payload};

use super::{loader, panics, stamp};
use crate::{interrupt, process, progress, tools};

/// The module name under which the WASM imports the glue, the start of the object with these functions, the prefix of
/// the exports that the glue calls, and the folder of our own scripts.
const GLUE: &str = "./widget_bg.js";
const BEGINNING: &str = "const import0 = ";
const EXPORTS: &str = "wasm.";
const SNIPPETS: &str = "./snippets/";

/// Slims what wasm-bindgen wrote into `dist`, and gives both files new names, since browsers cache a name for good.
pub(super) fn all(dist: &Path) -> Result<()> {
    let (glue, wasm) = (only(dist, ".js")?, only(dist, "_bg.wasm")?);
    let text = fs::read_to_string(&glue).context("cannot read the glue")?;
    let bytes = fs::read(&wasm).context("cannot read the WASM")?;
    fs::write(&wasm, panics::silence(&bytes)?).context("cannot write the WASM")?;
    optimise(&wasm)?;
    let bytes = fs::read(&wasm).context("cannot read the WASM")?;
    let (bytes, text) = shorten(&bytes, &text)?;
    let text =
        format!("{}export const styles = {};\n", drop_unused(&text), loader::styles("style/later.css")?);
    fs::write(&glue, text).context("cannot write the glue")?;
    fs::write(&wasm, bytes).context("cannot write the WASM")?;
    minify(&glue)?;
    let old = [&glue, &wasm].map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned());
    let hash = stamp::of(dist, &[&old[0], &old[1]], "")?;
    let new = [format!("widget-{hash}.js"), format!("widget-{hash}_bg.wasm")];
    for (old, new) in old.iter().zip(&new) {
        fs::rename(dist.join(old), dist.join(new)).with_context(|| format!("cannot rename {old}"))?;
    }
    Ok(())
}

fn only(dist: &Path, ending: &str) -> Result<PathBuf> {
    let entries = fs::read_dir(dist).with_context(|| format!("cannot list {}", dist.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let mut found = paths.into_iter().filter(|path| path.to_string_lossy().ends_with(ending));
    let first =
        found.next().with_context(|| format!("wasm-bindgen wrote no file that ends with {ending}"))?;
    ensure!(found.next().is_none(), "wasm-bindgen wrote two files that end with {ending}");
    Ok(first)
}

/// Shortens the names of the imports and exports of `wasm`, there and in `glue`, which provides the imports and calls
/// the exports. wasm-bindgen ends most names with a hash, which doesn't compress.
///
/// It buys 0.9 KB of the 49.7 KB, compressed, of glue and WASM, and one request less, since our own script becomes a part
/// of the glue. To remove it, leave out its call and that of [`drop_unused`].
fn shorten(wasm: &[u8], glue: &str) -> Result<(Vec<u8>, String)> {
    let (mut module, mut glue) = (Module::new(), glue.to_owned());
    let ours = format!("{BEGINNING}{{");
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.context("the WASM can't be read")?;
        if let Payload::ImportSection(imports) = payload {
            let mut short = ImportSection::new();
            for (number, import) in imports.into_imports().enumerate() {
                let import = import.context("an import can't be read")?;
                let name = format!("a{number:x}");
                let kind = RoundtripReencoder.entity_type(import.ty).context("an import's type")?;
                if import.module.starts_with(SNIPPETS) {
                    // One of our own scripts, which the WASM would import by itself: by its full name, and as a whole.
                    glue = without_module(&glue, import.module);
                    glue =
                        format!("import {{ {} as {name} }} from {:?};\n{glue}", import.name, import.module);
                    ensure!(glue.contains(&ours), "the glue has no object of imports");
                    glue = glue.replacen(&ours, &format!("{ours} {name},"), 1);
                    short.import(GLUE, &name, kind);
                    continue;
                }
                let (entry, renamed) = (format!("{}: function(", import.name), format!("{name}: function("));
                ensure!(glue.matches(&entry).count() == 1, "{} is not in the glue once", import.name);
                glue = glue.replace(&entry, &renamed);
                ensure!(import.module == GLUE, "{} is imported from {}", import.name, import.module);
                short.import(GLUE, &name, kind);
            }
            module.section(&short);
        } else if let Payload::ExportSection(exports) = payload {
            let mut short = ExportSection::new();
            for (number, export) in exports.into_iter().enumerate() {
                let export = export.context("an export can't be read")?;
                let name = format!("b{number:x}");
                let kind = RoundtripReencoder.export_kind(export.kind).context("an export's kind")?;
                glue = with_export(&glue, export.name, &name);
                short.export(&name, kind, export.index);
            }
            module.section(&short);
        } else if let Payload::CustomSection(_) = payload {
            // Left out: it says which compiler made the WASM and which features it may use, and no browser needs that.
        } else if let Some((id, range)) = payload.as_section() {
            module.section(&RawSection { id, data: &wasm[range] });
        }
    }
    Ok((module.finish(), glue))
}

/// `glue` with another name for an export, wherever it is called.
fn with_export(glue: &str, old: &str, new: &str) -> String {
    let call = format!("{EXPORTS}{old}");
    let mut parts = glue.split(&call);
    let mut renamed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // Not an export whose name only begins like this.
        let goes_on = part.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_');
        renamed.extend([EXPORTS, if goes_on { old } else { new }, part]);
    }
    renamed
}

/// `glue` without the lines that hand the whole module to the WASM.
fn without_module(glue: &str, module: &str) -> String {
    let (imports, key) = (format!("from {module:?}"), format!("{module:?}: import"));
    let is_kept = |line: &&str| {
        let is_import = line.starts_with("import * as ") && line.contains(&imports);
        !is_import && !line.trim_start().starts_with(&key)
    };
    glue.lines().filter(is_kept).flat_map(|line| [line, "\n"]).collect()
}

/// `glue` without the functions that no import names any more, and without the other way to start it, which is unused.
/// Minifying removes what only those have used.
fn drop_unused(glue: &str) -> String {
    let mut kept = String::with_capacity(glue.len());
    let mut dropping = false;
    for line in glue.lines() {
        // wasm-bindgen indents the entries of the object by eight, and ends each at the same depth.
        dropping |= line.starts_with("        __wb") && line.contains(": function(");
        if !dropping {
            kept.extend([line, "\n"]);
        }
        dropping &= !line.starts_with("        }");
    }
    kept.replace("export { initSync, ", "export { ")
}

/// Optimises the WASM. Without wasm-opt it stays as it is: larger, but just as good.
fn optimise(wasm: &Path) -> Result<()> {
    let found = match tools::ensure(&tools::WASM_OPT) {
        Ok(found) => found,
        Err(error) => {
            interrupt::check()?;
            progress::say(&format!(
                "{error:#}\nleaving the WASM as it is: it works, but visitors would wait longer for it"
            ));
            return Ok(());
        }
    };
    let mut optimise = process::command("wasm-opt");
    optimise.env("PATH", tools::path(&[&found])?);
    // The second pass finds what the first one has exposed; this order gives the smallest result.
    optimise
        .args([
            "-Oz",
            "-Os",
            "--always-inline-max-function-size=3",
            "--one-caller-inline-max-function-size=15",
        ])
        .arg("--strip-debug")
        .arg(wasm)
        .arg("-o")
        .arg(wasm);
    process::run_quietly(&mut optimise).context("the WASM can't be optimised")
}

/// Minifies the glue, and bundles our own scripts that it imports.
pub(super) fn minify(glue: &Path) -> Result<()> {
    let mut minify = loader::esbuild()?;
    minify.arg(glue).arg(format!("--outfile={}", glue.display()));
    process::run_quietly(minify.args(["--format=esm", "--target=es2022", "--tree-shaking=true"]))
        .context("the glue can't be minified")?;
    let scripts = glue.with_file_name("snippets");
    if scripts.exists() {
        fs::remove_dir_all(&scripts).context("cannot remove the scripts")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{EntityType, ExportKind, TypeSection};

    fn wasm(names: &[(&str, &str)]) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut imports = ImportSection::new();
        for (module, name) in names {
            imports.import(module, name, EntityType::Function(0));
        }
        let mut module = Module::new();
        module.section(&types).section(&imports);
        module.finish()
    }

    #[test]
    fn both_sides_call_an_import_by_the_same_short_name() {
        let glue = "{ now_12: function() {}, now_123: function() {} }";
        let (short, renamed) = shorten(&wasm(&[(GLUE, "now_12"), (GLUE, "now_123")]), glue).unwrap();
        assert_eq!(short, wasm(&[(GLUE, "a0"), (GLUE, "a1")]));
        assert_eq!(renamed, "{ a0: function() {}, a1: function() {} }");
    }

    #[test]
    fn both_sides_know_an_export_by_the_same_short_name() {
        let exports = |names: [&str; 2]| {
            let mut section = ExportSection::new();
            for name in names {
                section.export(name, ExportKind::Memory, 0);
            }
            let mut module = Module::new();
            module.section(&section);
            module.finish()
        };
        let glue = "wasm.free(wasm.free_all); n.free(); wasm.free;";
        let (short, renamed) = shorten(&exports(["free", "free_all"]), glue).unwrap();
        assert_eq!(short, exports(["b0", "b1"]));
        assert_eq!(renamed, "wasm.b0(wasm.b1); n.free(); wasm.b0;");
    }

    #[test]
    fn scripts_of_ours_are_imported_by_the_glue_and_by_name() {
        let script = "./snippets/widget-1/dom.js";
        let glue = format!(
            "import * as import1 from {script:?}\nconst import0 = {{\n}};\nreturn {{\n  {GLUE:?}: import0,\n  {script:?}: import1,\n}};\n"
        );
        let (short, renamed) = shorten(&wasm(&[(script, "putBack")]), &glue).unwrap();
        assert_eq!(short, wasm(&[(GLUE, "a0")]));
        assert_eq!(
            renamed,
            format!(
                "import {{ putBack as a0 }} from {script:?};\nconst import0 = {{ a0,\n}};\nreturn {{\n  {GLUE:?}: import0,\n}};\n"
            )
        );
    }

    #[test]
    fn what_nothing_imports_any_more_is_dropped() {
        let entry = |name: &str| {
            format!("        {name}: function(arg0) {{\n            return now();\n        }},\n")
        };
        let handled = "        __wbg_gone_3: function() { return handleError(function () {\n            now();\n        }, arguments); },\n";
        let glue = [
            &entry("__wbg_gone_1"),
            &entry("a0"),
            handled,
            &entry("a1"),
            "export { initSync, init as default };\n",
        ];
        let kept = [entry("a0"), entry("a1"), "export { init as default };\n".to_owned()].concat();
        assert_eq!(drop_unused(&glue.concat()), kept);
    }

    #[test]
    fn an_import_that_the_glue_does_not_have_is_named() {
        let error = shorten(&wasm(&[(GLUE, "missing_1")]), "{}").unwrap_err();
        assert!(error.to_string().contains("missing_1"), "{error}");
    }
}
