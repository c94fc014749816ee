//! A pack's codes as a table that spreadsheets read.
use super::PackCode;

/// CSV with a header, by RFC 4180.
#[must_use]
pub fn csv(codes: &[PackCode]) -> String {
    let mut lines = vec!["code,state,email,used by,purchase,valid until".to_owned()];
    for PackCode { coupon, state, used_by, .. } in codes {
        let (purchase, learner) = used_by.clone().unwrap_or_default();
        let cells = [
            coupon.terms.shown.clone(),
            state.as_str().to_owned(),
            coupon.email.clone().unwrap_or_default(),
            learner.unwrap_or_default(),
            purchase,
            coupon.valid_until.map(|until| until.to_string()).unwrap_or_default(),
        ];
        lines.push(cells.map(|cell| quoted(&cell)).join(","));
    }
    lines.push(String::new());
    lines.join("\r\n")
}

/// What a spreadsheet would take for a formula begins with an apostrophe
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\r', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}
