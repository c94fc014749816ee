//! An email address, parsed once at the edge, and masked wherever a person or a log may see it.
use std::fmt;

/// An address with a local part and a dotted domain. `Debug` masks it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

/// The text is not a valid email address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidEmail;

impl Email {
    /// Trims `text` and accepts addresses that a mail server could deliver to: at most 254 bytes (RFC 5321),
    /// exactly one `@`, no white space or control characters, and a domain with a dot.
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidEmail)?;
        let delivers = text.len() <= 254
            && (1..=64).contains(&local.len())
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && text.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"()<>,;:\\\"[]".contains(c))
            && !local.contains('@')
            && domain.contains('.')
            && domain.split('.').all(is_label);
        if delivers { Ok(Self(text.to_owned())) } else { Err(InvalidEmail) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that browsers and logs may see, such as `a•••@example.com`.
    #[must_use]
    pub fn masked(&self) -> String {
        match self.0.rsplit_once('@') {
            Some((local, domain)) => {
                let first = local.chars().next().map(String::from).unwrap_or_default();
                [&first, "•••@", domain].concat()
            }
            None => "•••".to_owned(),
        }
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|c| c.is_alphanumeric() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_can_be_delivered_to_are_accepted() {
        for right in
            ["a@b.co", " ada.lovelace+redis@example.co.uk ", "o'neil@example.com", "jürgen@müller.de"]
        {
            assert_eq!(Email::parse(right).map(|e| e.as_str().to_owned()), Ok(right.trim().to_owned()));
        }
    }

    #[test]
    fn others_are_refused() {
        let long = [&"a".repeat(250), "@b.co"].concat();
        let wrong = [
            "",
            "a",
            "a@",
            "@b.co",
            "a@b",
            "a b@c.de",
            "a@b..co",
            "a@@b.co",
            ".a@b.co",
            "a@-b.co",
            "a@b.co\n c@d.e",
            &long,
        ];
        for text in wrong {
            assert_eq!(Email::parse(text), Err(InvalidEmail), "{text}");
        }
    }

    #[test]
    fn debug_and_mask_never_show_the_local_part() {
        let email = Email::parse("ada@example.com").unwrap();
        assert_eq!(email.masked(), "a•••@example.com");
        assert_eq!(format!("{email:?}"), "a•••@example.com");
    }
}
