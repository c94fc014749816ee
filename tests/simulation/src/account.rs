//! The systems that are told of purchases, as the checkout's port sees them.
use crate::world::{Inner, World};
use redis_checkout::account::{Account, AccountError, Message, Telling};

/// Each has rows, tries and faults of its own.
pub(crate) const NAMES: [&str; 3] = ["sm", "salesforce", "orb"];

pub(crate) struct SimAccount {
    pub(crate) world: World,
    pub(crate) name: &'static str,
}

impl Account for SimAccount {
    fn name(&self) -> &str {
        self.name
    }

    fn tell<'a>(&'a self, message: &'a Message) -> Telling<'a> {
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
        Box::pin(self.world.call("a receiver is told", work, lost))
    }
}
