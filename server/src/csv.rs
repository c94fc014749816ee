//! Tables that spreadsheets read: CSV by RFC 4180.

/// The first line, with what tells Excel that the table is UTF-8.
#[must_use]
pub fn header<const N: usize>(names: [&str; N]) -> String {
    ["\u{feff}", &line(names)].concat()
}

/// One line with its end.
#[must_use]
pub fn line<const N: usize>(cells: [&str; N]) -> String {
    cells.map(quoted).join(",") + "\r\n"
}

/// What a spreadsheet would take for a formula begins with an apostrophe
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    // Where a comma is for decimals, spreadsheets part cells by semicolons.
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
