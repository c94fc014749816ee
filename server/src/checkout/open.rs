//! Opens a purchase: the offering must be for sale, and a seat is held.
use super::abuse_limits::read_code;
use super::{Checkout, IdempotencyKey};
use crate::abuse::Client;
use crate::catalog::Item;
use crate::coupons::{CouponCode, CouponRefusal};
use crate::error::Error;
use crate::fault_injection::{Step, reach};
use crate::purchase::{self, Event, Learner, Purchase, PurchaseId, Redemption, Reference};
use crate::store::{StoreError, Tx};
use shared::{Money, OpenPurchase, Opened, Price, Sale, Team, Timestamp, TokenRefusal};

/// A request to open a purchase, and who sent it.
struct Visit<'a> {
    request: &'a OpenPurchase,
    key: Option<&'a IdempotencyKey>,
    client: &'a Client,
    /// The learner whom a token names, or why the token was refused; `None` for a guest.
    signed_in: Option<Result<Learner, TokenRefusal>>,
}

/// The outcome of an opening.
enum Opening {
    /// Still to be committed.
    New(Opened),
    /// Opened before, by the same request.
    Known(Opened),
}

impl Checkout {
    /// Opens a purchase, or replays the answer of the same request.
    pub async fn open_purchase(
        &self,
        request: OpenPurchase,
        key: Option<IdempotencyKey>,
        client: &Client,
    ) -> Result<Opened, Error> {
        let signed_in = match &request.learner_token {
            Some(token) => Some(self.identity.learner(token).await),
            None => None,
        };
        if let Some(Err(refusal)) = signed_in {
            tracing::info!(token.refused = refusal.as_str(), "learner token refused; continuing as a guest");
        }
        let visit = Visit { request: &request, key: key.as_ref(), client, signed_in };
        match self.try_to_open(&visit).await {
            Err(Error::NotForSale(Sale::SoldOut)) if self.end_due_holds(&request.sku).await? => {
                self.try_to_open(&visit).await
            }
            outcome => outcome,
        }
    }

    /// The purchase that was opened with this key, as it stands.
    pub(super) async fn opened_with(&self, key: &IdempotencyKey) -> Result<Option<Purchase>, Error> {
        let Some(answer) = self.store.answer_of(&key.scope, &key.key).await? else { return Ok(None) };
        let opened: Opened = serde_json::from_str(&answer).map_err(StoreError::from)?;
        let id = PurchaseId::parse(&opened.id).ok_or(Error::UnknownPurchase)?;
        Ok(Some(self.store.purchase(&id).await?))
    }

    /// Expires holds that ran out and that the sweep has not reached yet; returns whether there were any.
    async fn end_due_holds(&self, sku: &str) -> Result<bool, Error> {
        let due = self.store.due_holds(sku, self.now()).await?;
        for id in &due {
            self.apply(id, Event::Woken).await?;
        }
        Ok(!due.is_empty())
    }

    async fn try_to_open(&self, visit: &Visit<'_>) -> Result<Opened, Error> {
        let now = self.now();
        let Some(coupon) = &visit.request.coupon else { return self.open_with(visit, None, now).await };
        let code = read_code(coupon)?;
        self.begin_guess(visit.client, now).await?;
        let outcome = self.open_with(visit, Some(code), now).await;
        self.end_guess(outcome.as_ref().err(), visit.client).await?;
        outcome
    }

    async fn open_with(
        &self,
        visit: &Visit<'_>,
        code: Option<CouponCode>,
        now: Timestamp,
    ) -> Result<Opened, Error> {
        let Visit { request, key, .. } = *visit;
        let item = match (self.sellable(request, now), &code) {
            // A company has paid for its codes: they are valid until the training begins.
            (Err(Error::NotForSale(Sale::Closed)), Some(code)) => self.still_takes(request, code, now).await,
            (item, _) => item,
        };
        let item = match (item, key) {
            (Err(refusal), None) => return Err(refusal),
            (item, _) => item,
        };
        // Only without a code, since a code may bring its own seat.
        if let Ok(item) = &item
            && code.is_none()
            && self.is_sold_out(item, key).await?
        {
            return Err(Error::NotForSale(Sale::SoldOut));
        }
        let mut tx = self.store.begin().await?;
        let opened = match self.open_in(&mut tx, visit, item.map(|item| (item, code)), now).await {
            Ok(Opening::New(opened)) => opened,
            Ok(Opening::Known(opened)) => {
                // The transaction that opened it may not be durable yet: the commit waits for it.
                tx.commit().await?;
                return Ok(opened);
            }
            Err(error) => {
                tx.rollback().await?;
                return Err(error);
            }
        };
        reach(Step::OpenStored, "");
        tx.commit().await?;
        reach(Step::OpenCommitted, "");
        tracing::info!(purchase.reference = opened.reference, offering.sku = request.sku, "purchase opened");
        Ok(opened)
    }

    /// The offering of a pack's code, if its sale is closed but the training has not begun.
    async fn still_takes(
        &self,
        request: &OpenPurchase,
        code: &CouponCode,
        now: Timestamp,
    ) -> Result<Item, Error> {
        let catalog = self.catalog.get();
        let item = catalog.find(&request.sku).ok_or_else(|| Error::UnknownSku(request.sku.clone()))?;
        let has_begun = item.starts_at.is_some_and(|at| now >= at);
        let of_pack = self.store.coupon(code).await?.is_some_and(|coupon| coupon.pack.is_some());
        if of_pack && !has_begun { Ok(item.clone()) } else { Err(Error::NotForSale(Sale::Closed)) }
    }

