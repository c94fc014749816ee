//! Why a call to our server did not bring what was asked for.
use shared::Code;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// No network.
    Offline,
    /// No answer in time.
    Timeout,
    /// The server refused, and said why.
    Refused(Code),
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
            Self::Refused(code) => code.as_str(),
            Self::TooMany { .. } => Code::RateLimited.as_str(),
            Self::Unreadable => "unavailable",
        }
    }

    /// Whether the server may have done what was asked without our hearing of it.
    pub(crate) const fn leaves_doubt(self) -> bool {
        match self {
            Self::Offline | Self::Timeout | Self::Unreadable => true,
            Self::Refused(_) | Self::TooMany { .. } => false,
        }
    }
}
