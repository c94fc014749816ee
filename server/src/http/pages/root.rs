//! The page at the server's own address, for whoever has shortened a link.
use super::Page;
use super::language::Language;
use crate::http::Api;
use axum::extract::State;
use axum::response::Response;
use maud::html;

/// Says what this server is, and where to go.
#[utoipa::path(
    get,
    path = "/",
    params(
        ("lang" = Option<String>, Query, description = "BCP 47 tag; `Accept-Language` counts where there is none")
    ),
    responses((status = 200, description = "The page", content_type = "text/html"))
)]
pub(in crate::http) async fn root(State(api): State<Api>, language: Language) -> Response {
    let words = language.locale.pages();
    let body = html! {
        article class="card" {
            header {
                h1 { (words.root_heading) }
                p { (words.root_text) }
            }
            p { (words.root_purchase) }
        }
    };
    Page { title: &words.root_heading, body }.answer(&api, &language)
}
