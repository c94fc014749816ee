//! The purchases a signed-in learner already has, and the payer of those they open.
use super::Checkout;
use crate::email::typed;
use crate::error::Error;
use crate::purchase::{Learner, Purchase};
use shared::{OpenPurchase, TokenRefusal};

impl Checkout {
    /// The newest purchase that gives the learner of this token access to the offering.
    pub async fn learners_purchase(&self, asked: &OpenPurchase) -> Result<Option<Purchase>, Error> {
        let token = asked.learner_token.as_deref().unwrap_or_default();
        let learner = self.identity.learner(token).await.map_err(Error::Token)?;
        Ok(self.store.entitlement(&asked.sku, &learner).await?)
    }
}

/// The payer of `purchase`: the learner whom its token named, or the one whose email was typed.
pub(super) fn payer(purchase: &Purchase, email: &str, name: Option<String>) -> Result<Learner, Error> {
    let name = parse_name(name)?;
    let Some(known) = purchase.signed_in() else {
        let email = typed(email).map_err(|_| Error::InvalidEmail)?;
        return Ok(Learner { email, name, external_id: None, issuer: None });
    };
    let email = email.trim();
    if !email.eq_ignore_ascii_case(known.email.as_str()) && email != known.email.masked() {
        let detail = "is that of the learner who is signed in, and can't be another".to_owned();
        return Err(Error::Invalid { field: "email".to_owned(), detail });
    }
    Ok(Learner { name: known.name.clone().or(name), ..known.clone() })
}

pub(super) fn parse_name(name: Option<String>) -> Result<Option<String>, Error> {
    let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    match name {
        Some(name) if name.chars().count() > 200 || name.chars().any(char::is_control) => {
            let detail = "must be at most 200 characters, without line breaks".to_owned();
            Err(Error::Invalid { field: "name".to_owned(), detail })
        }
        name => Ok(name),
    }
}

/// Why a token was refused, in words.
pub(crate) const fn explain(refusal: TokenRefusal) -> &'static str {
    match refusal {
        TokenRefusal::Malformed => "is no token that can be read",
        TokenRefusal::Expired => "has expired",
        TokenRefusal::NotYet => "is not valid yet",
        TokenRefusal::Issuer => "is from an issuer that is not trusted",
        TokenRefusal::Audience => "is for another audience",
        TokenRefusal::Algorithm => "is not signed with RS256, ES256, EdDSA or a shared secret",
        TokenRefusal::Key => "names a key that its issuer does not have",
        TokenRefusal::Signature => "has a signature that does not hold",
        TokenRefusal::Email => "has no verified email",
        TokenRefusal::Unavailable => "can't be checked at the moment",
        TokenRefusal::NotConfigured => "is not read here: no issuer is set up",
    }
}
