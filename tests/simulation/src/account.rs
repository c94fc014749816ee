//! The account system as the checkout's port sees it.
use crate::world::{Inner, World};
use redis_checkout::account::{Account, AccountError, Message, Telling};

pub(crate) const NAME: &str = "sm";

pub(crate) struct SimAccount(pub(crate) World);

impl Account for SimAccount {
    fn name(&self) -> &str {
        NAME
    }

    fn tell<'a>(&'a self, message: &'a Message) -> Telling<'a> {
        let lost = |why: &str| AccountError::Transient { message: why.to_owned(), retry_after: None };
        let work = move |world: &mut Inner| {
            let purchase = &message.purchase;
            let known = world.told.entry(purchase.reference.clone()).or_insert((0, purchase.state));
            if purchase.version >= known.0 {
                *known = (purchase.version, purchase.state);
            }
            Ok(())
        };
        Box::pin(self.0.call("the account system is told", work, lost))
    }
}
