//! The subjects that rate limits count: the keys of `rates`.

pub(crate) const ALL_DECLINES: &str = "declines";
/// Marked while paying is closed to new clients.
pub(crate) const CLOSED: &str = "closed";

/// Purchases opened by a client.
pub(crate) fn opens(client: &str) -> String {
    ["opens ", client].concat()
}

/// Written before a client's holds are counted, so that its requests wait for each other.
pub(crate) fn holds(client: &str) -> String {
    ["holds ", client].concat()
}

/// Trust in a client: an hour for each purchase that it has paid.
pub(crate) fn trust(client: &str) -> String {
    ["trust ", client].concat()
}

/// Presses of Pay for an email.
pub(crate) fn pays(email: &str) -> String {
    ["pays ", email].concat()
}

/// Declines by a client, or for an email.
pub(crate) fn declines(whose: &str) -> String {
    ["declines ", whose].concat()
}

/// Emails tried with a coupon, by a client or for one purchase.
pub(crate) fn emails(whose: &str) -> String {
    ["emails ", whose].concat()
}

/// Marked while it is remembered that an email was tried with a purchase.
pub(crate) fn tried(purchase: &str, email: &str) -> String {
    ["tried ", purchase, " ", email].concat()
}

pub(crate) const ALL_GUESSES: &str = "guesses";
/// Marked while coupon codes are being guessed.
pub(crate) const GUESSING: &str = "guessing";

/// Unknown coupon codes that a client has tried.
pub(crate) fn guesses(client: &str) -> String {
    ["guesses ", client].concat()
}

/// Marked while it is remembered that a client has tried such a code.
pub(crate) fn guessed(client: &str) -> String {
    ["guessed ", client].concat()
}

/// Marked while a challenge that a client passed is valid.
pub(crate) fn passed(client: &str) -> String {
    ["passed ", client].concat()
}
