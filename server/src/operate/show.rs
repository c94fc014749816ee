//! Prints tables for people, and JSON for programs.
use comfy_table::{Table, presets};
use serde::Serialize;
use shared::Timestamp;
use std::io::{ErrorKind, Write as _};

/// Prints `rows` under `header`, or `data` as JSON.
pub(super) fn table<T: Serialize>(
    json: bool,
    data: &T,
    header: &[&str],
    rows: Vec<Vec<String>>,
) -> anyhow::Result<()> {
    if json {
        return print_json(data);
    }
    let empty = rows.is_empty();
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(header.to_vec());
    table.add_rows(rows);
    print(&table.trim_fmt());
    if empty {
        print(" (none)");
    }
    Ok(())
}

pub(super) fn print_json<T: Serialize>(data: &T) -> anyhow::Result<()> {
    print(&serde_json::to_string_pretty(data)?);
    Ok(())
}

/// Prints to the person or program that called. It may stop reading early: `… | head` ends quietly.
pub(super) fn print(text: &str) {
    if let Err(error) = writeln!(std::io::stdout().lock(), "{text}") {
        std::process::exit(i32::from(error.kind() != ErrorKind::BrokenPipe));
    }
}

pub(super) fn moment(at: Timestamp) -> String {
    at.to_string()
}
