//! What binds the checkout to the page: requests, Stripe.js, page events, JSON and the host element.
pub(crate) mod challenge;
pub(crate) mod events;
pub(crate) mod http;
pub(crate) mod json;
pub(crate) mod page;
pub(crate) mod presses;
pub(crate) mod script;
pub(crate) mod seats;
pub(crate) mod stripe;
