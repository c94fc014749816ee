//! The page of one purchase, for anyone who has its address, and its buttons.
use super::failure::{refusal, said};
use super::form::OwnPage;
use super::language::Language;
use super::see_other;
use super::standing::Standing;
use crate::abuse::Client;
use crate::checkout::{PayContext, TeamPage};
use crate::error::Error;
use crate::http::Api;
use crate::http::extract::Id;
use crate::purchase::{Purchase, PurchaseId};
use axum::extract::State;
use axum::response::Response;
use shared::State as PurchaseState;
use std::time::Duration;

/// How long the page of a paid purchase waits for access.
const ACCESS: Duration = Duration::from_secs(3);

/// Shows the state of a purchase. Asks Stripe, and grants nothing by itself.
#[utoipa::path(
    get,
    path = "/p/{id}",
    params(
        ("id" = String, Path, description = "The purchase"),
        ("lang" = Option<String>, Query, description = "BCP 47 tag; `Accept-Language` counts where there is none")
    ),
    responses(
        (status = 200, description = "The page", content_type = "text/html"),
        (status = 404, description = "`unknown_purchase`"),
    )
)]
pub(in crate::http) async fn purchase(
    State(api): State<Api>,
    Id(id): Id,
    language: Language,
    client: Client,
) -> Result<Response, Error> {
    let (purchase, team) = found(&api, &id, &client).await?;
    Ok(Standing { api: &api, language: &language, purchase: &purchase, team: team.as_ref() }.page(None))
}

/// Redirects back to Stripe's page, if the purchase is paid on one and still can be.
#[utoipa::path(
    post,
    path = "/p/{id}/pay",
    params(("id" = String, Path, description = "The purchase")),
    responses(
        (status = 303, description = "To Stripe's page, or back to `/p/{id}`"),
        (status = 403, description = "Sent from another site"),
        (status = 404, description = "`unknown_purchase`"),
        (status = 502, description = "Stripe can't be reached", content_type = "text/html"),
    )
)]
pub(in crate::http) async fn pay_on_page(
    State(api): State<Api>,
    Id(id): Id,
    language: Language,
    client: Client,
    _: OwnPage,
) -> Result<Response, Error> {
    let context = PayContext { client, challenge_answer: None, lang: language.for_emails(&api) };
    match api.checkout.resume_hosted(&id, &context).await {
        Ok(hosted) => Ok(see_other(&hosted.page.unwrap_or_else(|| address(&api, &id, &language)))),
        Err(error) => hindered_purchase(&api, &language, &id, error).await,
    }
}

/// Cancels the purchase. Its page shows the outcome.
#[utoipa::path(
    post,
    path = "/p/{id}/cancel",
    params(("id" = String, Path, description = "The purchase")),
    responses(
        (status = 303, description = "Back to `/p/{id}`"),
        (status = 403, description = "Sent from another site"),
        (status = 404, description = "`unknown_purchase`"),
    )
)]
pub(in crate::http) async fn cancel_purchase(
    State(api): State<Api>,
    Id(id): Id,
    language: Language,
    _: OwnPage,
) -> Result<Response, Error> {
    match api.checkout.cancel(&id).await {
        // It has been paid, or has ended.
        Ok(_) | Err(Error::Refused(_)) => Ok(see_other(&address(&api, &id, &language))),
        Err(error) => Err(error),
    }
}

/// Redirects to the purchase's page: a browser opens a button's address when it reloads the answer to a press.
#[utoipa::path(
    get,
    path = "/p/{id}/pay",
    params(("id" = String, Path, description = "The purchase")),
    responses((status = 303, description = "To `/p/{id}`"))
)]
pub(in crate::http) async fn back_from_pay(
    State(api): State<Api>,
    Id(id): Id,
    language: Language,
) -> Response {
    see_other(&address(&api, &id, &language))
}

/// Redirects to the purchase's page, if a button's address is opened like a page.
#[utoipa::path(
    get,
    path = "/p/{id}/cancel",
    params(("id" = String, Path, description = "The purchase")),
    responses((status = 303, description = "To `/p/{id}`"))
)]
pub(in crate::http) async fn back_from_cancel(
    State(api): State<Api>,
    Id(id): Id,
    language: Language,
) -> Response {
    see_other(&address(&api, &id, &language))
}

/// The purchase's page, with the reason why the last press failed.
pub(super) async fn hindered_purchase(
    api: &Api,
    language: &Language,
    id: &PurchaseId,
    error: Error,
) -> Result<Response, Error> {
    let purchase = api.checkout.status(id, None, Duration::ZERO).await?;
    let text = said(language, &error, !purchase.has_way_to_pay());
    let page = Standing { api, language, purchase: &purchase, team: None }.page(Some(&text));
    Ok(refusal(error, page))
}

/// The purchase, with the codes that it has paid for if it is a team's.
async fn found(api: &Api, id: &PurchaseId, client: &Client) -> Result<(Purchase, Option<TeamPage>), Error> {
    let purchase = match api.checkout.refresh(id, client).await {
        // The page still shows what we know.
        Err(Error::Payments(_) | Error::TooMany { .. }) => {
            api.checkout.status(id, None, Duration::ZERO).await?
        }
        outcome => outcome?,
    };
    // Access mostly follows in a moment: a learner who comes from paying needn't reload for it.
    let purchase = if purchase.state() == PurchaseState::Paid {
        api.checkout.with_access(id, ACCESS).await?
    } else {
        purchase
    };
    let team = api.checkout.codes_bought(&purchase).await?;
    Ok((purchase, team))
}

fn address(api: &Api, id: &PurchaseId, language: &Language) -> String {
    api.site.links().purchase(id, &language.query)
}
