//! One spelling of each email address, by which it is found whatever somebody typed.
use shared::Email;
use unicode_normalization::UnicodeNormalization;

/// The address in lower case, its accents composed and its domain as the Domain Name System has it. Mail servers may tell
/// `Ada@…` from `ada@…`, and none that we know of does.
#[must_use]
pub fn normalized(email: &Email) -> String {
    let text = email.as_str();
    let (local, domain) = text.rsplit_once('@').unwrap_or((text, ""));
    [&folded(local), "@", &normalized_domain(domain)].concat()
}

/// The same for what stands behind the `@`.
#[must_use]
pub fn normalized_domain(domain: &str) -> String {
    match url::Host::parse(domain) {
        Ok(url::Host::Domain(domain)) => domain,
        Ok(url::Host::Ipv4(_) | url::Host::Ipv6(_)) | Err(_) => folded(domain),
    }
}

fn folded(text: &str) -> String {
    // Some letters come apart in lower case.
    text.nfc().collect::<String>().to_lowercase().nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
