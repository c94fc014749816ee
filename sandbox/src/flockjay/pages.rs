//! FlockJay's pages for people: the course that a grant leads to, and the list of grants.

use axum::{
    Router,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;

use super::{FlockJay, Grant};
use crate::html::escape;

const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'";

#[derive(Deserialize)]
struct Visit {
    grant: Option<String>,
}

pub(super) fn routes(flockjay: FlockJay) -> Router {
    Router::new()
        .route("/", get(list))
        .route("/learn/{kind}/{id}", get(learn))
        .route("/flockjay.css", get(css))
        .with_state(flockjay)
}

async fn css() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../../assets/flockjay.css"))
}

async fn learn(
    State(flockjay): State<FlockJay>,
    Path((kind, id)): Path<(String, String)>,
    Query(visit): Query<Visit>,
) -> Response {
    let grants = flockjay.grants();
    let grant = visit.grant.and_then(|purchase| grants.get(&purchase).cloned());
    let grant =
        grant.filter(|grant| !grant.revoked && grant.resource.kind == kind && grant.resource.id == id);
    match grant {
        Some(grant) => {
            let body = format!(
                "<main class=\"hall\"><p class=\"eyebrow\">{} · {}</p><h1>You’re in: {}</h1><p>Welcome, {}. Your \
                 place is <code>{}</code>.</p><a class=\"start\" href=\"#lesson-1\">Start lesson 1</a></main>",
                escape(&words(&grant.resource.kind)),
                escape(&grant.resource.id),
                escape(&format!("{} {}", words(&grant.resource.kind), grant.resource.id)),
                escape(grant.learner.name.as_deref().unwrap_or(&grant.learner.email)),
                escape(&grant.reference),
            );
            page(StatusCode::OK, "You’re in", "", &body)
        }
        None => page(
            StatusCode::FORBIDDEN,
            "No access",
            "",
            "<main class=\"hall\"><h1>No access</h1><p>This link opens nothing, or no longer does.</p></main>",
        ),
    }
}

async fn list(State(flockjay): State<FlockJay>) -> Response {
    let grants = flockjay.grants();
    let rows: String = grants.iter().map(|(purchase, grant)| row(purchase, grant)).collect();
    let table = if rows.is_empty() {
        "<p class=\"empty\">Nobody yet. Buy a course, and the grant shows here within seconds.</p>".to_owned()
    } else {
        format!(
            "<div class=\"scroll\"><table><thead><tr><th>Learner</th><th>Resource</th><th>Reference</th>\
             <th>Asked</th><th>State</th></tr></thead><tbody>{rows}</tbody></table></div>"
        )
    };
    let body = format!("<main><h1>Who may learn what</h1>{table}</main>");
    page(StatusCode::OK, "FlockJay (sandbox)", "<meta http-equiv=\"refresh\" content=\"2\">", &body)
}

fn row(purchase: &str, grant: &Grant) -> String {
    let state = if grant.revoked { "revoked" } else { "granted" };
    format!(
        "<tr><td>{}<small>{}</small></td><td><a href=\"{}\">{} {}</a></td><td title=\"{}\"><code>{}</code></td>\
         <td>{}×</td><td><span class=\"{state}\">{state}</span></td></tr>",
        escape(grant.learner.name.as_deref().unwrap_or("")),
        escape(&grant.learner.email),
        escape(&grant.access_url),
        escape(&words(&grant.resource.kind)),
        escape(&grant.resource.id),
        escape(purchase),
        escape(&grant.reference),
        grant.asked,
    )
}

fn words(kind: &str) -> String {
    let text = kind.replace('_', " ");
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn page(status: StatusCode, title: &str, head: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title>{head}<link rel=\"stylesheet\" \
         href=\"/flockjay.css\"></head><body><header><strong>FlockJay</strong> <span>sandbox</span></header>\
         {body}</body></html>\n"
    );
    (status, [(header::CONTENT_SECURITY_POLICY, POLICY)], Html(html)).into_response()
}
