//! Limits against card testing and seat hoarding: client identification, rate limits and challenges.
mod challenge;
mod client;
mod process;
mod rate;

pub use challenge::{Challenge, ChallengeProvider};
pub use client::{Client, ClientNetwork, Networks, Origin, Proxies, Pseudonyms, Strangers, network};
pub use process::ProcessLimits;
pub use rate::{InvalidRate, Rate};

/// Rate limits; `None` means no limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    /// API requests by one client, per process (`LIMIT_REQUESTS`).
    pub requests: Option<Rate>,
    /// Requests about one purchase, per process (`LIMIT_PURCHASE`).
    pub purchase: Option<Rate>,
    /// Purchases of one offering opened, per process (`LIMIT_OFFERING`).
    pub offering: Option<Rate>,
    /// Purchases opened by one client (`LIMIT_OPENS`).
    pub opens: Option<Rate>,
    /// Purchases that one client may have open and unpaid (`LIMIT_HOLDS`).
    pub holds: Option<u32>,
    /// Percentage of a training's seats that one client may hold unpaid (`LIMIT_SHARE`).
    pub share: Option<u32>,
    /// Presses of Pay for one email (`LIMIT_PAYS`).
    pub pays: Option<Rate>,
    /// Declines by one client, and for one email (`LIMIT_DECLINES`).
    pub declines: Option<Rate>,
    /// Declines across all purchases, after which only clients who have bought before may pay (`LIMIT_DECLINE_RUN`).
    pub decline_run: Option<Rate>,
    /// Emails that one client tries with coupons without paying (`LIMIT_EMAILS`).
    pub emails: Option<Rate>,
    /// Requests to Stripe caused by browsers, per process (`LIMIT_QUESTIONS`).
    pub questions: Option<Rate>,
    /// Unknown coupon codes typed by one client (`LIMIT_COUPONS`).
    pub coupons: Option<Rate>,
    /// Unknown coupon codes typed by all clients together, after which a client that has typed one waits
    /// (`LIMIT_COUPON_RUN`).
    pub coupon_run: Option<Rate>,
}

/// The action that was repeated too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    Requests,
    /// Concurrent requests or streams.
    AtOnce,
    Purchase,
    Offering,
    Opens,
    Holds,
    /// Unpaid seats of one training.
    Share,
    Pays,
    Declines,
    /// Not by this client: somebody unknown is testing cards.
    DeclineRun,
    /// Emails tried with a coupon.
    Emails,
    /// Guessed coupon codes.
    Coupons,
    /// Emails for one pack.
    CodeEmails,
}
