//! The codes of a company: its page, and whom its codes are assigned to.
use super::Checkout;
use crate::abuse::Excess;
use crate::coupons::{CouponCode, MOST_CODES, Pack, PackCode, PackKey};
use crate::email::{normalized, plain, typed};
use crate::error::Error;
use crate::purchase::Purchase;
use crate::store::{NewlyAssigned, Tx};
use shared::{Email, State};
use std::collections::HashSet;
use std::time::Duration;

/// Emails that may be sent per code and day.
const EMAILS_PER_CODE: i64 = 3;
const DAY: Duration = Duration::from_secs(86_400);

/// A pack and its codes.
#[derive(Clone, Debug)]
pub struct TeamPage {
    pub pack: Pack,
    pub codes: Vec<PackCode>,
    /// The offering's title in the catalogue.
    pub title: String,
}

/// The outcome for emails that were pasted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assigned {
    /// How many of the pasted emails have a code now.
    pub with: usize,
    /// Emails for which no code was left.
    pub without: Vec<Email>,
    /// The text that is not an email.
    pub unreadable: Vec<String>,
}

impl Checkout {
    /// The pack whose page has this key.
    pub async fn team_page(&self, key: &PackKey) -> Result<TeamPage, Error> {
        let pack = self.store.pack_with_key(key).await?.ok_or(Error::UnknownPack)?;
        self.page_of(pack).await
    }

    /// The codes that `purchase` has paid for, as long as it is in effect.
    pub async fn codes_bought(&self, purchase: &Purchase) -> Result<Option<TeamPage>, Error> {
        if !purchase.is_for_team() || purchase.state() != State::Granted {
            return Ok(None);
        }
        match self.store.pack_of(purchase.id()).await? {
            Some(pack) => self.page_of(pack).await.map(Some),
            None => Ok(None),
        }
    }

    async fn page_of(&self, pack: Pack) -> Result<TeamPage, Error> {
        let codes = self.store.codes_of(&pack.id, self.now()).await?;
        let title = self.catalog.get().find(&pack.sku).map_or(pack.sku.clone(), |item| item.title.clone());
        Ok(TeamPage { pack, codes, title })
    }

    /// Assigns a free code to each email in `text`, separated by any character that emails don't contain. With `send`,
    /// newly assigned codes are emailed in that language.
    pub async fn assign_codes(
        &self,
        key: &PackKey,
        text: &str,
        send: Option<&str>,
    ) -> Result<Assigned, Error> {
        let pack = self.store.pack_with_key(key).await?.ok_or(Error::UnknownPack)?;
        let (emails, unreadable) = read_emails(text);
        if emails.len() > usize::try_from(MOST_CODES).unwrap_or(usize::MAX) {
            let detail = format!("must be at most {MOST_CODES}");
            return Err(Error::Invalid { field: "emails".to_owned(), detail });
        }
        let now = self.now();
        let mut tx = self.store.begin().await?;
        let NewlyAssigned { codes, without } = tx.assign_codes(&pack, &emails).await?;
        if let Some(lang) = send {
            self.count_code_emails(&mut tx, &pack, codes.len()).await?;
            for (code, email) in &codes {
                tx.send_code(code, email, lang, now).await?;
            }
        }
        tx.commit().await?;
        tracing::info!(pack.id = pack.id, codes.assigned = emails.len() - without.len(), "codes assigned");
        Ok(Assigned { with: emails.len() - without.len(), without, unreadable })
    }

    /// Limits the emails of a pack to a few per code and day, so that its page can't be abused as a mail relay.
    async fn count_code_emails(&self, tx: &mut Tx, pack: &Pack, more: usize) -> Result<(), Error> {
        let (sent, codes) = tx.letters_of(pack, self.now().minus(DAY)).await?;
        if sent + i64::try_from(more).unwrap_or(i64::MAX) > EMAILS_PER_CODE * codes {
            return Err(Error::TooMany { excess: Excess::CodeEmails, wait: DAY, challenge: None });
        }
        Ok(())
    }

    /// Assigns an unused code to another email, where it is sent in the language `send`, or opens it to anyone who has
    /// it.
    pub async fn reassign_code(
        &self,
        key: &PackKey,
        code: &str,
        email: Option<&str>,
        send: Option<&str>,
    ) -> Result<(), Error> {
        let wrong =
            |field: &str, detail: &str| Error::Invalid { field: field.to_owned(), detail: detail.to_owned() };
        let pack = self.store.pack_with_key(key).await?.ok_or(Error::UnknownPack)?;
        let code = CouponCode::parse(code).map_err(|error| wrong("code", &error.to_string()))?;
        let email = email.map(typed).transpose().map_err(|_| Error::InvalidEmail)?;
        let mut tx = self.store.begin().await?;
        let Some(before) = tx.assign_code(&pack, &code, email.as_ref()).await? else {
            tx.rollback().await?;
            return Err(wrong("code", "is none of these, or is used already"));
        };
        // Pressing twice sends one email.
        if let (Some(email), Some(lang)) = (&email, send)
            && before.is_none_or(|before| !before.eq_ignore_ascii_case(email.as_str()))
        {
            self.count_code_emails(&mut tx, &pack, 1).await?;
            tx.send_code(&code, email, lang, self.now()).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// Emails as pasted from spreadsheets and mail programs, each once, and what can't be read as one. Reading stops once
/// there are more than allowed.
fn read_emails(text: &str) -> (Vec<Email>, Vec<String>) {
    let (mut emails, mut unreadable, mut known) = (Vec::new(), Vec::new(), HashSet::new());
    let text = plain(text);
    let words = text.split(|letter: char| letter.is_whitespace() || ",;<>\"()".contains(letter));
    for word in words.filter(|word| !word.is_empty()) {
        match Email::parse(word) {
            Ok(email) => {
                if known.insert(normalized(&email)) {
                    emails.push(email);
                }
            }
            // A name beside its address.
            Err(_) if !word.contains('@') && !word.trim_end_matches('.').contains('.') => {}
            Err(_) => unreadable.push(word.to_owned()),
        }
        if emails.len().max(unreadable.len()) > usize::try_from(MOST_CODES).unwrap_or(usize::MAX) {
            break;
        }
    }
    (emails, unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails_are_read_as_they_are_pasted() {
        let text = "Ada Lovelace <ada@example.com>; bob@example.com,\tADA@example.com\r\ngrace@\n\"eve@example.com\"";
        let (emails, unreadable) = read_emails(text);
        let emails: Vec<_> = emails.iter().map(Email::as_str).collect();
        assert_eq!(emails, ["ada@example.com", "bob@example.com", "eve@example.com"]);
        assert_eq!(unreadable, ["grace@"]);
    }
}
