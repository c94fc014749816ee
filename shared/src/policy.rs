//! What a page's policy must allow for Stripe.js and for Link, in one place for the server, the preview and the documents.
//! (<https://docs.stripe.com/security/guide#content-security-policy>, and Link's there.)

/// Scripts of Stripe's.
pub const STRIPE_SCRIPTS: &str = "https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com";
/// What Stripe.js talks to.
pub const STRIPE_API: &str = "https://api.stripe.com";
/// Link, which the payment form offers where a learner has it: frames, calls and images.
pub const LINK: &str = "https://link.com https://*.link.com";
