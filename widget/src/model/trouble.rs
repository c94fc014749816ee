//! Why a call to our server failed.
use shared::{Code, Reason};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// No network.
    Offline,
    /// No answer in time.
    Timeout,
    /// The server refused, and said why.
    Refused(Code),
    /// The same, with a reason that the code alone doesn't convey.
    RefusedFor(Code, Reason),
    /// Rate limited: retry after this time.
    TooMany { seconds: u32 },
    /// No answer although the network is up, or one that can't be parsed, such as a proxy's error page.
    Unreadable,
}

impl Trouble {
    /// The code for the embedding page.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Timeout => "timeout",
            Self::Refused(code) | Self::RefusedFor(code, _) => code.as_str(),
            Self::TooMany { .. } => Code::RateLimited.as_str(),
            Self::Unreadable => "unavailable",
        }
    }

    /// Whether retrying at once would fail in the same way.
    pub(crate) const fn stays(self) -> bool {
        matches!(self, Self::TooMany { .. } | Self::Refused(Code::PaymentRefused | Code::AmountTooSmall))
    }

    /// Whether the server may have done what we asked, although its answer did not reach us.
    pub(crate) const fn leaves_doubt(self) -> bool {
        match self {
            Self::Offline | Self::Timeout | Self::Unreadable => true,
            Self::Refused(_) | Self::RefusedFor(..) | Self::TooMany { .. } => false,
        }
    }

    /// Whether the server might accept another code, or none.
    pub(super) const fn is_about_coupon(self) -> bool {
        match self {
            Self::Refused(code) | Self::RefusedFor(code, _) => matches!(
                code,
                Code::CouponUnknown
                    | Code::CouponExpired
                    | Code::CouponUsedUp
                    | Code::CouponNotForThis
                    | Code::CouponEmailDomain
            ),
            // A learner who has tried too many codes may still buy without one.
            Self::TooMany { .. } => true,
            Self::Offline | Self::Timeout | Self::Unreadable => false,
        }
    }
}
