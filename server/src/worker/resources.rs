//! Asks whether what the catalogue sells exists in FlockJay, so that a typing error is known before anyone has paid.
use crate::checkout::Checkout;
use crate::grants::{Grants, GrantsError};
use crate::payments::Payments;

/// Looks at every offering once, and alerts where its resource is missing.
pub async fn check_resources<P: Payments, G: Grants>(checkout: Checkout<P, G>) {
    let catalog = checkout.catalog.get();
    for item in catalog.items() {
        let asked = tokio::select! {
            asked = checkout.grants.exists(&item.resource) => asked,
            () = checkout.stop.cancelled() => return,
        };
        let (kind, id) = (&item.resource.kind, &item.resource.id);
        match asked {
            Ok(true) => {}
            Ok(false) => {
                tracing::error!(
                    alert = true,
                    offering.sku = item.sku,
                    "FlockJay has no {kind} {id}: nobody who pays gets access"
                );
            }
            Err(GrantsError::Permanent { message } | GrantsError::Transient { message, .. }) => {
                tracing::warn!(
                    offering.sku = item.sku,
                    error = message,
                    "FlockJay can't say whether {kind} {id} exists"
                );
            }
        }
    }
}
