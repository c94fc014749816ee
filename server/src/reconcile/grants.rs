//! Finds access that is paid for but missing, or refunded but still there.
use super::{Difference, Report, Scope};
use crate::checkout::Checkout;
use crate::error::Error;
use crate::grants::{Grant, GrantsError};
use crate::purchase::{Command, Event, Purchase};
use crate::store::WaitsFor;
use shared::State;

impl Checkout {
    /// FlockJay has no read-only way to query a grant: granting or revoking again says what was there, and repairs it
    /// in the same call.
    pub(super) async fn compare_grant(
        &self,
        purchase: &Purchase,
        scope: Scope<'_>,
        report: &mut Report,
    ) -> Result<(), Error> {
        // A team has its codes, which were issued when the payment was recorded.
        if purchase.is_for_team() {
            return Ok(());
        }
        match (purchase.state(), scope.mends) {
            (State::Paid, who) => self.compare_waiting(purchase, who, report).await,
            (State::Granted, Some(who)) => self.grant_again(purchase, who, report).await,
            (State::Refunded, Some(who)) if purchase.was_grant_asked() => {
                self.revoke_again(purchase, who, report).await
            }
            (State::Granted | State::Refunded, _)
            | (
                State::Held
                | State::Paying
                | State::Processing
                | State::Expired
                | State::Canceled
                | State::Refunding,
                _,
            ) => Ok(()),
        }
    }

    /// A pending grant is left to the outbox; one that needs attention, or that nothing is working on, is reported.
    async fn compare_waiting(
        &self,
        purchase: &Purchase,
        who: Option<&str>,
        report: &mut Report,
    ) -> Result<(), Error> {
        match self.store.waiting_for_access(purchase.id()).await? {
            Some(WaitsFor::Outbox) | None => {}
            Some(WaitsFor::Person) => {
                let detail =
                    "FlockJay refused the access: see `outbox list`, then `purchases resend`".to_owned();
                report.add(purchase.reference(), Difference::Grant, detail, false);
            }
            Some(WaitsFor::Nothing) => {
                let detail = "paid, and nothing was under way to give access".to_owned();
                if let Some(who) = who {
                    self.mend(purchase, vec![], Some(Command::CreateGrant), who, &detail).await?;
                }
                report.add(purchase.reference(), Difference::Grant, detail, who.is_some());
            }
        }
        Ok(())
    }

    async fn grant_again(&self, purchase: &Purchase, who: &str, report: &mut Report) -> Result<(), Error> {
        let (catalog, reference) = (self.catalog.get(), purchase.reference());
        let (Some(item), Some(learner)) = (catalog.find(purchase.sku()), purchase.learner()) else {
            let detail = format!(
                "granted here, and {} is in the catalogue no more: FlockJay was not asked",
                purchase.sku()
            );
            report.add(reference, Difference::Grant, detail, false);
            return Ok(());
        };
        let grant = Grant { purchase: purchase.id(), reference, learner, resource: &item.resource };
        match self.grants.grant(grant).await {
            Ok(granted) if granted.made => {
                let now = self.store.purchase(purchase.id()).await?;
                if now.state() == State::Refunded {
                    // Refunded while FlockJay was answering, and perhaps revoked before it made the grant.
                    return self.revoke_again(&now, who, report).await;
                }
                let detail = "granted here, and FlockJay had no access for it".to_owned();
                let granted = Event::GrantCreated { access_url: granted.access_url };
                self.mend(purchase, vec![granted], None, who, &detail).await?;
                report.add(reference, Difference::Grant, detail, true);
            }
            Ok(_) => {}
            Err(GrantsError::Permanent { message }) => {
                report.add(reference, Difference::Grant, message, false);
            }
            Err(away @ GrantsError::Transient { .. }) => return Err(away.into()),
        }
        Ok(())
    }

    async fn revoke_again(&self, purchase: &Purchase, who: &str, report: &mut Report) -> Result<(), Error> {
        match self.grants.revoke(purchase.id()).await {
            Ok(true) => {
                let detail = "refunded here, and FlockJay still gave access".to_owned();
                self.mend(purchase, vec![Event::GrantRevoked], None, who, &detail).await?;
                report.add(purchase.reference(), Difference::Revocation, detail, true);
            }
            Ok(false) => {}
            Err(GrantsError::Permanent { message }) => {
                report.add(purchase.reference(), Difference::Revocation, message, false);
            }
            Err(away @ GrantsError::Transient { .. }) => return Err(away.into()),
        }
        Ok(())
    }
}
