//! Builds texts.

/// All `parts` in a row. The standard library's `concat` is generic, and takes a kilobyte of every visitor's download.
pub(crate) fn concat(parts: &[&str]) -> String {
    let mut whole = String::new();
    for part in parts {
        whole.push_str(part);
    }
    whole
}
