//! The sources a page's Content Security Policy must allow for Stripe.js and Link, shared by the server,
//! the preview and the docs (<https://docs.stripe.com/security/guide#content-security-policy>, which also covers Link).

/// Origins of Stripe's scripts.
pub const STRIPE_SCRIPTS: &str = "https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com";
/// The origin that Stripe.js calls.
pub const STRIPE_API: &str = "https://api.stripe.com";
/// Origins of Link, which the payment form offers to learners who have it: for frames, requests and images.
pub const LINK: &str = "https://link.com https://*.link.com";
