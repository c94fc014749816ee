//! FlockJay as the checkout's port sees it.
use crate::world::{Inner, SimGrant, World};
use async_trait::async_trait;
use redis_checkout::grants::{Grant, Granted, Grants, GrantsError, Resource};
use redis_checkout::purchase::PurchaseId;

pub(crate) struct SimFlockJay(pub(crate) World);

fn transient(why: &str) -> GrantsError {
    GrantsError::Transient { message: why.to_owned(), retry_after: None }
}

#[async_trait]
impl Grants for SimFlockJay {
    async fn grant(&self, grant: Grant<'_>) -> Result<Granted, GrantsError> {
        let work = |world: &mut Inner| {
            if world.flockjay.refuses {
                return Err(GrantsError::Permanent { message: "no such resource".to_owned() });
            }
            let reference = grant.reference.as_str();
            let mut ours = world.stripe.intents.iter();
            let paid = ours.any(|known| {
                known.is_paid() && known.now.reference.as_ref().is_some_and(|name| name.as_str() == reference)
            });
            if !paid {
                world.flockjay.unpaid.push(reference.to_owned());
            }
            let email = grant.learner.email.as_str().to_owned();
            let known =
                world.flockjay.grants.insert(grant.purchase.clone(), SimGrant { active: true, email });
            let made = known.is_none_or(|known| !known.active);
            Ok(Granted { access_url: "https://learn.example/course".to_owned(), made })
        };
        self.0.call("FlockJay gives access", work, transient).await
    }

    async fn revoke(&self, purchase: &PurchaseId) -> Result<bool, GrantsError> {
        let work = |world: &mut Inner| {
            let known = world.flockjay.grants.get_mut(purchase);
            Ok(known.is_some_and(|known| std::mem::take(&mut known.active)))
        };
        self.0.call("FlockJay takes access away", work, transient).await
    }

    async fn exists(&self, _: &Resource) -> Result<bool, GrantsError> {
        Ok(true)
    }
}
