//! Normalizes email addresses, so that any spelling of an address finds the same records.
use shared::{Email, InvalidEmail};
use unicode_normalization::UnicodeNormalization;

/// Parses an address that was typed or pasted.
pub fn typed(text: &str) -> Result<Email, InvalidEmail> {
    Email::parse(&plain(text))
}

/// Removes invisible characters from text that was typed or pasted, and narrows the full-width letters that Chinese,
/// Japanese and Korean input methods produce.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars().filter(|letter| !is_invisible(*letter)).map(narrow).collect()
}

/// Directional marks, joiners, soft hyphens, variation selectors, and the byte order mark that some programs put first.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(letter, '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

fn narrow(letter: char) -> char {
    match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
        '\u{3002}' | '\u{ff61}' => '.',
        '\u{3000}' => ' ',
        other => other,
    }
}

/// The address in lower case, with composed accents (NFC) and its domain as DNS has it. Mail servers may distinguish
/// `Ada@…` from `ada@…`, but none that we know of does.
#[must_use]
pub fn normalized(email: &Email) -> String {
    let text = plain(email.as_str());
    let (local, domain) = text.rsplit_once('@').unwrap_or((&text, ""));
    [&folded(local), "@", &normalized_domain(domain)].concat()
}

/// The same for the part after the `@`.
#[must_use]
pub fn normalized_domain(domain: &str) -> String {
    match url::Host::parse(domain) {
        Ok(url::Host::Domain(domain)) => domain,
        Ok(url::Host::Ipv4(_) | url::Host::Ipv6(_)) | Err(_) => folded(domain),
    }
}

fn folded(text: &str) -> String {
    // Lowercasing decomposes some letters.
    text.nfc().collect::<String>().to_lowercase().nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wide_or_can_not_be_seen_is_no_other_address() {
        for written in [
            "ada@example.com",
            "ａｄａ＠ｅｘａｍｐｌｅ．ｃｏｍ",
            "\u{202a}ada@example.com\u{202c}",
            "ada\u{200b}@exam\u{ad}ple.com\u{200e}",
            "\u{feff}ada@example。com\u{3000}",
        ] {
            assert_eq!(typed(written).unwrap().as_str(), "ada@example.com", "{written:?}");
        }
    }

    #[test]
    fn every_spelling_of_an_address_is_one() {
        for (one, other) in [
            ("ada@example.com", " Ada@EXAMPLE.com"),
            ("jürgen@müller.de", "JÜRGEN@MÜLLER.DE"),
            ("jürgen@müller.de", "ju\u{308}rgen@müller.de"),
            ("jürgen@müller.de", "JU\u{308}RGEN@xn--mller-kva.de"),
        ] {
            let key = |text: &str| normalized(&Email::parse(text).unwrap());
            assert_eq!(key(one), key(other), "{other}");
        }
        assert_eq!(normalized(&Email::parse("Ada+x@Example.com").unwrap()), "ada+x@example.com");
    }
}
