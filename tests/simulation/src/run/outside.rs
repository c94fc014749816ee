//! Actions of operators, the dashboard, banks and other tools.
use super::*;

impl Run {
    /// An operator refunds a purchase.
    pub(super) async fn refund(&mut self) -> Result<(), String> {
        let Some((buyer, id)) = self.somebody() else { return Ok(()) };
        let total = self.buyers[buyer].opened.as_ref().map_or(0, |opened| opened.price.total);
        let amount = [None, Some(total / 5), Some(total / 5 * 3)][self.pick(3)];
        let key = StripeKey::new(format!("refund-{buyer}-{}", self.buyers[buyer].refunds.len()));
        let event = Event::RefundRequested { amount, key: key.clone() };
        let outcome = self.apply(&id, event).await?;
        self.tell(|| {
            format!(
                "an operator gives {amount:?} back to buyer {buyer}: {:?}",
                outcome.as_ref().map(|p| p.state())
            )
        });
        if outcome.is_ok_and(|purchase| purchase.charged() > 0) {
            self.buyers[buyer].refunds.push(key);
        }
        Ok(())
    }

    /// An operator creates a coupon that brings a seat, if one is left.
    pub(super) async fn keep_seat(&mut self) -> anyhow::Result<()> {
        let mut tx = self.store.begin().await?;
        if tx.take_seat(LIVE, self.capacity()).await?
            && tx.insert_coupon(&coupon(SEAT, 100, 1)?, self.now()).await?
        {
            tx.commit().await?;
            self.tell(|| "a seat is kept for SEAT".to_owned());
        } else {
            tx.rollback().await?;
        }
        Ok(())
    }

    /// An operator revokes a coupon.
    pub(super) async fn revoke_coupon(&mut self) -> Result<(), String> {
        let name = COUPONS[self.pick(COUPONS.len())];
        let code = CouponCode::parse(name).map_err(|error| error.to_string())?;
        let mut tx = self.store.begin().await.map_err(|error| error.to_string())?;
        tx.revoke_coupon(&code, Some(LIVE), self.now()).await.map_err(|error| error.to_string())?;
        tx.commit().await.map_err(|error| error.to_string())?;
        self.tell(|| format!("{name} is revoked"));
        Ok(())
    }

    /// An operator revokes the unused codes of a pack.
    pub(super) async fn revoke_pack(&mut self) -> Result<(), String> {
        let packs = self.store.packs(100).await.map_err(|error| error.to_string())?;
        let Some(pack) = packs.first() else { return Ok(()) };
        let mut tx = self.store.begin().await.map_err(|error| error.to_string())?;
        let unused = tx.revoke_pack(pack, self.now()).await.map_err(|error| error.to_string())?;
        tx.commit().await.map_err(|error| error.to_string())?;
        self.tell(|| format!("{unused} codes of the newest pack are revoked"));
        Ok(())
    }

    /// Something happens at Stripe: in its dashboard, at a bank, or by another tool with our keys.
    pub(super) fn happen_at_stripe(&mut self) {
        let intents: Vec<Intent> =
            self.world.lock().stripe.intents.iter().map(|known| known.now.clone()).collect();
        let Some(intent) = intents.get(self.pick(intents.len())) else { return };
        let what = self.pick(8);
        let id = intent.id.clone();
        let mut world = self.world.lock();
        let line = match what {
            0 => {
                world.settle_refunds(&id);
                "its refunds settle"
            }
            1 => {
                let amount = [None, Some(500)][world.chooser.pick(2)];
                let _left = world.refund(&id, amount, None);
                "the dashboard gives money back"
            }
            2 => {
                let of_page = world.stripe.is_of_page(&id);
                if !of_page && matches!(intent.status, IntentStatus::Open | IntentStatus::ActionRequired) {
                    world.move_to(&id, IntentStatus::Canceled, "payment_intent.canceled");
                }
                "the dashboard cancels it"
            }
            3..=4 => {
                let open = world.intent(&id).is_ok_and(|known| known.is_paid() && known.dispute.is_none());
                if open {
                    world.dispute(&id, Dispute::Open);
                }
                "the bank asks for the money"
            }
            5 => {
                let dispute = world.intent(&id).ok().and_then(|known| known.dispute);
                if dispute == Some(Dispute::Lost) {
                    // On appeal.
                    world.dispute(&id, Dispute::Won);
                } else if dispute == Some(Dispute::Open) {
                    let lost = world.chooser.happens(50);
                    world.dispute(&id, if lost { Dispute::Lost } else { Dispute::Won });
                }
                "the bank decides"
            }
            6 => {
                let of_page = world.stripe.is_of_page(&id);
                if let (IntentStatus::Open, false, Ok(known)) = (intent.status, of_page, world.intent(&id)) {
                    known.now.amount = 1234;
                    known.foreign = true;
                }
                "another tool changes its amount"
            }
            _ => {
                if let (Some(reference), Some(currency)) = (&intent.reference, intent.currency) {
                    let stray = world.make_intent(reference, intent.amount, currency, "x@example.com", true);
                    world.attempt(&stray.id, Attempted::Paid);
                }
                "another tool takes money for the same purchase"
            }
        };
        world.tell(|| format!("at Stripe, {id}: {line}"));
    }

    /// Loses webhooks about payments, since the server asks Stripe about those. Only webhooks report refunds, disputes
    /// and the intents of other tools, so Stripe keeps sending them.
    pub(super) fn lose_mail(&mut self) {
        let mut world = self.world.lock();
        let stripe = &mut world.stripe;
        let (messages, intents) = (&stripe.messages, &stripe.intents);
        stripe.mail.retain(|message| match &messages[message].news {
            News::Intent(told) => intents.iter().any(|known| known.now.id == told.id && known.foreign),
            News::Unclear { .. } | News::FraudWarning { .. } | News::Other => true,
        });
        world.tell(|| "webhooks about payments are lost".to_owned());
    }
}
