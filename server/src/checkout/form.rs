//! Buying without JavaScript: which purchase a form stands for, and where its button leads.
use super::guard::read_code;
use super::pay::{Press, parse_name};
use super::{Checkout, Hosted, IdempotencyKey, Payer};
use crate::coupons::CouponCode;
use crate::email::typed;
use crate::error::Error;
use crate::grants::Grants;
use crate::payments::Payments;
use crate::purchase::{Event, Learner, PageTerms, Purchase, PurchaseId, Way};
use crate::store::StoreError;
use shared::{OpenPurchase, Sale, State};

/// What the form says.
#[derive(Clone, Debug, Default)]
pub struct HostedPurchase {
    pub sku: String,
    pub email: String,
    pub name: Option<String>,
    pub coupon: Option<String>,
    /// The variant that led to the form.
    pub variant: Option<String>,
    /// The same for every submission of one form, so that the second resumes what the first began.
    pub key: Option<String>,
    /// Minor units that the form showed, for one place.
    pub shown_total: Option<i64>,
    /// For so many of a team.
    pub places: Option<i64>,
}

/// Where our pages are, and in which language.
#[derive(Clone, Debug)]
pub struct PageSite {
    /// Without a trailing slash.
    pub base: String,
    pub lang: String,
    /// Goes behind the address of a status page, such as `?lang=de`.
    pub query: String,
}

/// Why a form led nowhere.
#[derive(Debug)]
pub struct Hindered {
    pub error: Error,
    /// What was bought with the same form before and is under way all the same.
    pub purchase: Option<PurchaseId>,
}

/// What whoever sends a form wants.
struct Wish<'a> {
    opening: &'a OpenPurchase,
    code: Option<CouponCode>,
    learner: &'a Learner,
}

/// What a form's purchase is to whoever sends the form again.
enum Known {
    /// Theirs, at these terms: the form goes on with it.
    Own,
    /// Somebody else's, or at other terms, and not paid.
    Others,
    /// Past: the form buys another.
    Past,
}

impl<P: Payments, G: Grants> Checkout<P, G> {
    /// Opens a purchase, takes note of who pays, and has Stripe make the page to pay on. Repeated with the same key and
    /// email it leads to the same purchase and the same page, as long as that is not over.
    pub async fn buy_hosted(
        &self,
        request: HostedPurchase,
        site: &PageSite,
        payer: &Payer,
    ) -> Result<Hosted, Hindered> {
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
        // Every purchase that is past names the key of the next, so that presses at once open one, whichever it is.
        while let Some(known) = self.known_by(name.as_deref(), &sku).await? {
            let past = match known_to(&known, &wish) {
                Known::Own => break,
                Known::Past => true,
                Known::Others => self.clear_away(&known, &wish, payer).await?,
            };
            if !past {
                return Ok(Hosted { id: known.id().clone(), page: None });
            }
            name = name.map(|name| next_name(&name, &known));
        }
        let key = name.map(|name| IdempotencyKey::new(&name, sku.as_bytes()));
        let opened = self.open_purchase(opening.clone(), key, &payer.client).await?;
        let id = PurchaseId::parse(&opened.id).ok_or(Error::UnknownPurchase)?;
        // The form shows the price without a coupon, and Stripe's page what is left of it.
        let shown = request.shown_total.map(|shown| shown.saturating_mul(places.unwrap_or(1)));
        let expected_total = match shown {
            Some(shown) if shown != opened.price.list => shown,
            Some(_) | None => opened.price.total,
        };
        let title = self.catalog.get().find(&sku).map_or(sku.clone(), |item| item.title.clone());
        let back = format!("{}/p/{}{}", site.base, id.as_str(), site.query);
        let way = Way::Hosted(PageTerms { title, lang: site.lang.clone(), back });
        match self.go_to_page(&id, Press { learner, expected_total, way }, payer).await {
            Ok(page) => Ok(Hosted { id, page }),
            Err(error) => Err(self.hindered(id, error).await?),
        }
    }

    /// What was opened with the key of this name. With another SKU it is refused when it is used.
    async fn known_by(&self, name: Option<&str>, sku: &str) -> Result<Option<Purchase>, Error> {
        let Some(name) = name else { return Ok(None) };
        let known = self.opened_with(&IdempotencyKey::new(name, sku.as_bytes())).await?;
        Ok(known.filter(|known| known.sku() == sku))
    }

    /// Gives up what the form has opened for another email, coupon or number of places, so that what was corrected is on
    /// Stripe's page and on its receipt: `true` once it is over. A payment under way is not lost: Stripe closes its page and is asked what was paid
    /// there before the seat is free, and as long as that is not known, or where it was paid, nothing else is opened.
    async fn clear_away(&self, known: &Purchase, wish: &Wish<'_>, payer: &Payer) -> Result<bool, Hindered> {
        let hindered = |error| Hindered { error, purchase: Some(known.id().clone()) };
        // Nobody gives up a seat for a purchase that would be refused.
        let item = self.sellable(wish.opening, self.now()).map_err(hindered)?;
        if let Some(code) = &wish.code {
            self.admit_email(known.id(), &wish.learner.email, &payer.client).await?;
            self.admit_coupon(code, &item, &wish.learner.email, &payer.client).await?;
        }
        let more = wish.opening.places.unwrap_or(1) - known.places();
        if let Some(capacity) = item.capacity
            && self.store.taken_seats(&item.sku).await? + more > capacity
        {
            return Err(Error::NotForSale(Sale::SoldOut).into());
        }
        let seats = if item.capacity.is_some() { wish.opening.places.unwrap_or(1) } else { 1 };
        let weight = u32::try_from(seats).unwrap_or(u32::MAX);
        self.admit_another(&payer.client, weight, &wish.learner.email).await.map_err(hindered)?;
        let left = match self.give_up(known.id()).await {
            Err(Error::Refused(_)) => self.store.purchase(known.id()).await.map_err(Error::from),
            outcome => outcome,
        };
        Ok(left.map_err(hindered)?.state().is_over())
    }

    /// A purchase whose learner was turned away before Stripe heard of it holds no seat. One that was on its way before
    /// goes on; only where its page could not be made is the form what leads to it.
    async fn hindered(&self, id: PurchaseId, error: Error) -> Result<Hindered, Error> {
        let state = self.store.purchase(&id).await?.state();
        if state == State::Held {
            self.store.apply(&id, Event::GaveUp, self.now()).await??;
        }
        let goes_on =
            matches!(state, State::Paying | State::Processing) && !matches!(error, Error::NotCharged(_));
        Ok(Hindered { error, purchase: goes_on.then_some(id) })
    }
}

impl From<Error> for Hindered {
    fn from(error: Error) -> Self {
        Self { error, purchase: None }
    }
}

impl From<StoreError> for Hindered {
    fn from(error: StoreError) -> Self {
        Error::from(error).into()
    }
}

/// Who has bought with a form and sends it again, from the browser's history or a second tab, is led to what they have
/// and never to a second charge. For somebody else, or after the first is over, the form buys another.
fn known_to(known: &Purchase, wish: &Wish<'_>) -> Known {
    let same = known.learner().is_none_or(|first| first.is_same(wish.learner));
    let code = known.redemption().map(|redemption| &redemption.code);
    let places = known.is_for_team().then(|| known.places());
    let at_these_terms = code == wish.code.as_ref() && places == wish.opening.places;
    match known.state() {
        State::Held | State::Paying if at_these_terms && known.can_be_paid_for(wish.learner) => Known::Own,
        State::Held | State::Paying => Known::Others,
        // Money is on its way: its own page says so.
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
