//! Prints tables for people, and JSON for programs.
use comfy_table::{Table, presets};
use serde::Serialize;
use shared::Timestamp;

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

#[expect(clippy::print_stdout, reason = "the answer to the person or program that called")]
pub(super) fn print(text: &str) {
    println!("{text}");
}

pub(super) fn moment(at: Timestamp) -> String {
    at.to_string()
}
