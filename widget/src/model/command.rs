//! Commands that the model gives the shell.
use shared::{Challenge, Money, OpenPurchase, Pay, SeatsNews, Timestamp};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// The same `turn` means the same attempt, with the same idempotency key.
    OpenPurchase {
        turn: u32,
        request: OpenPurchase,
    },
    /// Asks whether the learner whom the token names already has the offering.
    FindAccess {
        request: OpenPurchase,
    },
    LoadStripe,
    /// Shows Stripe's form, or updates the amount if it is already shown.
    ShowPayment {
        due: Money,
    },
    HidePayment,
    /// Applies a code, or removes the applied coupon.
    ChangeCoupon {
        id: String,
        coupon: Option<String>,
    },
    /// `bought` is what [`Command::RememberPurchase`] remembers.
    CheckDetails {
        bought: String,
    },
    PreparePayment {
        id: String,
        request: Pay,
        /// The answer to a challenge that the learner passed.
        answer: Option<String>,
    },
    ShowChallenge(Challenge),
    ConfirmPayment {
        id: String,
        client_secret: String,
    },
    /// Makes the server query Stripe.
    Refresh {
        id: String,
    },
    /// Fetches the purchase, or waits for a version after `after`; either way only after `delay` milliseconds.
    Watch {
        id: String,
        after: Option<i64>,
        delay: u32,
    },
    /// Asks the server for more time.
    ExtendHold {
        id: String,
    },
    /// Reads the clock after one second.
    Tick,
    /// Reports when access has not arrived within a few seconds.
    AwaitAccess,
    ClosePurchase {
        id: String,
    },
    /// Notifies the embedding page.
    Tell {
        notice: Notice,
        variant: Option<String>,
        purchase: Option<String>,
    },
    /// Makes this browser remember that the offering was bought, but not by whom.
    RememberPurchase {
        bought: String,
    },
    Focus(Target),
    /// Keeps a checkout whose money may be moving, for the next element that sells the same offering.
    Keep(Box<super::Model>),
}

/// An event for the embedding page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    Opened,
    Hold { expires_at: Timestamp },
    HoldExpiring { expires_at: Timestamp },
    Seats(SeatsNews),
    Paying,
    Declined,
    Paid,
    Granted,
    Closed,
    Error { code: &'static str },
}

/// Where the focus moves next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Title,
    Purchase,
    Email,
    /// The field for a code.
    Code,
    /// The button that opens that field, applies its code, or removes the coupon.
    Redeem,
    /// The field for the number of places.
    Places,
    /// The button beside it.
    Team,
    Note,
    Heading,
}

impl Target {
    /// The element's `data-focus`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Purchase => "purchase",
            Self::Email => "email",
            Self::Code => "code",
            Self::Redeem => "redeem",
            Self::Places => "places",
            Self::Team => "team",
            Self::Note => "note",
            Self::Heading => "heading",
        }
    }
}
