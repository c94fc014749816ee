//! What a letter says, in the language of who had it sent.
use crate::store::Mail;
use widget::Locale;

/// A letter as it is sent: plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pub id: String,
    /// One address.
    pub to: String,
    pub subject: String,
    pub text: String,
}

/// The code that is kept for somebody. `title` is what it is for, and `base` our address without a trailing slash.
#[must_use]
pub fn code_letter(mail: &Mail, locale: &Locale, title: &str, base: &str) -> Letter {
    let words = locale.team();
    let (code, lang) = (&mail.code, locale.lang());
    let address = format!("{base}/buy/{}?coupon={code}&lang={lang}", mail.sku);
    let filled = |text: &str| {
        // In one pass: what a company is called is no place for another word.
        let mut rest = text;
        let mut whole = String::new();
        while let Some((before, behind)) = rest.split_once('{') {
            let (name, after) = behind.split_once('}').unwrap_or((behind, ""));
            whole.push_str(before);
            whole.push_str(match name {
                "company" => &mail.company,
                "title" => title,
                "code" => code,
                "email" => &mail.email,
                _ => &address,
            });
            rest = after;
        }
        whole + rest
    };
    let subject = filled(&words.mail_subject).replace(['\r', '\n'], " ");
    Letter { id: mail.id.clone(), to: mail.email.clone(), subject, text: filled(&words.mail_text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::Timestamp;

    #[test]
    fn a_letter_says_whose_code_it_is_and_where_it_is_used_in_every_language() {
        let mail = Mail {
            id: "1".to_owned(),
            code: "7K3M-92QF-ABCD-EFGJ".to_owned(),
            email: "grace@example.com".to_owned(),
            lang: "en".to_owned(),
            sku: "ru-live".to_owned(),
            company: "Acme {code}\r\nBcc: x@example.com".to_owned(),
            attempts: 1,
            tried_since: Timestamp::from_millis(0),
        };
        for lang in ["en", "de", "fr", "es", "pt", "ja", "ko", "zh", "he"] {
            let (found, locale) = widget::locales().find(lang);
            assert_eq!(found, lang);
            let letter = code_letter(&mail, locale, "Vector search", "https://buy.example");
            let address = format!("https://buy.example/buy/ru-live?coupon={}&lang={lang}", mail.code);
            assert!(letter.text.contains(&address), "{lang}: {}", letter.text);
            assert!(letter.text.contains("Acme {code}") && letter.text.contains(&mail.email), "{lang}");
            assert!(letter.subject.contains("Vector search") && !letter.subject.contains('\n'), "{lang}");
            assert_eq!(letter.text.matches('{').count(), 1, "{lang}: {}", letter.text);
        }
    }
}
