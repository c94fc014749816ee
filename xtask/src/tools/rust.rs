//! Parts that rustup adds to a toolchain: the WebAssembly target, rustfmt and clippy.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::process::{self, command};
use crate::progress::Step;
use crate::repo;

const WASM: &str = "wasm32-unknown-unknown";

/// Adds missing parts: rustup installs everything in `rust-toolchain.toml` with the toolchain, but a toolchain that was
/// there before may lack some.
pub(crate) fn ensure() -> Result<()> {
    if !sysroot()?.join("lib/rustlib").join(WASM).is_dir() {
        add("target", WASM)?;
    }
    for (component, subcommand) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        let mut version = process::cargo();
        let output =
            version.args([subcommand, "--version"]).current_dir(repo::root()).stdin(Stdio::null()).output();
        if !output.is_ok_and(|output| output.status.success()) {
            add("component", component)?;
        }
    }
    Ok(())
}

fn sysroot() -> Result<PathBuf> {
    let mut rustc = command("rustc");
    let output = rustc.args(["--print", "sysroot"]).current_dir(repo::root()).output();
    let output = output.context("cannot run rustc")?;
    Ok(String::from_utf8(output.stdout).context("rustc's folder is not UTF-8")?.trim().into())
}

fn add(kind: &str, name: &str) -> Result<()> {
    if process::on_path("rustup").is_none() {
        bail!("Rust's {kind} {name} is missing: install it for the toolchain that rust-toolchain.toml names");
    }
    let step = Step::start(format!("installing Rust's {kind} {name} (seconds)"));
    let mut rustup = command("rustup");
    let output = rustup.args([kind, "add", name]).current_dir(repo::root()).stdin(Stdio::null()).output();
    let output = output.context("cannot run rustup")?;
    if !output.status.success() {
        step.finish("failed");
        bail!("rustup {kind} add {name}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    step.finish("done");
    Ok(())
}