    /// Checks before queuing to write, because nearly all requests of a rush come too late. A repeat still gets its
    /// earlier answer.
    async fn is_sold_out(&self, item: &Item, key: Option<&IdempotencyKey>) -> Result<bool, Error> {
        let Some(capacity) = item.capacity else { return Ok(false) };
        if self.store.taken_seats(&item.sku).await? < capacity {
            return Ok(false);
        }
        match key {
            Some(key) => Ok(self.store.answer_of(&key.scope, &key.key).await?.is_none()),
            None => Ok(true),
        }
    }

    async fn open_in(
        &self,
        tx: &mut Tx,
        visit: &Visit<'_>,
        asked: Result<(Item, Option<CouponCode>), Error>,
        now: Timestamp,
    ) -> Result<Opening, Error> {
        let Visit { request, key, client, signed_in } = visit;
        // Before any refusal, so that a repeat gets its earlier answer whatever has changed since.
        if let Some(key) = key
            && let Some(answer) = key.claim(tx, &key.scope, now).await?
        {
            return Ok(Opening::Known(serde_json::from_str(&answer).map_err(StoreError::from)?));
        }
        let (item, code) = asked?;
        // A company's learners may all share one address, and each of their codes works only once.
        if !code.as_ref().is_some_and(CouponCode::is_made_like) {
            let weight = if item.capacity.is_some() { request.places.unwrap_or(1) } else { 1 };
            self.admit_opening(tx, client, u32::try_from(weight).unwrap_or(u32::MAX), now).await?;
        }
        let allowance = self.allowance(client, &item);
        let id = PurchaseId::from_random(rand::random());
        let team = request.places;
        let (price, redemption) = self.take_seat_and_coupon(tx, &item, code.as_ref(), team, &id, now).await?;
        let terms = purchase::Opening {
            id,
            reference: Reference::from_random(rand::random()),
            sku: item.sku,
            seated: item.capacity.is_some(),
            variant: request.variant.clone(),
            price,
            redemption,
            team,
            signed_in: signed_in.clone().and_then(Result::ok),
        };
        let purchase = Purchase::open(terms, now, &self.rules.limits);
        if !tx.insert(&purchase, &allowance, now).await? {
            return Err(self.not_allowed(tx, &purchase, client, &allowance, now).await?);
        }
        self.admit_to_offering(purchase.sku(), client)?;
        let token_refused = signed_in.as_ref().and_then(|learner| learner.as_ref().err());
        let opened = purchase.opened();
        let seconds_left = i64::try_from(opened.hold_expires_at.since(now).as_secs()).ok();
        let token_refused = token_refused.map(ToString::to_string);
        let opened = Opened { token_refused, seconds_left, ..opened };
        if let Some(key) = key {
            let answer = serde_json::to_string(&opened).map_err(StoreError::from)?;
            key.keep(tx, &key.scope, &answer).await?;
        }
        Ok(Opening::New(opened))
    }

    /// Takes the seat before the coupon, as all transactions do. No seat is needed if one comes with the coupon.
    async fn take_seat_and_coupon(
        &self,
        tx: &mut Tx,
        item: &Item,
        code: Option<&CouponCode>,
        team: Option<i64>,
        id: &PurchaseId,
        now: Timestamp,
    ) -> Result<(Price, Option<Redemption>), Error> {
        let brings_seat = match code {
            Some(code) => tx.brings_seat(code).await?.ok_or(CouponRefusal::Unknown)?,
            None => false,
        };
        if let Some(capacity) = item.capacity
            && !brings_seat
            && !tx.take_seats(&item.sku, team.unwrap_or(1), capacity).await?
        {
            return Err(Error::NotForSale(Sale::SoldOut));
        }
        match code {
            Some(code) => {
                let (price, redemption) = self.redeem(tx, item, code, id, now).await?;
                Ok((price, Some(redemption)))
            }
            None => {
                let amount = item.price.amount * team.unwrap_or(1);
                Ok((Price::of(Money { amount, ..item.price }), None))
            }
        }
    }

    /// The requested offering, if it may be sold now.
    pub(super) fn sellable(&self, request: &OpenPurchase, now: Timestamp) -> Result<Item, Error> {
        let catalog = self.catalog.get();
        let item = catalog.find(&request.sku).ok_or_else(|| Error::UnknownSku(request.sku.clone()))?;
        if request.variant.as_ref().is_some_and(|variant| variant.len() > 64) {
            return Err(invalid("variant", "must be at most 64 bytes long"));
        }
        if let Some(places) = request.places {
            may_buy_for_team(item, places)?;
            if request.coupon.is_some() {
                return Err(CouponRefusal::Team.into());
            }
        }
        // Seats are decided by the update that takes them, so that two buyers can't both see the last one.
        match self.sale(item, 0, now) {
            Sale::Open => Ok(item.clone()),
            closed @ (Sale::NotOpen | Sale::Closed | Sale::SoldOut | Sale::Paused) => {
                Err(Error::NotForSale(closed))
            }
        }
    }
}

fn may_buy_for_team(item: &Item, places: i64) -> Result<(), Error> {
    match item.team {
        Some(Team { min, max }) if (min..=max).contains(&places) => Ok(()),
        Some(Team { min, max }) => Err(invalid("places", &format!("must be {min} to {max}"))),
        None => Err(invalid("places", "this is not sold to teams; leave it out")),
    }
}

fn invalid(field: &str, detail: &str) -> Error {
    Error::Invalid { field: field.to_owned(), detail: detail.to_owned() }
}
