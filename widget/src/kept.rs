//! Checkouts whose element is gone while money may be moving, kept by offering as long as the page lives.
use crate::model::Model;
use std::cell::RefCell;

thread_local! {
    static KEPT: RefCell<Vec<Model>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn keep(model: Model) {
    KEPT.with_borrow_mut(|kept| kept.push(model));
}

/// The id of the newest purchase kept for `sku`.
pub(crate) fn id(sku: &str) -> Option<String> {
    KEPT.with_borrow(|kept| {
        let found = kept.iter().rfind(|model| model.screen.offering.sku == sku)?;
        Some(found.purchase.as_ref()?.id.clone())
    })
}

/// Removes and returns the newest checkout kept for `sku`, so that no other element takes it.
pub(crate) fn take(sku: &str) -> Option<Model> {
    KEPT.with_borrow_mut(|kept| {
        let found = kept.iter().rposition(|model| model.screen.offering.sku == sku)?;
        Some(kept.remove(found))
    })
}
