//! Applies an event to a purchase: in one transaction, what the machine decides and what follows from it.
use super::Checkout;
use crate::abuse::{ClientNetwork, Pseudonyms, Rates};
use crate::catalog::CurrentCatalog;
use crate::error::Error;
use crate::fault_injection::{Guard, enabled};
use crate::purchase::{
    Command, Decision, Effect, Event, Limits, Purchase, PurchaseId, Receiver, Redemption, SeatFound,
};
use crate::store::{Locked, ReturnedAllowance, Store, StoreError, Tx, subject};
use shared::{State, Timestamp};

/// The policy that applies to purchases besides the state machine.
#[derive(Clone)]
pub struct Rules {
    /// How long things may take.
    pub limits: Limits,
    /// Defines how many seats each offering has.
    pub catalog: CurrentCatalog,
    /// Rate limits; here, those that count when a purchase is declined or paid.
    pub rates: Rates,
    pub pseudonyms: Pseudonyms,
    /// Whether account receivers may be configured; if not, nothing is enqueued for them.
    pub notifies_accounts: bool,
}

impl Rules {
    /// Without rate limits.
    #[must_use]
    pub fn new(limits: Limits, catalog: CurrentCatalog) -> Self {
        let (rates, pseudonyms) = (Rates::default(), Pseudonyms::default());
        Self { limits, catalog, rates, pseudonyms, notifies_accounts: true }
    }

    /// Applies one event in a transaction of its own. [`Error::Refused`] is the purchase's own refusal.
    pub async fn apply(
        &self,
        store: &Store,
        id: &PurchaseId,
        event: Event,
        now: Timestamp,
    ) -> Result<Purchase, Error> {
        let mut tx = store.begin().await?;
        let purchase = self.apply_in(&mut tx, id, event, now).await?;
        tx.commit().await?;
        Ok(purchase)
    }

    /// Lets the purchase handle `event`, and stores the result: its state, its seat and its outbox rows. After a
    /// refusal nothing has changed, and the transaction may go on.
    pub async fn apply_in(
        &self,
        tx: &mut Tx,
        id: &PurchaseId,
        event: Event,
        now: Timestamp,
    ) -> Result<Purchase, Error> {
        let Locked { mut purchase, networks, body, is_derived } = tx.lock_row(id).await?;
        let (before, declines) = (purchase.version(), purchase.declines());
        let balance = purchase.balance();
        let was_paid = purchase.was_paid();
        let event = self.regain_seat_and_coupon(tx, &purchase, event, now).await?;
        // The progress of notifications is no change of the purchase itself, so `updated_at` stays.
        let tells = matches!(event, Event::AccountsFound { .. } | Event::AccountAnswered { .. });
        let mut decision = purchase.handle(event, now, &self.limits)?;
        if purchase.declines() > declines && self.count_decline(tx, &purchase, &networks, now).await? {
            decision = decision.and(purchase.handle(Event::PayerBlocked, now, &self.limits)?);
        }
        // Opening a purchase locks rates first, then seats and coupons. Here that order would be reversed, so the
        // client's allowance is returned after the commit.
        if !was_paid && matches!(purchase.state(), State::Paid | State::Granted) {
            tx.returned_allowances.extend(self.returned_allowances(&purchase, &networks));
        }
        if purchase.balance() != balance || !is_derived {
            tx.book(&purchase, now).await?;
        }
        if !is_derived {
            tx.respell_redemptions(id).await?;
        }
        if purchase.version() != before {
            tx.update(&purchase, &body, (!tells).then_some(now)).await?;
            tx.changed.push(id.clone());
        }
        let Decision { effects, commands } = decision;
        for effect in effects {
            make(tx, effect, &purchase, now).await?;
        }
        for command in commands {
            if let Command::ReturnStray { intent, amount, .. } = &command {
                tx.book_stray(&purchase, intent, *amount, now).await?;
            }
            if !enabled(Guard::CommandsCommitWithState) {
                tx.later.push((id.clone(), command, now));
            } else if self.notifies_accounts || command.receiver() != Receiver::Accounts {
                tx.enqueue(id, &command, now).await?;
            }
        }
        Ok(purchase)
    }

    /// A payment that arrives after seat and coupon were released needs new ones.
    async fn regain_seat_and_coupon(
        &self,
        tx: &mut Tx,
        purchase: &Purchase,
        mut event: Event,
        now: Timestamp,
    ) -> Result<Event, StoreError> {
        if let Event::PaymentSucceeded { seat, .. } = &mut event {
            let found = self.regain_seat(tx, purchase).await?;
            let both = found && regain_redemption(tx, purchase, now).await?;
            if found && !both && needs_seat(purchase) {
                tx.release_seats(purchase.sku(), purchase.places()).await?;
            }
            *seat = if both { SeatFound::Yes } else { SeatFound::No };
        }
        Ok(event)
    }

