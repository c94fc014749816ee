//! What is sold.
use crate::{Money, Timestamp, text_enum::text_enum};

text_enum! {
    /// What kind of learning an offering is.
    Kind { Course => "course", Lab => "lab", Exam => "exam", Live => "live" }
}

text_enum! {
    /// Whether an offering can be bought now, and why not.
    Sale { Open => "open", NotOpen => "not_open", Closed => "closed", SoldOut => "sold_out", Paused => "paused" }
}

/// Seats of a live offering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
pub struct Seats {
    pub capacity: i64,
    pub left: i64,
}

/// How many places somebody may buy for a team at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
#[cfg_attr(feature = "wire", serde(deny_unknown_fields))]
pub struct Team {
    pub min: i64,
    pub max: i64,
}

/// What `GET /v1/offerings/{sku}/seats` says at every change. Without a limit there are no numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
pub struct SeatsNews {
    pub left: Option<i64>,
    pub capacity: Option<i64>,
    pub sale: Sale,
}

impl SeatsNews {
    #[must_use]
    pub const fn of(offering: &Offering) -> Self {
        match offering.seats {
            Some(Seats { capacity, left }) => {
                Self { left: Some(left), capacity: Some(capacity), sale: offering.sale }
            }
            None => Self { left: None, capacity: None, sale: offering.sale },
        }
    }
}

/// One offering as `GET /v1/offerings/{sku}` answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
pub struct Offering {
    /// The offering's code, stable for ever.
    pub sku: String,
    pub kind: Kind,
    pub title: String,
    pub summary: String,
    pub price: Money,
    /// `null` for what is on demand.
    pub seats: Option<Seats>,
    pub sale: Sale,
    /// Left out where nobody buys for a team.
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    pub team: Option<Team>,
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    pub starts_at: Option<Timestamp>,
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    pub ends_at: Option<Timestamp>,
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    pub sale_opens_at: Option<Timestamp>,
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    pub sale_closes_at: Option<Timestamp>,
    /// When this was answered by the server's clock, in whole seconds: whoever got it from a cache adds its `Age`. Left out of
    /// what travels with the first screen.
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    pub now: Option<Timestamp>,
}
