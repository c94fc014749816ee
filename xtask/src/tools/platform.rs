//! How projects name this machine in the files that they release.

use std::env::consts::{ARCH, OS};

/// A Rust target, linked with glibc on Linux.
pub(crate) fn gnu() -> Option<String> {
    triple("gnu")
}

/// A Rust target, self-contained on Linux.
pub(crate) fn musl() -> Option<String> {
    triple("musl")
}

/// Binaryen's own names.
pub(crate) fn binaryen() -> Option<String> {
    match (OS, ARCH) {
        ("linux", "x86_64" | "aarch64") => Some(format!("{ARCH}-linux")),
        ("macos", "x86_64") => Some("x86_64-macos".to_owned()),
        ("macos", "aarch64") => Some("arm64-macos".to_owned()),
        _ => None,
    }
}

/// Geckodriver's own names.
pub(crate) fn geckodriver() -> Option<String> {
    match (OS, ARCH) {
        ("linux", "x86_64") => Some("linux64".to_owned()),
        ("linux", "aarch64") => Some("linux-aarch64".to_owned()),
        ("macos", "x86_64") => Some("macos".to_owned()),
        ("macos", "aarch64") => Some("macos-aarch64".to_owned()),
        _ => None,
    }
}

fn triple(libc: &str) -> Option<String> {
    match OS {
        "linux" => Some(format!("{ARCH}-unknown-linux-{libc}")),
        "macos" => Some(format!("{ARCH}-apple-darwin")),
        _ => None,
    }
}
