//! Applies and removes coupons. The price is always calculated here.
use super::Checkout;
use super::abuse_limits::read_code;
use crate::abuse::Client;
use crate::catalog::Item;
use crate::coupons::{CouponCode, CouponRefusal};
use crate::error::Error;
use crate::fault_injection::{Step, reach};
use crate::purchase::{Event, Purchase, PurchaseId, Redemption};
use crate::store::Tx;
use shared::{Email, Money, Price, Sale, Timestamp};

impl Checkout {
    /// Applies the coupon, or removes the current one. Applying the same one twice uses it once.
    pub async fn change_coupon(
        &self,
        id: &PurchaseId,
        coupon: Option<&str>,
        client: &Client,
    ) -> Result<Purchase, Error> {
        self.admit_to(id, client)?;
        let now = self.now();
        let Some(coupon) = coupon else { return self.change_to(id, None, client, now).await };
        let code = read_code(coupon)?;
        // The payer is known if Pay was pressed before.
        if let Some(learner) = self.store.purchase(id).await?.learner() {
            self.admit_email(id, &learner.email, client).await?;
        }
        self.begin_guess(client, now).await?;
        let outcome = self.change_to(id, Some(&code), client, now).await;
        self.end_guess(outcome.as_ref().err(), client).await?;
        outcome
    }

    async fn change_to(
        &self,
        id: &PurchaseId,
        code: Option<&CouponCode>,
        client: &Client,
        now: Timestamp,
    ) -> Result<Purchase, Error> {
        let mut tx = self.store.begin().await?;
        match self.change_in(&mut tx, id, code, client, now).await {
            Ok(purchase) => {
                reach(Step::CouponStored, "");
                tx.commit().await?;
                reach(Step::CouponCommitted, "");
                Ok(purchase)
            }
            Err(error) => {
                tx.rollback().await?;
                Err(error)
            }
        }
    }

    async fn change_in(
        &self,
        tx: &mut Tx,
        id: &PurchaseId,
        code: Option<&CouponCode>,
        client: &Client,
        now: Timestamp,
    ) -> Result<Purchase, Error> {
        let purchase = tx.lock(id).await?;
        purchase.still_repriced(now)?;
        if purchase.is_for_team() && code.is_some() {
            return Err(CouponRefusal::Team.into());
        }
        let old = purchase.redemption();
        if old.map(|old| &old.code) == code {
            return Ok(purchase);
        }
        let catalog = self.catalog.get();
        let item =
            catalog.find(purchase.sku()).ok_or_else(|| Error::UnknownSku(purchase.sku().to_owned()))?;
        // A company's code opens a closed sale and is not counted as an opening: without it, both are checked.
        let frees = |code: Option<&CouponCode>| code.is_some_and(CouponCode::is_made_like);
        if frees(old.map(|old| &old.code)) && !frees(code) {
            match self.sale(item, 0, now) {
                Sale::Open => self.admit_opening(tx, client, purchase.weight(), now).await?,
                closed @ (Sale::NotOpen | Sale::Closed | Sale::SoldOut | Sale::Paused) => {
                    return Err(Error::NotForSale(closed));
                }
            }
        }
        // The list price at which the purchase was opened stays.
        let list = Money { amount: purchase.price().list, currency: purchase.price().currency };
        let item = Item { price: list, ..item.clone() };
        let had_seat = old.is_some_and(|old| old.brings_seat);
        // Lock order in all transactions: seats, then codes.
        tx.lock_seats(&item.sku).await?;
        let (price, redemption) = match code {
            Some(code) => {
                let email = purchase.learner().map(|learner| &learner.email);
                self.redeem_in(tx, &item, code, &purchase, email, now).await?
            }
            None => (Price::of(list), None),
        };
        let has_seat = redemption.as_ref().is_some_and(|redemption| redemption.brings_seat);
        if let Some(capacity) = item.capacity
            && had_seat
            && !has_seat
            && !tx.take_seat(&item.sku, capacity).await?
        {
            // The seat that came with the old code goes with it.
            return Err(Error::NotForSale(Sale::SoldOut));
        }
        self.rules.apply_in(tx, id, Event::PriceChanged { price, redemption }, now).await
    }

    /// Uses the coupon once for an existing purchase.
    async fn redeem_in(
        &self,
        tx: &mut Tx,
        item: &Item,
        code: &CouponCode,
        purchase: &Purchase,
        email: Option<&Email>,
        now: Timestamp,
    ) -> Result<(Price, Option<Redemption>), Error> {
        let (price, redemption) = self.redeem(tx, item, code, purchase.id(), now).await?;
        if let Some(email) = email {
            tx.redeem_for(code, purchase.id(), email).await??;
        }
        Ok((price, Some(redemption)))
    }

    /// Uses the coupon once, if that lowers the price of `item` at `now`.
    pub(super) async fn redeem(
        &self,
        tx: &mut Tx,
        item: &Item,
        code: &CouponCode,
        purchase: &PurchaseId,
        now: Timestamp,
    ) -> Result<(Price, Redemption), Error> {
        let coupon = tx.redeem(code, purchase, None, now).await??;
        let price = coupon.price(item, now)?;
        Ok((price, Redemption::of(code.clone(), coupon.brings_seat)))
    }

    /// Fails for the same reasons as opening and paying a purchase of `item` with this coupon, but uses nothing.
    pub(super) async fn admit_coupon(
        &self,
        code: &CouponCode,
        item: &Item,
        email: &Email,
        client: &Client,
    ) -> Result<(), Error> {
        self.begin_guess(client, self.now()).await?;
        let outcome = self.would_redeem(code, item, email).await;
        self.end_guess(outcome.as_ref().err(), client).await?;
        outcome
    }

    async fn would_redeem(&self, code: &CouponCode, item: &Item, email: &Email) -> Result<(), Error> {
        let coupon = self.store.coupon(code).await?.ok_or(CouponRefusal::Unknown)?;
        coupon.price(item, self.now())?;
        coupon.admit(email)?;
        if coupon.limit.is_some_and(|limit| coupon.used >= limit) {
            return Err(CouponRefusal::UsedUp.into());
        }
        Ok(())
    }

    /// Records who pays with the purchase's coupon, if that learner may use it.
    pub(super) async fn redeem_for_payer(
        &self,
        tx: &mut Tx,
        purchase: &Purchase,
        email: &Email,
    ) -> Result<(), Error> {
        if let Some(Redemption { code, held: true, .. }) = purchase.redemption() {
            tx.redeem_for(code, purchase.id(), email).await??;
        }
        Ok(())
    }
}

impl From<CouponRefusal> for Error {
    fn from(refusal: CouponRefusal) -> Self {
        Self::Coupon(refusal)
    }
}
