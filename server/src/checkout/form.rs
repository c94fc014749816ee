//! Buying without JavaScript: which purchase a form belongs to, and where its button leads.
use super::abuse_limits::read_code;
use super::learner::parse_name;
use super::pay::Press;
use super::{Checkout, FormRedirect, IdempotencyKey, PayContext};
use crate::coupons::CouponCode;
use crate::email::typed;
use crate::error::Error;
use crate::links::Links;
use crate::purchase::{Event, Learner, PageTerms, PaymentPath, Purchase, PurchaseId};
use crate::store::StoreError;
use shared::{OpenPurchase, Sale, State};

/// The submitted form.
#[derive(Clone, Debug, Default)]
pub struct HostedPurchase {
    pub sku: String,
    pub email: String,
    pub name: Option<String>,
    pub coupon: Option<String>,
    /// The variant that led to the form.
    pub variant: Option<String>,
    /// The same for every submission of one form, so that the second resumes what the first started.
    pub key: Option<String>,
    /// Minor units that the form showed, for one place.
    pub shown_total: Option<i64>,
    /// The number of places, if bought for a team.
    pub places: Option<i64>,
}

/// Where our pages are, and their language.
#[derive(Clone, Debug)]
pub struct PageSite {
    /// Without a trailing slash.
    pub base: String,
    pub lang: String,
    /// Appended to the address of a status page, such as `?lang=de`.
    pub query: String,
}

/// Why a form was rejected.
#[derive(Debug)]
pub struct FormRejection {
    pub error: Error,
    /// The purchase that the same form opened before and that is still under way, if any.
    pub purchase: Option<PurchaseId>,
}

/// The order in a submitted form.
struct Wish<'a> {
    opening: &'a OpenPurchase,
    code: Option<CouponCode>,
    learner: &'a Learner,
}

/// How a form's purchase relates to a new submission of the form.
enum Known {
    /// The sender's own, on these terms: the form continues with it.
    Own,
    /// Someone else's, or on other terms, and not paid.
    Others,
    /// Over, or paid by someone else: the form buys another.
    Past,
}

impl Checkout {
    /// Opens a purchase, records who pays, and has Stripe create the page to pay on. Repeated with the same key and
    /// email, it leads to the same purchase and page until that is over.
    pub async fn buy_hosted(
        &self,
        request: HostedPurchase,
        site: &PageSite,
        context: &PayContext,
    ) -> Result<FormRedirect, FormRejection> {
        let learner = Learner {
            email: typed(&request.email).map_err(|_| Error::InvalidEmail)?,
            name: parse_name(request.name)?,
            external_id: None,
            issuer: None,
        };
        let HostedPurchase { sku, variant, places, .. } = request;
        let coupon = request.coupon.filter(|coupon| !coupon.trim().is_empty());
        let code = match &coupon {
            Some(coupon) => Some(read_code(coupon).map_err(Error::from)?),
            None => None,
        };
        let opening = OpenPurchase { sku: sku.clone(), coupon, variant, learner_token: None, places };
        let wish = Wish { opening: &opening, code, learner: &learner };
        let mut name = request.key.map(|key| format!("form {key}"));
        // Each past purchase determines the key of the next, so that concurrent submissions open only one.
        while let Some(known) = self.known_by(name.as_deref(), &sku).await? {
            let past = match known_to(&known, &wish) {
                Known::Own => break,
                Known::Past => true,
                Known::Others => self.clear_away(&known, &wish, context).await?,
            };
            if !past {
                return Ok(FormRedirect { id: known.id().clone(), page: None });
            }
            name = name.map(|name| next_name(&name, &known));
        }
        let key = name.map(|name| IdempotencyKey::new(&name, sku.as_bytes()));
        let opened = self.open_purchase(opening.clone(), key, &context.client).await?;
        let id = PurchaseId::parse(&opened.id).ok_or(Error::UnknownPurchase)?;
        // The form shows the price without a coupon, Stripe's page the price with it.
        let shown = request.shown_total.map(|shown| shown.saturating_mul(places.unwrap_or(1)));
        let expected_total = match shown {
            Some(shown) if shown != opened.price.list => shown,
            Some(_) | None => opened.price.total,
        };
        let title = self.catalog.get().find(&sku).map_or(sku.clone(), |item| item.title.clone());
        let back = Links::new(&site.base).purchase(&id, &site.query);
        let path = PaymentPath::Hosted(PageTerms { title, lang: site.lang.clone(), back });
        match self.go_to_page(&id, Press { learner, expected_total, path }, context).await {
            Ok(page) => Ok(FormRedirect { id, page }),
            Err(error) => Err(self.rejection(id, error).await?),
        }
    }

