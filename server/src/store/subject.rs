//! What limits count: the names of `rates`.

pub(crate) const ALL_DECLINES: &str = "declines";
/// Marked while paying is closed to new clients.
pub(crate) const CLOSED: &str = "closed";

/// Purchases opened by a client.
pub(crate) fn opens(client: &str) -> String {
    ["opens ", client].concat()
}

/// Touched by whoever counts what a client holds.
pub(crate) fn holds(client: &str) -> String {
    ["holds ", client].concat()
}

/// For how long a client has bought, as it were: an hour for each purchase it has paid.
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

/// Marked while it is known that an email was tried there.
pub(crate) fn tried(purchase: &str, email: &str) -> String {
    ["tried ", purchase, " ", email].concat()
}

pub(crate) const ALL_GUESSES: &str = "guesses";
/// Marked while coupon codes are being guessed.
pub(crate) const GUESSING: &str = "guessing";

/// Coupon codes that there are not, typed by a client.
pub(crate) fn guesses(client: &str) -> String {
    ["guesses ", client].concat()
}

/// Marked while a client is one that has typed such a code.
pub(crate) fn guessed(client: &str) -> String {
    ["guessed ", client].concat()
}

/// Marked while a challenge that a client passed counts.
pub(crate) fn passed(client: &str) -> String {
    ["passed ", client].concat()
}
