//! Lets the widget be built where wasm-opt can't be had: it is larger then, and works all the same.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context, Result};

use crate::tools::{self, Found};
use crate::{interrupt, repo};

/// Trunk asks for the version, then runs `wasm-opt --output=FILE … INPUT`. It has no switch to leave that out.
const COPY: &str = r#"#!/bin/sh
case $1 in --version) echo "wasm-opt version VERSION (version_VERSION)"; exit ;; esac
for argument; do
    case $argument in --output=*) output=${argument#--output=} ;; esac
    input=$argument
done
exec cp "$input" "$output"
"#;

/// wasm-opt, or a program in its place that copies.
pub(super) fn or_wasm_opt() -> Result<Found> {
    let error = match tools::ensure(&tools::WASM_OPT) {
        Ok(found) => return Ok(found),
        Err(error) => error,
    };
    interrupt::check()?;
    println!(
        "{error:#}\nbuilding the widget without wasm-opt: it works, but visitors would wait longer for it"
    );
    let bin = repo::scratch("xtask")?.join("copy-in-place-of-wasm-opt");
    fs::create_dir_all(&bin).with_context(|| format!("cannot make {}", bin.display()))?;
    let program = bin.join("wasm-opt");
    let version = tools::WASM_OPT.version;
    fs::write(&program, COPY.replace("VERSION", version)).context("cannot write a program that copies")?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).context("cannot make it a program")?;
    Ok(Found::cached(bin, version))
}
