//! A purchase as other systems of ours see it: all that they need, and nothing that opens it.
use crate::catalog::Catalog;
use crate::purchase::Purchase;
use serde::Serialize;
use shared::{Kind, Price, State, TimelineEntry, Timestamp};
use utoipa::ToSchema;

/// A purchase at one version. Of two, the higher one is newer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Snapshot {
    /// Never changes, and opens nothing.
    pub reference: String,
    pub version: i64,
    pub state: State,
    pub sku: String,
    /// Of the offering, as long as the catalogue has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Who pays, once that is known: also who learns, where it is for no team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learner: Option<LearnerSnapshot>,
    /// Whether the learner may use the offering now.
    pub entitled: bool,
    /// Where, as long as that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_url: Option<String>,
    /// Bought for so many, each with a code of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamSnapshot>,
    pub price: Price,
    /// Stripe's payment intent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment: Option<String>,
    /// Minor units that were taken, and given back.
    pub charged: i64,
    pub refunded: i64,
    /// Minor units that the learner's bank took back for good.
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
    /// What the sign-in service calls them.
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
            payment: purchase.intent().map(str::to_owned),
            charged: purchase.charged(),
            refunded: purchase.refunded(),
            disputed: purchase.lost(),
            opened_at: purchase.opened_at(),
            paid_at: purchase.paid_at(),
            updated_at,
            timeline: view.timeline,
        }
    }

    /// Minor units that are not ours any more: given back, or taken back by the learner's bank.
    #[must_use]
    pub fn gone(&self) -> i64 {
        self.refunded + self.disputed
    }
}
