//! Builds a package to WASM and its glue, with wasm-bindgen as a library: it is always the version that `Cargo.toml`
//! pins, since cargo links `wasm-bindgen-shared` only once.

use std::path::Path;

use anyhow::{Result, anyhow};
use wasm_bindgen_cli_support::Bindgen;

use crate::{cargo, process, repo};

/// Builds `package` with these further arguments, and writes `{package}.js` and `{package}_bg.wasm` into `folder`.
pub(super) fn build(package: &str, arguments: &[&str], folder: &Path) -> Result<()> {
    // In the demo the server is built at the same time. It takes longer, so this gives way to it; its last crates leave
    // a core free for this.
    let mut build = process::patient_cargo();
    build.args(["build", "--package", package, "--target", "wasm32-unknown-unknown", "--profile", "wasm"]);
    cargo::build(&format!("building the {package}"), build.args(arguments))?;
    let wasm = repo::target()?.join("wasm32-unknown-unknown/wasm").join(format!("{package}.wasm"));
    let mut bindgen = Bindgen::new();
    bindgen.input_path(wasm);
    bindgen
        .web(true)
        .and_then(|bindgen| bindgen.generate(folder))
        .map_err(|error| anyhow!("the glue of the {package} can't be made: {error:#}"))
}
