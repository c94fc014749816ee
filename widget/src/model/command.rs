//! What the shell is to do.
use shared::{Challenge, Money, OpenPurchase, Pay, SeatsNews, Timestamp};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// The same `turn` is the same attempt: it carries the same idempotency key.
    OpenPurchase {
        turn: u32,
        request: OpenPurchase,
    },
    /// Asks whether the learner of its token has the offering already.
    FindAccess {
        request: OpenPurchase,
    },
    LoadStripe,
    /// Stripe's form, or its new amount where it is shown.
    ShowPayment {
        due: Money,
    },
    HidePayment,
    /// Applies a code, or takes the one off that there is.
    ChangeCoupon {
        id: String,
        coupon: Option<String>,
    },
    CheckDetails,
    PreparePayment {
        id: String,
        request: Pay,
        /// Of a challenge that was passed.
        answer: Option<String>,
    },
    ShowChallenge(Challenge),
    ConfirmPayment {
        id: String,
        client_secret: String,
    },
    /// Asks the server to ask Stripe.
    Refresh {
        id: String,
    },
    /// Looks at once, or waits for a version after `after`; either only when `delay` milliseconds have passed.
    Watch {
        id: String,
        after: Option<i64>,
        delay: u32,
    },
    /// Reads the clock in a second.
    Tick,
    /// Says so when access has not come within a few seconds.
    AwaitAccess,
    ClosePurchase {
        id: String,
    },
    /// Tells the page that embeds us.
    Tell {
        notice: Notice,
        variant: Option<String>,
        purchase: Option<String>,
    },
    /// Has this browser remember that the offering was bought, and by nobody's name.
    RememberPurchase,
    Focus(Target),
    /// Keeps a checkout whose money may be moving for the next element that sells the same.
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

/// Where the keyboard should be next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Title,
    Purchase,
    Email,
    /// The field for a code.
    Code,
    /// The button that opens that field, applies what is in it, or takes it off.
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