    async fn regain_seat(&self, tx: &mut Tx, purchase: &Purchase) -> Result<bool, StoreError> {
        if !needs_seat(purchase) {
            return Ok(true);
        }
        let catalog = self.catalog.get();
        match catalog.find(purchase.sku()).and_then(|item| item.capacity) {
            Some(capacity) => tx.take_seats(purchase.sku(), purchase.places(), capacity).await,
            None => Ok(false),
        }
    }

    /// Counts a decline of `purchase`, which a client in these networks opened; returns whether that client or email
    /// has had too many. If there are too many overall, paying closes to new clients until one period of the rate after
    /// the last.
    async fn count_decline(
        &self,
        tx: &mut Tx,
        purchase: &Purchase,
        networks: &[ClientNetwork],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        // Clients without limits are not counted.
        if networks.is_empty() {
            return Ok(false);
        }
        let mut too_many = false;
        let Rates { declines: each, decline_run: run, .. } = self.rates;
        if let Some(each) = each {
            for network in networks {
                let subject = subject::declines(&network.name);
                too_many |= tx.count_against(&subject, each.times(network.times), now).await?;
            }
            if let Some(learner) = purchase.learner() {
                let email = self.pseudonyms.email(&learner.email);
                too_many |= tx.count_against(&subject::declines(&email), each, now).await?;
            }
        }
        // A client that is already blocked is no reason to block the others.
        if let (Some(run), false) = (run, too_many)
            && tx.count_against(subject::ALL_DECLINES, run, now).await?
        {
            if tx.rest(subject::CLOSED, now).await?.is_zero() {
                tracing::error!(
                    alert = true,
                    "too many card declines, possibly card testing: payments are temporarily closed to new clients"
                );
            }
            tx.mark(subject::CLOSED, now.plus(run.period())).await?;
        }
        Ok(too_many)
    }

    /// The allowances a client gets back for a purchase that has become paid: its opening, and trust. A purchase that
    /// a coupon made free still uses up an opening; otherwise a public code would be gone in a minute.
    fn returned_allowances(
        &self,
        purchase: &Purchase,
        networks: &[ClientNetwork],
    ) -> Option<ReturnedAllowance> {
        let is_paid = purchase.charged() > 0;
        if !is_paid && purchase.price().list > 0 {
            return None;
        }
        let redemption = purchase.redemption();
        // The code of a pack was not counted.
        let is_counted = !redemption.is_some_and(|redemption| redemption.code.is_made_like());
        let opens = self.rates.opens.filter(|_| is_counted);
        let emails = self.rates.emails.filter(|_| redemption.is_some());
        // For a network that may do more, this returns more than was used, which does no harm.
        let returned = networks.iter().flat_map(|network| {
            let opens = opens.map(|rate| (subject::opens(&network.name), rate, purchase.weight()));
            let emails = emails.map(|rate| (subject::emails(&network.name), rate, 1));
            [opens, emails]
                .into_iter()
                .flatten()
                .map(|(subject, rate, uses)| (subject, rate.times(network.times), uses))
        });
        let trusted = networks.first().filter(|_| is_paid).map(|network| subject::trust(&network.name));
        let at = purchase.paid_at().unwrap_or(purchase.opened_at());
        Some(ReturnedAllowance { returned: returned.collect(), trusted, at })
    }
}

impl Checkout {
    /// Applies one event now, in a transaction of its own.
    pub(crate) async fn apply(&self, id: &PurchaseId, event: Event) -> Result<Purchase, Error> {
        self.rules.apply(&self.store, id, event, self.now()).await
    }
}

async fn make(tx: &mut Tx, effect: Effect, purchase: &Purchase, now: Timestamp) -> Result<(), StoreError> {
    match effect {
        Effect::IssuePack => tx.issue_pack(purchase, now).await,
        Effect::RevokePack => tx.revoke_pack_of(purchase.id(), now).await,
        Effect::ReleaseSeat => tx.release_seats(purchase.sku(), purchase.places()).await,
        Effect::ReleaseRedemption { code } => {
            tx.release_redemption(&code, purchase.id(), purchase.sku()).await
        }
    }
}

async fn regain_redemption(tx: &mut Tx, purchase: &Purchase, now: Timestamp) -> Result<bool, StoreError> {
    let Some(Redemption { code, .. }) = purchase.redemption().filter(|_| purchase.has_lost_redemption())
    else {
        return Ok(true);
    };
    let email = purchase.learner().map(|learner| &learner.email);
    Ok(tx.redeem(code, purchase.id(), email, now).await?.is_ok())
}

/// Whether its seat was released, and none comes with its coupon.
fn needs_seat(purchase: &Purchase) -> bool {
    let brings_seat = purchase.redemption().is_some_and(|redemption| redemption.brings_seat);
    purchase.has_lost_seat() && !brings_seat && enabled(Guard::LateMoneyNeedsSeat)
}
