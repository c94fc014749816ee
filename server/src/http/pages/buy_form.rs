//! The hosted page's form: what it sends, and how it buys.
use super::form::Form;
use super::language::Language;
use crate::abuse::Client;
use crate::checkout::{FormRejection, HostedPurchase, PageSite, PayContext};
use crate::error::Error;
use crate::http::Api;
use crate::links::Links;
use utoipa::ToSchema;

/// Query parameter for a page with only the form.
pub(super) const PLAIN: &str = "plain";

/// Query parameter for a form for a team.
pub(super) const TEAM: &str = "team";

/// The fields of the form.
#[derive(Clone, Debug, Default, ToSchema)]
pub(in crate::http) struct BuyForm {
    pub(super) email: String,
    pub(super) name: Option<String>,
    pub(super) coupon: Option<String>,
    /// Number of places, if bought for a team.
    pub(super) places: Option<String>,
    /// The variant that led to the page; an unknown one counts as the default one.
    pub(super) variant: Option<String>,
    /// From the page: a second submission with the same key and email leads to the same purchase.
    pub(super) key: Option<String>,
    /// Minor units that the page showed for one place. If the price has changed, the page is shown again.
    pub(super) total: Option<i64>,
}

impl BuyForm {
    pub(super) fn read(form: &Form) -> Result<Self, Error> {
        let invalid = |field: &str| Error::Invalid {
            field: field.to_owned(),
            detail: "is not what the page has sent".to_owned(),
        };
        let key = form.get("key");
        if key
            .as_ref()
            .is_some_and(|key| key.len() > 64 || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        {
            return Err(invalid("key"));
        }
        let total = form.get("total").map(|total| total.parse().map_err(|_| invalid("total"))).transpose()?;
        let email = form.get("email").unwrap_or_default();
        let variant = form.get("variant").filter(|name| is_variant(name));
        let (name, coupon, places) = (form.get("name"), form.get("coupon"), form.get("places"));
        Ok(Self { email, name, coupon, places, variant, key, total })
    }

    /// Whether a visitor who knows that no seat is left has a code, or has come here to type one.
    pub(super) fn asks_for_seat(&self, error: Option<&Error>) -> bool {
        self.coupon.as_ref().is_some_and(|coupon| error.is_none() || !coupon.trim().is_empty())
    }

    /// Buys, and returns the address to which the browser goes next.
    pub(super) async fn buy(
        &self,
        api: &Api,
        sku: String,
        language: &Language,
        client: Client,
    ) -> Result<String, FormRejection> {
        let Self { email, name, coupon, variant, key, total, .. } = self.clone();
        let places = self.places.as_ref().map(|places| {
            let wrong =
                |_| Error::Invalid { field: "places".to_owned(), detail: "must be a number".to_owned() };
            places.trim().parse().map_err(wrong)
        });
        let places = places.transpose()?;
        let request = HostedPurchase { sku, email, name, coupon, variant, key, shown_total: total, places };
        let base = api.site.public_url.clone();
        let site = PageSite { base, lang: language.locale.lang(), query: language.query.clone() };
        let context = PayContext { client, challenge_answer: None, lang: language.for_emails(api) };
        let hosted = api.checkout.buy_hosted(request, &site, &context).await?;
        Ok(hosted.page.unwrap_or_else(|| Links::new(&site.base).purchase(&hosted.id, &site.query)))
    }
}

pub(super) fn is_variant(name: &str) -> bool {
    widget::variants().find(name).1
}