    /// The purchase that was opened with the key of this name. A key used with another SKU is refused when it is
    /// claimed.
    async fn known_by(&self, name: Option<&str>, sku: &str) -> Result<Option<Purchase>, Error> {
        let Some(name) = name else { return Ok(None) };
        let known = self.opened_with(&IdempotencyKey::new(name, sku.as_bytes())).await?;
        Ok(known.filter(|known| known.sku() == sku))
    }

    /// Cancels what the form has opened for another email, coupon or number of places, so that Stripe's page and
    /// receipt show what was corrected: `true` once it is over. A payment under way is not lost: before the seat is
    /// released, Stripe closes its page and is asked what was paid there. Until that is known, or if it was paid,
    /// nothing else is opened.
    async fn clear_away(
        &self,
        known: &Purchase,
        wish: &Wish<'_>,
        context: &PayContext,
    ) -> Result<bool, FormRejection> {
        let rejection = |error| FormRejection { error, purchase: Some(known.id().clone()) };
        // Keep the seat if the new purchase would be refused.
        let item = self.sellable(wish.opening, self.now()).map_err(rejection)?;
        if let Some(code) = &wish.code {
            self.admit_email(known.id(), &wish.learner.email, &context.client).await?;
            self.admit_coupon(code, &item, &wish.learner.email, &context.client).await?;
        }
        let more = wish.opening.places.unwrap_or(1) - known.places();
        if let Some(capacity) = item.capacity
            && self.store.taken_seats(&item.sku).await? + more > capacity
        {
            return Err(Error::NotForSale(Sale::SoldOut).into());
        }
        let seats = if item.capacity.is_some() { wish.opening.places.unwrap_or(1) } else { 1 };
        let weight = u32::try_from(seats).unwrap_or(u32::MAX);
        self.admit_another(&context.client, weight, &wish.learner.email).await.map_err(rejection)?;
        let left = match self.cancel(known.id()).await {
            Err(Error::Refused(_)) => self.store.purchase(known.id()).await.map_err(Error::from),
            outcome => outcome,
        };
        Ok(left.map_err(rejection)?.state().is_over())
    }

    /// A purchase that was rejected before Stripe was called is cancelled and holds no seat. One that was already under
    /// way goes on, and the rejection names it; if only its page could not be created, the form itself leads back to
    /// it.
    async fn rejection(&self, id: PurchaseId, error: Error) -> Result<FormRejection, Error> {
        let state = self.store.purchase(&id).await?.state();
        if state == State::Held {
            self.apply(&id, Event::CancelRequested).await?;
        }
        let goes_on =
            matches!(state, State::Paying | State::Processing) && !matches!(error, Error::NotCharged(_));
        Ok(FormRejection { error, purchase: goes_on.then_some(id) })
    }
}

impl From<Error> for FormRejection {
    fn from(error: Error) -> Self {
        Self { error, purchase: None }
    }
}

impl From<StoreError> for FormRejection {
    fn from(error: StoreError) -> Self {
        Error::from(error).into()
    }
}

/// A learner who resubmits a form, from the browser's history or a second tab, is led to their purchase and never
/// charged twice. For someone else, or after the first is over, the form buys another.
fn known_to(known: &Purchase, wish: &Wish<'_>) -> Known {
    let same = known.learner().is_none_or(|first| first.is_same(wish.learner));
    let code = known.redemption().map(|redemption| &redemption.code);
    let places = known.is_for_team().then(|| known.places());
    let at_these_terms = code == wish.code.as_ref() && places == wish.opening.places;
    match known.state() {
        State::Held | State::Paying if at_these_terms && known.can_be_paid_for(wish.learner) => Known::Own,
        State::Held | State::Paying => Known::Others,
        // A payment is processing, and the purchase's own page says so.
        State::Processing => Known::Own,
        State::Paid | State::Granted if same && places == wish.opening.places => Known::Own,
        State::Paid
        | State::Granted
        | State::Expired
        | State::Canceled
        | State::Refunding
        | State::Refunded => Known::Past,
    }
}

fn next_name(name: &str, known: &Purchase) -> String {
    let form = name.split(" after ").next().unwrap_or_default();
    format!("{form} after {}", known.id().as_str())
}
