//! The tools that the project needs beside Rust: which, in which version, and how each is found or installed.

mod cache;
mod platform;
mod progress;
mod source;
mod version;

pub(crate) mod browser;
pub(crate) mod rust;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::{interrupt, process};
use source::Source;

/// A program, or a few that come together.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// The first one is asked for its version.
    programs: &'static [&'static str],
    /// Tried in this order.
    sources: &'static [Source],
}

/// A tool that is there.
pub(crate) struct Found {
    /// The folder of its programs.
    pub(crate) bin: PathBuf,
    pub(crate) version: &'static str,
    on_path: bool,
}

pub(crate) const TRUNK: Tool = Tool {
    name: "trunk",
    version: "0.21.14",
    programs: &["trunk"],
    sources: &[
        Source::Release {
            url: "https://github.com/trunk-rs/trunk/releases/download/v0.21.14/trunk-{platform}.tar.gz",
            platform: platform::gnu,
        },
        Source::Cargo { package: "trunk", version: "0.21.14", reports: "0.21.14", locked: true, minutes: 6 },
    ],
};

/// In the version that `Cargo.toml` pins for the library: the two only work as a pair.
pub(crate) const WASM_BINDGEN: Tool = Tool {
    name: "wasm-bindgen-cli",
    version: "0.2.130",
    programs: &["wasm-bindgen", "wasm-bindgen-test-runner"],
    sources: &[
        Source::Release {
            url: "https://github.com/wasm-bindgen/wasm-bindgen/releases/download/0.2.130/wasm-bindgen-0.2.130-{platform}.tar.gz",
            platform: platform::musl,
        },
        // Its lock file asks for crate versions that were withdrawn, so it is built without.
        Source::Cargo {
            package: "wasm-bindgen-cli",
            version: "0.2.130",
            reports: "0.2.130",
            locked: false,
            minutes: 2,
        },
    ],
};

pub(crate) const WASM_OPT: Tool = Tool {
    name: "binaryen",
    version: "132",
    programs: &["wasm-opt"],
    sources: &[
        Source::Npm { package: "binaryen@132.0.0" },
        Source::Release {
            url: "https://github.com/WebAssembly/binaryen/releases/download/version_132/binaryen-version_132-{platform}.tar.gz",
            platform: platform::binaryen,
        },
        // Older than the others, yet always to be had.
        Source::Cargo { package: "wasm-opt", version: "0.116.1", reports: "116", locked: true, minutes: 7 },
    ],
};

pub(crate) const CARGO_DENY: Tool = Tool {
    name: "cargo-deny",
    version: "0.20.2",
    programs: &["cargo-deny"],
    sources: &[
        Source::Release {
            url: "https://github.com/EmbarkStudios/cargo-deny/releases/download/0.20.2/cargo-deny-0.20.2-{platform}.tar.gz",
            platform: platform::musl,
        },
        Source::Cargo {
            package: "cargo-deny",
            version: "0.20.2",
            reports: "0.20.2",
            locked: true,
            minutes: 4,
        },
    ],
};

pub(crate) const CARGO_MACHETE: Tool = Tool {
    name: "cargo-machete",
    version: "0.9.2",
    programs: &["cargo-machete"],
    sources: &[
        Source::Release {
            url: "https://github.com/bnjbvr/cargo-machete/releases/download/v0.9.2/cargo-machete-v0.9.2-{platform}.tar.gz",
            platform: platform::musl,
        },
        Source::Cargo {
            package: "cargo-machete",
            version: "0.9.2",
            reports: "0.9.2",
            locked: true,
            minutes: 2,
        },
    ],
};

pub(crate) const TYPOS: Tool = Tool {
    name: "typos",
    version: "1.52.0",
    programs: &["typos"],
    sources: &[
        Source::Pip { package: "typos==1.52.0" },
        Source::Release {
            url: "https://github.com/crate-ci/typos/releases/download/v1.52.0/typos-v1.52.0-{platform}.tar.gz",
            platform: platform::musl,
        },
        Source::Cargo {
            package: "typos-cli",
            version: "1.52.0",
            reports: "1.52.0",
            locked: true,
            minutes: 3,
        },
    ],
};

pub(crate) const ALL: &[&Tool] = &[&TRUNK, &WASM_BINDGEN, &WASM_OPT, &CARGO_DENY, &CARGO_MACHETE, &TYPOS];

/// Finds the tool on PATH or in the cache, and installs it into the cache otherwise.
pub(crate) fn ensure(tool: &Tool) -> Result<Found> {
    if let Some(found) = find_on_path(tool) {
        return Ok(found);
    }
    let cache = cache::tools()?;
    if let Some(found) = find_in_cache(tool, &cache) {
        return Ok(found);
    }
    let _lock = cache::lock(&cache, tool.name)?;
    // Another clone may have installed it while we waited for the lock.
    if let Some(found) = find_in_cache(tool, &cache) {
        return Ok(found);
    }
    for source in tool.sources {
        let version = source.reports(tool);
        let Some(means) = source.means() else { continue };
        let line = progress::Line::start(format!("installing {} {version} {means}", tool.name));
        match install(tool, source, &cache) {
            Ok(bin) => {
                line.finish("done");
                return Ok(Found { bin, version, on_path: false });
            }
            Err(error) => {
                line.finish("failed");
                interrupt::check()?;
                println!("  {error:#}");
            }
        }
    }
    bail!("{} {} can't be installed here: see above for each way that was tried", tool.name, tool.version)
}

/// PATH with these tools in front.
pub(crate) fn path(found: &[&Found]) -> Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let ours = found.iter().filter(|found| !found.on_path).map(|found| found.bin.clone());
    std::env::join_paths(ours.chain(std::env::split_paths(&path))).context("a folder's name can't be on PATH")
}

fn find_on_path(tool: &Tool) -> Option<Found> {
    let program = process::on_path(tool.programs.first()?)?;
    let bin = program.parent()?.to_owned();
    let complete = tool.programs.iter().all(|program| process::on_path(program).is_some());
    let right = complete && version::of(&program).as_deref() == Some(tool.version);
    right.then_some(Found { bin, version: tool.version, on_path: true })
}

fn find_in_cache(tool: &Tool, cache: &Path) -> Option<Found> {
    let versions = tool.sources.iter().map(|source| source.reports(tool));
    let mut candidates =
        versions.map(|version| (cache::folder(cache, tool.name, version).join("bin"), version));
    let (bin, version) = candidates.find(|(bin, version)| check(tool, bin, version).is_ok())?;
    Some(Found { bin, version, on_path: false })
}

fn install(tool: &Tool, source: &Source, cache: &Path) -> Result<PathBuf> {
    let version = source.reports(tool);
    let staging = cache::Staging::new(cache, tool.name, version)?;
    source.install(tool.programs, staging.path(), &cache::log(cache, tool.name, version)?)?;
    check(tool, &staging.path().join("bin"), version)?;
    Ok(staging.keep()?.join("bin"))
}

/// Whether the programs are there, and run.
fn check(tool: &Tool, bin: &Path, expected: &str) -> Result<()> {
    if let Some(missing) = tool.programs.iter().find(|program| !bin.join(program).is_file()) {
        bail!("{missing} is not in {}", bin.display());
    }
    let program = tool.programs.first().context("a tool without programs")?;
    match version::of(&bin.join(program)) {
        Some(version) if version == expected => Ok(()),
        Some(version) => bail!("{program} reports version {version} in place of {expected}"),
        None => bail!("{program} does not run here"),
    }
}
