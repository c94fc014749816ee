//! Events: the learner did something, or another system answered.
use super::Trouble;
use shared::{Challenge, Opened, PurchaseView, Screen, SeatsNews, Timestamp};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    PurchasePressed,
    PurchaseOpened(Opened),
    /// The purchase could not be opened.
    OpeningFailed(Trouble),
    /// The signed-in learner has already bought the offering (`owned`), or this tab had opened the purchase before the
    /// page was reloaded.
    PurchaseFound {
        seen: PurchaseView,
        owned: bool,
    },
    StripeLoaded,
    /// Stripe.js or its form could not be loaded.
    StripeFailed,
    EmailTyped(String),
    /// The embedding page suggests the learner's email.
    EmailSuggested(String),
    CodeTyped(String),
    /// The button beside the code field, or Enter in the field.
    CodePressed,
    /// A coupon was applied or removed.
    Repriced(PurchaseView),
    PlacesTyped(String),
    /// The button beside the places field, or Enter in the field.
    TeamPressed,
    PayPressed,
    /// The payment details are complete. `bought` if this browser has bought the offering with the same email before.
    DetailsAccepted {
        bought: bool,
    },
    DetailsRefused(Option<String>),
    /// The server has prepared a payment intent of `total` minor units.
    PaymentPrepared {
        client_secret: String,
        total: i64,
    },
    /// Nothing is due.
    PaymentSettled,
    /// Preparing the payment, or changing the coupon, failed.
    PreparingFailed(Trouble),
    /// The server accepts the payment only after the learner passes this challenge.
    ChallengeAsked(Challenge),
    /// The learner passed the challenge with this answer.
    ChallengePassed(String),
    /// The challenge's script could not be loaded.
    ChallengeFailed,
    PaymentConfirmed,
    /// With Stripe's own message about why.
    PaymentDeclined(String),
    /// The bank could not authenticate the learner.
    PaymentUnauthenticated,
    /// The outcome is unknown here: only the server can find out.
    PaymentLost,
    PurchaseSeen(PurchaseView),
    WatchingFailed(Trouble),
    /// The server reported how many seats are left.
    SeatsChanged(SeatsNews),
    /// A second has passed.
    ClockRead(Timestamp),
    AccessTookLong,
    /// The learner needs more time.
    ExtendPressed,
    ExtendingFailed(Trouble),
    CancelPressed,
    /// The server has cancelled the purchase, or will let it expire.
    PurchaseClosed,
    TryAgainPressed,
    StartAgainPressed,
    /// Closes the dialog, if there is one.
    ClosePressed,
    /// The first screen changed to another variant or language.
    ScreenChanged(Box<Screen>),
    SettingsChanged(Settings),
    /// The page is visible again, or the network is back. `left` if another page was shown in between.
    Returned {
        left: bool,
    },
    /// The page has removed the payment form from the element.
    PaymentRemoved,
    ElementRemoved,
    /// An element that sold the same offering was removed while its payment was in progress.
    CheckoutKept(Box<super::Model>),
}

/// Settings of the embedding page that are sent with a purchase.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) coupon: Option<String>,
    pub(crate) learner_token: Option<String>,
}
