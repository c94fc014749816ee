//! Routes for our other systems: what a learner has bought, and what has changed.
use super::Api;
use super::extract::ServiceToken;
use super::purchases::NO_STORE;
use super::query::{FromQuery, Query, QueryString};
use crate::account::{Scope, Snapshot};
use crate::email::typed;
use crate::error::Error;
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use serde::Serialize;
use shared::{Email, Timestamp};
use utoipa::ToSchema;

/// Feed entries in one answer: by default, and at most.
const USUAL: i64 = 100;
const MOST: i64 = 500;

/// The offerings one learner has paid for.
#[derive(Serialize, ToSchema)]
pub(super) struct LearnersPurchases {
    /// Newest first.
    purchases: Vec<Snapshot>,
}

/// A page of the feed.
#[derive(Serialize, ToSchema)]
pub(super) struct FeedPage {
    /// In the order of their last change, each once.
    purchases: Vec<Snapshot>,
    /// Continues after these, now or later.
    cursor: String,
    /// Whether there are more already.
    more: bool,
}

/// The learner whose purchases are requested.
pub(super) struct LearnerQuery(Email);

/// Selects a part of the feed.
pub(super) struct FeedQuery {
    updated_since: Option<Timestamp>,
    cursor: Option<Cursor>,
    limit: Option<i64>,
}

/// A position in the feed, and the time since which it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    place: i64,
    since: Timestamp,
}

/// Lists all that a learner has paid for, refunded or not. `entitled` says what they may use now.
#[utoipa::path(
    get,
    path = "/v1/learners/purchases",
    params(("email" = String, Query, min_length = 3, description = "The learner's, in either case")),
    security(("service_token" = [])),
    responses(
        (status = 200, body = LearnersPurchases, description = "All of them"),
        (status = 401, description = "`unauthorized`"),
        (status = 403, description = "`forbidden`: the token lacks the scope `learners`"),
        (status = 422, description = "`invalid_email`"),
    )
)]
pub(super) async fn learners_purchases(
    State(api): State<Api>,
    token: ServiceToken,
    Query(LearnerQuery(email)): Query<LearnerQuery>,
) -> Result<impl IntoResponse, Error> {
    token.may(Scope::Learners)?;
    let catalog = api.checkout.catalog.get();
    let purchases = api.checkout.store.purchases_of(&email).await?;
    let paid = purchases.iter().filter(|(purchase, _)| purchase.was_paid());
    let purchases = paid.map(|(purchase, at)| Snapshot::of(purchase, *at, &catalog)).collect();
    Ok((NO_STORE, Json(LearnersPurchases { purchases })))
}

/// Lists purchases as they change.
/// A client that keeps the last cursor misses none: each purchase comes again after its next change, and only then.
#[utoipa::path(
    get,
    path = "/v1/purchases",
    params(
        ("updated_since" = Option<String>, Query, description = "Only what has changed since; RFC 3339"),
        ("cursor" = Option<String>, Query, description = "From an earlier answer, which knows since when, too"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 500, description = "At most so many purchases; 100 without it"),
    ),
    security(("service_token" = [])),
    responses(
        (status = 200, body = FeedPage, description = "A page of the feed"),
        (status = 401, description = "`unauthorized`"),
        (status = 403, description = "`forbidden`: the token lacks the scope `feed`"),
        (status = 422, description = "`invalid_request`"),
    )
)]
pub(super) async fn changed_purchases(
    State(api): State<Api>,
    token: ServiceToken,
    Query(asked): Query<FeedQuery>,
) -> Result<impl IntoResponse, Error> {
    token.may(Scope::Feed)?;
    let since = asked.updated_since.unwrap_or(Timestamp::from_millis(0));
    let Cursor { place, since } = asked.cursor.unwrap_or(Cursor { place: 0, since });
    let most = asked.limit.unwrap_or(USUAL);
    let mut entries = api.checkout.store.feed(place, since, most + 1).await?;
    let more = i64::try_from(entries.len()).is_ok_and(|found| found > most);
    entries.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    let place = entries.last().map_or(place, |entry| entry.place);
    let catalog = api.checkout.catalog.get();
    let purchases =
        entries.iter().map(|entry| Snapshot::of(&entry.purchase, entry.updated_at, &catalog)).collect();
    Ok((NO_STORE, Json(FeedPage { purchases, cursor: Cursor { place, since }.to_text(), more })))
}

impl Cursor {
    fn to_text(self) -> String {
        format!("c{}.{}", self.place, self.since.as_millis())
    }

    fn parse(text: &str) -> Option<Self> {
        let (place, since) = text.strip_prefix('c')?.split_once('.')?;
        let place = place.parse().ok().filter(|place| *place >= 0)?;
        Some(Self { place, since: Timestamp::from_millis(since.parse().ok()?) })
    }
}

impl FromQuery for LearnerQuery {
    fn from_query(query: &QueryString<'_>) -> Result<Self, Error> {
        typed(&query.text("email").unwrap_or_default()).map(Self).map_err(|_| Error::InvalidEmail)
    }
}

impl FromQuery for FeedQuery {
    fn from_query(query: &QueryString<'_>) -> Result<Self, Error> {
        let time = "must be a time such as 2026-12-09T15:00:00Z";
        let cursor = "is not from an answer of ours; leave it out to begin anew";
        let limit = |text: &str| text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
        Ok(Self {
            updated_since: query.parsed("updated_since", time, |text| text.parse().ok())?,
            cursor: query.parsed("cursor", cursor, Cursor::parse)?,
            limit: query.parsed("limit", "must be 1 to 500", limit)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let cursor = Cursor { place: 4711, since: Timestamp::from_millis(1_796_828_400_000) };
        assert_eq!(Cursor::parse(&cursor.to_text()), Some(cursor));
        for text in ["", "c", "c1", "c1.", "c-1.0", "c1.x", "d1.1", "c1.1.1"] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
