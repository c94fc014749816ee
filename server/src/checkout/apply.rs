//! Applies an event to a purchase: in one transaction, what the machine decides and what follows from it.
use crate::abuse::ClientNetwork;
use crate::fault_injection::{Guard, enabled};
use crate::purchase::{Command, Event, Purchase, PurchaseId, Receiver, Redemption, Refusal, SeatFound};
use crate::store::{Counting, Locked, Store, StoreError, Tx, subject};
use shared::{State, Timestamp};

impl Store {
    /// Applies one event in a transaction of its own. The inner error is the purchase's own refusal.
    pub async fn apply(
        &self,
        id: &PurchaseId,
        event: Event,
        now: Timestamp,
    ) -> Result<Result<Purchase, Refusal>, StoreError> {
        let mut tx = self.begin().await?;
        let outcome = tx.apply(id, event, now).await?;
        if outcome.is_ok() {
            tx.commit().await?;
        }
        Ok(outcome)
    }
}

impl Tx {
    /// Lets the purchase handle `event`, and stores the result: its state, its seat and its outbox rows.
    pub async fn apply(
        &mut self,
        id: &PurchaseId,
        event: Event,
        now: Timestamp,
    ) -> Result<Result<Purchase, Refusal>, StoreError> {
        let Locked { mut purchase, networks, body, is_derived } = self.lock_row(id).await?;
        let (before, declines) = (purchase.version(), purchase.declines());
        let balance = purchase.balance();
        let was_paid = purchase.was_paid();
        let event = self.find_seat(&purchase, event, now).await?;
        // The progress of notifications is no change of the purchase itself, so `updated_at` stays.
        let tells = matches!(event, Event::AccountsFound { .. } | Event::AccountAnswered { .. });
        let mut commands = match purchase.handle(event, now, &self.store.limits) {
            Ok(commands) => commands,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if purchase.declines() > declines && self.count_decline(&purchase, &networks, now).await? {
            match purchase.handle(Event::PayerBlocked, now, &self.store.limits) {
                Ok(more) => commands.extend(more),
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        // Opening a purchase locks rates first, then seats and coupons. Here that order would be reversed, so the
        // allowance is returned after the commit.
        if !was_paid && matches!(purchase.state(), State::Paid | State::Granted) {
            self.allowances_to_return.push((purchase.clone(), networks.clone()));
        }
        if purchase.balance() != balance || !is_derived {
            self.book(&purchase, now).await?;
        }
        if !is_derived {
            self.respell_redemptions(id).await?;
        }
        if purchase.version() != before {
            self.update(&purchase, &body, (!tells).then_some(now)).await?;
            self.changed.push(id.clone());
        }
        for command in commands {
            if let Command::ReturnStray { intent, amount, .. } = &command {
                self.book_stray(&purchase, intent, *amount, now).await?;
            }
            match command.receiver() {
                Some(_) if !enabled(Guard::CommandsCommitWithState) => {
                    self.later.push((id.clone(), command, now))
                }
                // There is no account receiver to notify.
                Some(Receiver::Accounts) if !self.store.notifies_accounts => {}
                Some(receiver) => self.enqueue(id, &command, &receiver, now).await?,
                None => self.carry_out_here(&purchase, &command, now).await?,
            }
        }
        Ok(Ok(purchase))
    }

    /// Carries out a command that is part of the event's transaction.
    async fn carry_out_here(
        &mut self,
        purchase: &Purchase,
        command: &Command,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        match command {
            Command::IssuePack => self.issue_pack(purchase, now).await,
            Command::RevokePack => self.revoke_pack_of(purchase.id(), now).await,
            Command::ReleaseSeat => self.release_seats(purchase.sku(), purchase.places()).await,
            Command::ReleaseRedemption { code } => {
                self.release_redemption(code, purchase.id(), purchase.sku()).await
            }
            Command::AskStripe
            | Command::CancelIntent
            | Command::CreateRefund { .. }
            | Command::CancelStray { .. }
            | Command::ReturnStray { .. }
            | Command::Escalate { .. }
            | Command::CreateGrant
            | Command::RevokeGrant
            | Command::NotifyAccounts { .. }
            | Command::NotifyAccount { .. } => Ok(()),
        }
    }

    /// A payment that arrives after seat and coupon were released needs new ones.
    async fn find_seat(
        &mut self,
        purchase: &Purchase,
        mut event: Event,
        now: Timestamp,
    ) -> Result<Event, StoreError> {
        if let Event::PaymentSucceeded { seat, .. } = &mut event {
            let found = self.regain_seat(purchase).await?;
            let both = found && self.regain_redemption(purchase, now).await?;
            if found && !both && needs_seat(purchase) {
                self.release_seats(purchase.sku(), purchase.places()).await?;
            }
            *seat = if both { SeatFound::Yes } else { SeatFound::No };
        }
        Ok(event)
    }

    async fn regain_seat(&mut self, purchase: &Purchase) -> Result<bool, StoreError> {
        if !needs_seat(purchase) {
            return Ok(true);
        }
        let catalog = self.store.catalog.get();
        match catalog.find(purchase.sku()).and_then(|item| item.capacity) {
            Some(capacity) => self.take_seats(purchase.sku(), purchase.places(), capacity).await,
            None => Ok(false),
        }
    }

    async fn regain_redemption(&mut self, purchase: &Purchase, now: Timestamp) -> Result<bool, StoreError> {
        let Some(Redemption { code, .. }) = purchase.redemption().filter(|_| purchase.has_lost_redemption())
        else {
            return Ok(true);
        };
        let email = purchase.learner().map(|learner| &learner.email);
        Ok(self.redeem(code, purchase.id(), email, now).await?.is_ok())
    }

    /// Counts a decline of `purchase`, which a client in these networks opened; returns whether that client or email
    /// has had too many. If there are too many overall, paying closes to new clients until one period of the rate after
    /// the last.
    async fn count_decline(
        &mut self,
        purchase: &Purchase,
        networks: &[ClientNetwork],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        // Clients without limits are not counted.
        if networks.is_empty() {
            return Ok(false);
        }
        let mut too_many = false;
        let Counting { declines: each, decline_run: run, pseudonyms, .. } = self.store.counting.clone();
        if let Some(each) = each {
            for network in networks {
                let subject = subject::declines(&network.name);
                too_many |= self.count_against(&subject, each.times(network.times), now).await?;
            }
            if let Some(learner) = purchase.learner() {
                let email = pseudonyms.email(&learner.email);
                too_many |= self.count_against(&subject::declines(&email), each, now).await?;
            }
        }
        // A client that is already blocked is no reason to block the others.
        if let (Some(run), false) = (run, too_many)
            && self.count_against(subject::ALL_DECLINES, run, now).await?
        {
            if self.rest(subject::CLOSED, now).await?.is_zero() {
                tracing::error!(
                    alert = true,
                    "too many card declines, possibly card testing: payments are temporarily closed to new clients"
                );
            }
            self.mark(subject::CLOSED, now.plus(run.period())).await?;
        }
        Ok(too_many)
    }
}

/// Whether its seat was released, and none comes with its coupon.
fn needs_seat(purchase: &Purchase) -> bool {
    let brings_seat = purchase.redemption().is_some_and(|redemption| redemption.brings_seat);
    purchase.has_lost_seat() && !brings_seat && enabled(Guard::LateMoneyNeedsSeat)
}
