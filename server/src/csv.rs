//! CSV tables for spreadsheets (RFC 4180).

/// The header line, with the byte order mark that tells Excel that the table is UTF-8.
#[must_use]
pub fn header<const N: usize>(names: [&str; N]) -> String {
    ["\u{feff}", &line(names)].concat()
}

/// One line, including its line ending.
#[must_use]
pub fn line<const N: usize>(cells: [&str; N]) -> String {
    cells.map(quoted).join(",") + "\r\n"
}

/// Quotes a cell, and puts an apostrophe before what a spreadsheet would take for a formula
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    // In locales with a decimal comma, spreadsheets separate cells by semicolons.
    if cell.contains([',', ';', '\t', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cell_holds_stays_in_its_cell() {
        assert_eq!(line(["a;b", "c"]), "\"a;b\",c\r\n");
        assert_eq!(header(["a"]), "\u{feff}a\r\n");
        assert_eq!(line(["a", "b,c", "say \"so\"", "=1+1", ""]), "a,\"b,c\",\"say \"\"so\"\"\",'=1+1,\r\n");
    }
}
