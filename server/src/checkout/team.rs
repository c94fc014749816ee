//! The codes of a company: its page, and whom its codes are for.
use super::Checkout;
use crate::abuse::Excess;
use crate::coupons::{CouponCode, MOST_CODES, Pack, PackCode, PackKey};
use crate::email::{normalized, plain, typed};
use crate::error::Error;
use crate::grants::Grants;
use crate::payments::Payments;
use crate::purchase::Purchase;
use crate::store::{NewlyAssigned, Tx};
use shared::{Email, State};
use std::collections::HashSet;
use std::time::Duration;

/// Letters that may be sent of each code in a day.
const LETTERS: i64 = 3;
const DAY: Duration = Duration::from_secs(86_400);

/// A pack and its codes.
#[derive(Clone, Debug)]
pub struct TeamPage {
    pub pack: Pack,
    pub codes: Vec<PackCode>,
    /// What the codes are for, in the catalogue's words.
    pub title: String,
}

/// What became of emails that were pasted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assigned {
    /// How many have a code now, of those that were pasted.
    pub with: usize,
    /// Those for whom there was none left.
    pub without: Vec<Email>,
    /// What is no email.
    pub unreadable: Vec<String>,
}

impl<P: Payments, G: Grants> Checkout<P, G> {
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

    /// Keeps a free code for each email in `text`, parted by anything that no email has in it. Who had none before is sent
    /// theirs, in the words of the language `send`.
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
            self.admit_letters(&mut tx, &pack, codes.len()).await?;
            for (code, email) in &codes {
                tx.send_code(code, email, lang, now).await?;
            }
        }
        tx.commit().await?;
        tracing::info!(pack.id = pack.id, codes.assigned = emails.len() - without.len(), "codes assigned");
        Ok(Assigned { with: emails.len() - without.len(), without, unreadable })
    }

    /// Refuses letters of a pack beyond a few for each of its codes in a day: its page is nobody's mail relay.
    async fn admit_letters(&self, tx: &mut Tx, pack: &Pack, more: usize) -> Result<(), Error> {
        let (sent, codes) = tx.letters_of(pack, self.now().minus(DAY)).await?;
        if sent + i64::try_from(more).unwrap_or(i64::MAX) > LETTERS * codes {
            return Err(Error::TooMany { excess: Excess::Letters, wait: DAY, challenge: None });
        }
        Ok(())
    }

    /// Keeps an unused code for another email, which it is sent to in the words of the language `send`, or for whoever
    /// has it.
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
            tx.take_back().await?;
            return Err(wrong("code", "is none of these, or is used already"));
        };
        // The same press twice is one letter.
        if let (Some(email), Some(lang)) = (&email, send)
            && before.is_none_or(|before| !before.eq_ignore_ascii_case(email.as_str()))
        {
            self.admit_letters(&mut tx, &pack, 1).await?;
            tx.send_code(&code, email, lang, self.now()).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// Emails as spreadsheets and mail programs give them, each once, and what can't be read as one. More than there may be
/// are not read to the end.
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
