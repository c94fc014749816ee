//! What happened: the learner did something, or another system answered.
use super::Trouble;
use shared::{Challenge, Opened, PurchaseView, Screen, SeatsNews, Timestamp};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    PurchasePressed,
    PurchaseOpened(Opened),
    /// Opening the purchase failed.
    OpeningFailed(Trouble),
    /// The learner who is signed in has bought it before.
    AccessFound(PurchaseView),
    StripeLoaded,
    /// Stripe.js or its form could not be loaded.
    StripeFailed,
    EmailTyped(String),
    /// The page that embeds us says whose email it is.
    EmailSuggested(String),
    CodeTyped(String),
    /// The button beside the code's field, or Enter in it.
    CodePressed,
    /// A coupon was applied or taken off.
    Repriced(PurchaseView),
    PlacesTyped(String),
    /// The button beside the field for places, or Enter in it.
    TeamPressed,
    PayPressed,
    /// The payment details are complete. `bought` where this browser has bought the same offering before.
    DetailsAccepted {
        bought: bool,
    },
    DetailsRefused(Option<String>),
    /// The server has a payment intent ready, over `total` minor units.
    PaymentPrepared {
        client_secret: String,
        total: i64,
    },
    /// Nothing is due.
    PaymentSettled,
    /// The server did not take the press of Pay, or the code.
    PreparingFailed(Trouble),
    /// The server takes the payment from who passes this.
    ChallengeAsked(Challenge),
    /// With this answer.
    ChallengePassed(String),
    /// The challenge's script could not be loaded.
    ChallengeFailed,
    PaymentConfirmed,
    /// Stripe's own words about why.
    PaymentDeclined(String),
    /// The bank could not tell that it was the learner.
    PaymentUnauthenticated,
    /// Nobody here knows what came of it: only the server can find out.
    PaymentLost,
    PurchaseSeen(PurchaseView),
    WatchingFailed(Trouble),
    /// The server tells how many seats are left.
    SeatsChanged(SeatsNews),
    /// A second has passed.
    ClockRead(Timestamp),
    AccessTookLong,
    CancelPressed,
    /// The server has given the purchase up, or will by itself.
    PurchaseClosed,
    TryAgainPressed,
    StartAgainPressed,
    /// Leaves the dialog, where there is one.
    ClosePressed,
    /// Another variant or language of the first screen.
    ScreenChanged(Box<Screen>),
    SettingsChanged(Settings),
    /// The page is looked at again, or the network is back. `left` where another page was shown in between.
    Returned {
        left: bool,
    },
    /// The page has taken the payment form out of the element.
    PaymentRemoved,
    ElementRemoved,
    /// An element that sold the same was removed while its payment was under way.
    CheckoutKept(Box<super::Model>),
}

/// What the page that embeds us wants to be recorded with a purchase.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) coupon: Option<String>,
    pub(crate) learner_token: Option<String>,
}
