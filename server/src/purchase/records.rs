//! The parts of a purchase. Stored as one flat JSON object, with the names that earlier releases gave the fields.
use super::{Attempt, CheckoutSession, Dispute, DisputedMoney, IntentId};
use serde::{Deserialize, Serialize};
use shared::Timestamp;

/// The seat kept for a purchase, and until when it waits for the first press of Pay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Hold {
    /// Whether the offering has seats, so that this purchase needs one.
    pub(super) seated: bool,
    pub(super) owns_seat: bool,
    #[serde(rename = "hold_expires_at")]
    pub(super) expires_at: Timestamp,
    /// The learner was given more time, which happens once.
    #[serde(default, rename = "hold_extended")]
    pub(super) extended: bool,
}

/// The request for money, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Payment {
    /// The request that creates the payment intent, frozen so that a repeat is the same request.
    pub(super) attempt: Option<Attempt>,
    /// Stripe's payment intent.
    pub(super) intent: Option<IntentId>,
    /// Stripe's page, if it is paid there and not inside the course page.
    #[serde(default, rename = "hosted")]
    pub(super) checkout_session: Option<CheckoutSession>,
    /// When the time to pay runs out; set by the first press of Pay.
    #[serde(rename = "pay_expires_at")]
    pub(super) expires_at: Option<Timestamp>,
    pub(super) declines: u32,
    /// The failure that was counted last, so that a repeated report counts once.
    pub(super) last_failure: Option<String>,
    /// Minor units that Stripe took.
    pub(super) charged: i64,
    pub(super) paid_at: Option<Timestamp>,
}

/// Money that goes back by our own refunds or the dashboard's, in minor units.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Refunds {
    #[serde(rename = "refunded")]
    pub(super) succeeded: i64,
    /// Refunded or requested, so that two refunds under way never add up to more than was paid.
    #[serde(default, rename = "refund_asked")]
    pub(super) requested: i64,
    /// It only grows, which tells older news from newer.
    #[serde(default, rename = "refunds_failed")]
    pub(super) failed: i64,
    /// A refund failed, and has not been requested again yet.
    #[serde(rename = "refund_failed")]
    pub(super) last_failed: bool,
}

/// Money that banks have taken back, or may.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Disputes {
    #[serde(default, rename = "dispute")]
    pub(super) standing: Option<Dispute>,
    /// `None` if an earlier release recorded only the dispute itself.
    #[serde(default, rename = "disputed")]
    pub(super) money: Option<DisputedMoney>,
    /// Stripe refunds nothing while a bank decides.
    #[serde(default, rename = "dispute_forbids_refund")]
    pub(super) forbid_refund: bool,
    /// A bank returned money for which access had ended, or was about to.
    #[serde(default, rename = "dispute_regained")]
    pub(super) regained: bool,
}

/// The grant in FlockJay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Access {
    #[serde(rename = "access_url")]
    pub(super) url: Option<String>,
    /// FlockJay may have made a grant.
    #[serde(rename = "grant_asked")]
    pub(super) grant_requested: bool,
    pub(super) granted_at: Option<Timestamp>,
    pub(super) revoked_at: Option<Timestamp>,
}
