//! The funnel: the views that pages report, and the counts that marketing reads.
use super::Api;
use super::extract::{self, ServiceToken};
use super::query::{FromQuery, Query, QueryString};
use crate::account::Scope;
use crate::error::Error;
use crate::funnel::{FunnelKey, Line, beginning, funnel};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde::Deserialize;

/// Maximum first screens in one message, and views of one of them: more than any page has.
const MOST_SCREENS: usize = 100;
const MOST_VIEWS: i64 = 1000;

/// First screens that were seen on a page.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Seen {
    sku: String,
    /// Empty if the page names none.
    variant: String,
    #[schema(minimum = 1, maximum = 1000)]
    count: i64,
}

/// How far back to go.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FunnelQuery {
    /// Number of days; 30 by default.
    #[param(minimum = 1, maximum = 366)]
    days: Option<u32>,
}

impl FromQuery for FunnelQuery {
    fn from_query(query: &QueryString<'_>) -> Result<Self, Error> {
        match query.number("days")? {
            Some(days) if !(1..=366).contains(&days) => Err(Error::Invalid {
                field: "days".to_owned(),
                detail: format!("{days} must be from 1 to 366"),
            }),
            days => Ok(Self { days }),
        }
    }
}

/// Counts first screens that were seen, as a page reports by `sendBeacon` when the visitor leaves it.
#[utoipa::path(
    post,
    path = "/v1/funnel",
    request_body(content = Vec<Seen>, content_type = "text/plain", description = "JSON; of any content type, since a beacon has none"),
    responses(
        (status = 204, description = "Counted, as far as there are such offerings and variants"),
        (status = 422, description = "`invalid_request`"),
    )
)]
pub(super) async fn count_views(State(api): State<Api>, request: Request) -> Result<StatusCode, Error> {
    let seen: Vec<Seen> = extract::parse_list(&extract::read(request).await?)?;
    if seen.len() > MOST_SCREENS {
        let detail = format!("{} must be at most {MOST_SCREENS} entries", seen.len());
        return Err(Error::Invalid { field: "body".to_owned(), detail });
    }
    if let Some(wrong) = seen.iter().find(|seen| !(1..=MOST_VIEWS).contains(&seen.count)) {
        let detail = format!("{} must be from 1 to {MOST_VIEWS}", wrong.count);
        return Err(Error::Invalid { field: "count".to_owned(), detail });
    }
    let (catalog, now) = (api.checkout.catalog.get(), api.checkout.now());
    for Seen { sku, variant, count } in seen {
        let known = variant.is_empty() || widget::variants().find(&variant).1;
        if known && catalog.find(&sku).is_some() {
            api.views.add(FunnelKey::new(now, &sku, Some(&variant)), count);
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Shows how many learners saw an offer, opened a purchase, pressed Pay, paid and got access.
/// The counts are by day, SKU and variant.
#[utoipa::path(
    get,
    path = "/v1/funnel",
    params(FunnelQuery),
    security(("service_token" = [])),
    responses(
        (status = 200, body = Vec<Line>, description = "The oldest day first"),
        (status = 401, description = "`unauthorized`"),
        (status = 403, description = "`forbidden`"),
        (status = 422, description = "`invalid_request`"),
    )
)]
pub(super) async fn show_funnel(
    State(api): State<Api>,
    token: ServiceToken,
    Query(FunnelQuery { days }): Query<FunnelQuery>,
) -> Result<Json<Vec<Line>>, Error> {
    token.may(Scope::Funnel)?;
    let since = beginning(api.checkout.now(), days.unwrap_or(30));
    let seen = api.checkout.store.views(since).await?;
    Ok(Json(funnel(seen, api.checkout.store.steps_since(since).await?)))
}
