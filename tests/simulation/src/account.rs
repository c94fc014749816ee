//! The account receivers, as the checkout's port sees them.
use crate::world::{Inner, World};
use async_trait::async_trait;
use redis_checkout::account::{Account, AccountError, Message};

/// Receivers, each with its own rows, attempts and faults.
pub(crate) const NAMES: [&str; 3] = ["sm", "salesforce", "orb"];

pub(crate) struct SimAccount {
    pub(crate) world: World,
    pub(crate) name: &'static str,
}

#[async_trait]
impl Account for SimAccount {
    fn name(&self) -> &str {
        self.name
    }

    async fn notify(&self, message: &Message) -> Result<(), AccountError> {
        let lost = |why: &str| AccountError::Transient { message: why.to_owned(), retry_after: None };
        let work = move |world: &mut Inner| {
            let purchase = &message.purchase;
            let now = (purchase.version, purchase.state, purchase.charged - purchase.refunded);
            let known = world.told.entry((self.name, purchase.reference.clone())).or_insert(now);
            if purchase.version >= known.0 {
                *known = now;
            }
            Ok(())
        };
        self.world.call("a receiver is notified", work, lost).await
    }
}
