//! Reads the version that a program reports.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use crate::process;

/// The output of `program --version`, or `None` if it doesn't run. A script for browsers runs nowhere here, and has its
/// version in its first line.
pub(crate) fn of(program: &Path) -> Option<String> {
    if program.extension().is_some_and(|extension| extension == "js") {
        let mut line = String::new();
        BufReader::new(std::fs::File::open(program).ok()?).read_line(&mut line).ok()?;
        return parse(&line).map(str::to_owned);
    }
    let mut command = process::command(program);
    // Trunk takes NO_COLOR as a flag of its own, and refuses the customary value. Cargo's subcommands that see CARGO
    // expect their own name before the flag.
    command.arg("--version").env_remove("NO_COLOR").env_remove("CARGO");
    let output = command.stdin(Stdio::null()).output().ok()?;
    if !output.status.success() {
        return None;
    }
    parse(&String::from_utf8_lossy(&output.stdout)).map(str::to_owned)
}

/// The first word that starts with a digit.
fn parse(text: &str) -> Option<&str> {
    text.split_whitespace()
        .map(|word| word.trim_start_matches('v'))
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_our_tools_print() {
        assert_eq!(parse("trunk 0.21.14\n"), Some("0.21.14"));
        assert_eq!(parse("wasm-opt version 132 (version_132)"), Some("132"));
        assert_eq!(parse("0.9.2"), Some("0.9.2"));
        assert_eq!(parse("/*! axe v4.14.1\n"), Some("4.14.1"));
        assert_eq!(parse("tool v1.2.3 (abc 2026-01-01)"), Some("1.2.3"));
        assert_eq!(parse("no version here"), None);
    }

    #[test]
    fn a_program_that_is_missing_has_none() {
        assert_eq!(of(Path::new("/nowhere/at/all")), None);
    }
}
