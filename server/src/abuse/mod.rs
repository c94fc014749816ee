//! Limits against card testing and seat hoarding: who asks, how often they may, and how they can show to be human.
mod challenge;
mod client;
mod process;
mod rate;

pub use challenge::{Challenge, ChallengeProvider};
pub use client::{Client, ClientNetwork, Networks, Origin, Proxies, Pseudonyms, Strangers, network};
pub use process::ProcessLimits;
pub use rate::{InvalidRate, Rate};

/// How often things may be done. Nothing where there is no limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    /// Requests to the API by one client, at this process (`LIMIT_REQUESTS`).
    pub requests: Option<Rate>,
    /// Requests about one purchase, at this process (`LIMIT_PURCHASE`).
    pub purchase: Option<Rate>,
    /// Purchases of one offering opened at this process (`LIMIT_OFFERING`).
    pub offering: Option<Rate>,
    /// Purchases opened by one client (`LIMIT_OPENS`).
    pub opens: Option<Rate>,
    /// Purchases that one client has open and unpaid (`LIMIT_HOLDS`).
    pub holds: Option<u32>,
    /// Percent of a training's seats that one client holds unpaid (`LIMIT_SHARE`).
    pub share: Option<u32>,
    /// Presses of Pay for one email (`LIMIT_PAYS`).
    pub pays: Option<Rate>,
    /// Declines by one client, and for one email (`LIMIT_DECLINES`).
    pub declines: Option<Rate>,
    /// Declines of all purchases together, after which only clients who have bought before may pay
    /// (`LIMIT_DECLINE_RUN`).
    pub decline_run: Option<Rate>,
    /// Emails that one client tries with coupons and does not pay with (`LIMIT_EMAILS`).
    pub emails: Option<Rate>,
    /// Questions to Stripe that browsers cause, at this process (`LIMIT_QUESTIONS`).
    pub questions: Option<Rate>,
    /// Coupon codes that there are not, by one client (`LIMIT_COUPONS`).
    pub coupons: Option<Rate>,
    /// Such codes by all together, after which a client that has typed one waits (`LIMIT_COUPON_RUN`).
    pub coupon_run: Option<Rate>,
}

/// What was done too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    Requests,
    /// Requests or streams under way at the same time.
    AtOnce,
    Purchase,
    Offering,
    Opens,
    Holds,
    /// Seats of one training, not paid.
    Share,
    Pays,
    Declines,
    /// Not by this client: cards are being tested, and nobody knows by whom.
    DeclineRun,
    /// Emails were tried with a coupon.
    Emails,
    /// Coupon codes were guessed.
    Coupons,
    /// Letters of one pack.
    Letters,
}
