//! Composes emails in the language of the person who triggered them.
use crate::links::Links;
use crate::store::{About, Mail};
use widget::Locale;

/// An email as sent: plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailMessage {
    pub id: String,
    /// One address.
    pub to: String,
    pub subject: String,
    pub text: String,
}

/// Composes `mail` in the language of `locale`. `title` is the offering's, and `base` our address without a trailing
/// slash.
#[must_use]
pub fn message(mail: &Mail, locale: &Locale, title: &str, base: &str) -> EmailMessage {
    let lang = locale.lang();
    let (subject, text, [code, company], address) = match &mail.about {
        About::Code { code, company } => {
            let words = locale.team();
            let address = Links::new(base).buy(&mail.sku, &format!("?coupon={code}&lang={lang}"));
            (&words.mail_subject, &words.mail_text, [code.as_str(), company], address)
        }
        About::Owned { id } => {
            let words = locale.letters();
            let address = Links::new(base).purchase(id, &format!("?lang={lang}"));
            (&words.owned_subject, &words.owned_text, ["", ""], address)
        }
    };
    let filled = |text: &str| {
        // Substitute in one pass, so that a placeholder inside a company's name isn't expanded.
        let mut rest = text;
        let mut whole = String::new();
        while let Some((before, behind)) = rest.split_once('{') {
            let (name, after) = behind.split_once('}').unwrap_or((behind, ""));
            whole.push_str(before);
            whole.push_str(match name {
                "company" => company,
                "title" => title,
                "code" => code,
                "email" => &mail.email,
                _ => &address,
            });
            rest = after;
        }
        whole + rest
    };
    let subject = filled(subject).replace(['\r', '\n'], " ");
    EmailMessage { id: mail.id.clone(), to: mail.email.clone(), subject, text: filled(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purchase::PurchaseId;
    use shared::Timestamp;

    #[test]
    fn a_letter_says_whose_code_it_is_and_where_it_is_used_in_every_language() {
        let code = "7K3M-92QF-ABCD-EFGJ";
        let company = "Acme {code}\r\nBcc: x@example.com".to_owned();
        let mail = Mail {
            id: "1".to_owned(),
            about: About::Code { code: code.to_owned(), company },
            email: "grace@example.com".to_owned(),
            lang: "en".to_owned(),
            sku: "ru-live".to_owned(),
            attempts: 1,
            tried_since: Timestamp::from_millis(0),
        };
        for lang in ["en", "de", "fr", "es", "pt", "ja", "ko", "zh", "he"] {
            let (found, locale) = widget::locales().find(lang);
            assert_eq!(found, lang);
            let message = super::message(&mail, locale, "Vector search", "https://buy.example");
            let address = format!("https://buy.example/buy/ru-live?coupon={code}&lang={lang}");
            assert!(message.text.contains(&address), "{lang}: {}", message.text);
            assert!(message.text.contains("Acme {code}") && message.text.contains(&mail.email), "{lang}");
            assert!(message.subject.contains("Vector search") && !message.subject.contains('\n'), "{lang}");
            assert_eq!(message.text.matches('{').count(), 1, "{lang}: {}", message.text);
            let id = PurchaseId::from_random([1; 20]);
            let owned = Mail { about: About::Owned { id: id.clone() }, ..mail.clone() };
            let message = super::message(&owned, locale, "Vector search", "https://buy.example");
            assert!(
                message.text.contains(&format!("https://buy.example/p/{}?lang={lang}", id.as_str())),
                "{}",
                message.text
            );
            assert!(message.subject.contains("Vector search") && !message.text.contains('{'), "{lang}");
        }
    }
}
