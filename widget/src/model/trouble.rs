//! Why a call to our server did not bring what was asked for.
use shared::{Code, Reason};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// No network.
    Offline,
    /// No answer in time.
    Timeout,
    /// The server refused, and said why.
    Refused(Code),
    /// The same, and what of it the code doesn't tell.
    RefusedFor(Code, Reason),
    /// Too often: not before so long.
    TooMany { seconds: u32 },
    /// No answer although there is a network, or one that can't be read, as a proxy's error page.
    Unreadable,
}

impl Trouble {
    /// For the page that embeds us.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Timeout => "timeout",
            Self::Refused(code) | Self::RefusedFor(code, _) => code.as_str(),
            Self::TooMany { .. } => Code::RateLimited.as_str(),
            Self::Unreadable => "unavailable",
        }
    }

    /// Whether trying again at once would end in the same way.
    pub(crate) const fn stays(self) -> bool {
        matches!(self, Self::TooMany { .. } | Self::Refused(Code::PaymentRefused | Code::AmountTooSmall))
    }

    /// Whether the server may have done what was asked without our hearing of it.
    pub(crate) const fn leaves_doubt(self) -> bool {
        match self {
            Self::Offline | Self::Timeout | Self::Unreadable => true,
            Self::Refused(_) | Self::RefusedFor(..) | Self::TooMany { .. } => false,
        }
    }

    /// Whether another code, or none, would be taken.
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
            // Who has tried too many codes may still buy without one.
            Self::TooMany { .. } => true,
            Self::Offline | Self::Timeout | Self::Unreadable => false,
        }
    }
}
