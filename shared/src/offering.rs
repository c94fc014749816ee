//! Offerings: what is for sale, at what price, and whether seats are left.
use crate::{Money, Timestamp, text_enum::text_enum};

text_enum! {
    /// The kind of learning an offering is.
    Kind { Course => "course", Lab => "lab", Exam => "exam", Live => "live" }
}

text_enum! {
    /// Whether an offering can be bought now, and if not, why.
    Sale { Open => "open", NotOpen => "not_open", Closed => "closed", SoldOut => "sold_out", Paused => "paused" }
}

/// Seats of a live offering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
pub struct Seats {
    pub capacity: i64,
    pub left: i64,
}

/// How many places one purchase for a team may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
#[cfg_attr(feature = "wire", serde(deny_unknown_fields))]
pub struct Team {
    pub min: i64,
    pub max: i64,
}

/// The event that `GET /v1/offerings/{sku}/seats` sends at every change. Without a seat limit, it has no numbers.
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

/// One offering as `GET /v1/offerings/{sku}` returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
pub struct Offering {
    /// The offering's code, which never changes.
    pub sku: String,
    pub kind: Kind,
    pub title: String,
    pub summary: String,
    pub price: Money,
    /// `null` for on-demand offerings.
    pub seats: Option<Seats>,
    pub sale: Sale,
    /// Absent if the offering isn't sold to teams.
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
    /// When the server sent this, by its own clock, in whole seconds. A client that gets it from a cache adds the
    /// response's `Age`. Absent from the data that comes with the first screen.
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    pub now: Option<Timestamp>,
}
