//! Builds the widget's assets with Trunk, unless those in `dist/` are current, and compresses them beforehand.

mod loader;
mod panics;
mod precompress;
mod slim;
mod stamp;

use std::ffi::OsStr;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::tools::Found;
use crate::{elapsed, process, repo, tools};

/// What `dist/` is made from.
const INPUTS: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "Trunk.toml",
    "rust-toolchain.toml",
    "shared",
    "style",
    "widget",
    "xtask/src/widget",
];

pub(crate) fn build() -> Result<()> {
    tools::rust::ensure()?;
    let found = [tools::ensure(&tools::TRUNK)?, tools::ensure(&tools::WASM_BINDGEN)?];
    let dist = repo::root().join("dist");
    let stamp_file = repo::scratch("xtask")?.join("widget.stamp");
    let tools =
        found.iter().map(|found| format!("{} {}", found.bin.display(), found.version)).collect::<String>();
    let inputs = stamp::of(repo::root(), INPUTS, &tools)?;
    if let Ok(stamp) = std::fs::read_to_string(&stamp_file)
        && stamp == format!("{inputs} {}", stamp::of(&dist, &["."], "")?)
    {
        println!("the widget in dist/ is current");
        return Ok(());
    }
    println!("building the widget (about 2 min the first time)");
    let start = Instant::now();
    let path = tools::path(&found.iter().collect::<Vec<_>>())?;
    trunk(&path, &found[1], &["widget/index.html", "--dist=dist", "--no-default-features"])?;
    slim::all(&dist)?;
    loader::build(&dist)?;
    trunk(
        &path,
        &found[1],
        &["widget/preview/index.html", "--dist=dist/preview", "--public-url=/preview/", "--no-sri=true"],
    )?;
    let sizes = precompress::all(&dist)?;
    println!("{sizes}built the widget in {}", elapsed::words(start.elapsed()));
    let stamp = format!("{inputs} {}", stamp::of(&dist, &["."], "")?);
    std::fs::write(&stamp_file, stamp).with_context(|| format!("cannot write {}", stamp_file.display()))
}

fn trunk(path: &OsStr, wasm_bindgen: &Found, arguments: &[&str]) -> Result<()> {
    let mut build = process::command("trunk");
    build
        .arg("build")
        .args(arguments)
        .arg("--release")
        .current_dir(repo::root())
        .env("PATH", path)
        // Every tool is there, in the version that Trunk is told here, so it downloads none. (To say that it is offline
        // would keep cargo from fetching crates as well.)
        .env("TRUNK_SKIP_VERSION_CHECK", "true")
        .env("TRUNK_TOOLS_WASM_BINDGEN", wasm_bindgen.version)
        // Trunk takes it for a flag of its own, and refuses the customary value.
        .env_remove("NO_COLOR");
    process::run(&mut build).with_context(|| format!("{} does not build", arguments[0]))
}
