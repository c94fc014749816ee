//! What binds the checkout to the page: requests, Stripe.js, page events, JSON and the host element.
#[cfg(not(feature = "preview"))]
pub(crate) mod challenge;
#[cfg(not(feature = "preview"))]
pub(crate) mod events;
#[cfg(not(feature = "preview"))]
pub(crate) mod http;
#[cfg(not(feature = "preview"))]
pub(crate) mod json;
pub(crate) mod page;
#[cfg(not(feature = "preview"))]
pub(crate) mod presses;
#[cfg(not(feature = "preview"))]
pub(crate) mod script;
#[cfg(not(feature = "preview"))]
pub(crate) mod seats;
#[cfg(not(feature = "preview"))]
pub(crate) mod stripe;
