//! A purchase as our other systems see it: everything that they need, and no secret that opens it.
use crate::catalog::Catalog;
use crate::purchase::Purchase;
use serde::Serialize;
use shared::{Kind, Price, State, TimelineEntry, Timestamp};
use utoipa::ToSchema;

/// A purchase at one version. The snapshot with the higher version is newer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Snapshot {
    /// Never changes, and isn't a secret.
    pub reference: String,
    pub version: i64,
    pub state: State,
    pub sku: String,
    /// The offering's kind, as long as the catalogue has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The payer, once known; also the learner unless the purchase is for a team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learner: Option<LearnerSnapshot>,
    /// Whether the learner may use the offering now.
    pub entitled: bool,
    /// Where the learner uses it, while entitled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_url: Option<String>,
    /// Set if it was bought for a team, whose members each get a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamSnapshot>,
    pub price: Price,
    /// The id of Stripe's payment intent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment: Option<String>,
    /// Minor units that were charged.
    pub charged: i64,
    /// Minor units that were refunded.
    pub refunded: i64,
    /// Minor units lost to the learner's bank in disputes.
    pub disputed: i64,
    pub opened_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Timestamp>,
    /// When any of this last changed.
    pub updated_at: Timestamp,
    pub timeline: Vec<TimelineEntry>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LearnerSnapshot {
    pub email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The learner's id at the sign-in service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TeamSnapshot {
    pub places: i64,
}

impl Snapshot {
    #[must_use]
    pub fn of(purchase: &Purchase, updated_at: Timestamp, catalog: &Catalog) -> Self {
        let item = catalog.find(purchase.sku());
        let view = purchase.view();
        let entitled = purchase.state() == State::Granted && !purchase.is_for_team();
        Self {
            reference: view.reference,
            version: view.version,
            state: view.state,
            sku: view.sku,
            kind: item.map(|item| item.kind),
            title: item.map(|item| item.title.clone()),
            learner: purchase.learner().map(|learner| LearnerSnapshot {
                email: learner.email.as_str().to_owned(),
                name: learner.name.clone(),
                external_id: learner.account_id().map(str::to_owned),
            }),
            entitled,
            access_url: view.access_url.filter(|_| entitled),
            team: view.places.map(|places| TeamSnapshot { places }),
            price: view.price,
            payment: purchase.intent().map(ToString::to_string),
            charged: purchase.charged(),
            refunded: purchase.refunded(),
            disputed: purchase.lost(),
            opened_at: purchase.opened_at(),
            paid_at: purchase.paid_at(),
            updated_at,
            timeline: view.timeline,
        }
    }

    /// Minor units that are no longer ours: refunded, or lost in disputes.
    #[must_use]
    pub fn reversed(&self) -> i64 {
        self.refunded + self.disputed
    }
}
