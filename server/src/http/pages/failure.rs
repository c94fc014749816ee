//! Error pages in the visitor's language.
use super::Page;
use super::language::Language;
use crate::error::Error;
use crate::http::Api;
use crate::http::problem::describe;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use maud::html;
use shared::{Code, Problem};
use widget::SharedWord;

/// Turns an error that has no page of its own into one if a person is asking; programs get the usual answer.
pub(in crate::http) async fn tell_persons(
    State(api): State<Api>,
    language: Language,
    request: Request,
    next: Next,
) -> Response {
    let person = is_person(request.headers());
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    match response.extensions().get::<Problem>() {
        Some(problem) if person => {
            let page = failed(&api, &language, problem, &path);
            with_status_of(&response, page)
        }
        _ => response,
    }
}

/// Answers `error` with `page`. Its status, its `Retry-After` and its line in the log are those of the API.
pub(super) fn refusal(error: Error, page: Response) -> Response {
    with_status_of(&error.into_response(), page)
}

/// Explains an error to a person. Says that nothing was charged if that is certain; `unpaid` means that nobody was
/// given a way to pay.
pub(super) fn said(language: &Language, error: &Error, unpaid: bool) -> String {
    let (locale, words) = (language.locale, language.locale.pages());
    let Problem { code, challenge, .. } = describe(error);
    if matches!(error, Error::CrossSite) {
        words.cross_site.clone()
    } else if matches!(error, Error::Payments(_)) {
        locale.refused_and_charge_unknown(code)
    } else if !unpaid || matches!(error, Error::Store(_)) {
        locale.refused(code, None)
    } else if challenge.is_some() {
        words.challenged.clone()
    } else {
        locale.refused_and_not_charged(code)
    }
}

fn with_status_of(told: &Response, page: Response) -> Response {
    let mut response = page;
    *response.status_mut() = told.status();
    for name in [header::RETRY_AFTER, header::ALLOW] {
        if let Some(value) = told.headers().get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

fn failed(api: &Api, language: &Language, problem: &Problem, path: &str) -> Response {
    let (locale, words) = (language.locale, language.locale.pages());
    let (title, text, way_on) = match problem.status {
        404 if problem.code == Code::UnknownSku => (&words.unknown_heading, words.unknown_text.clone(), ""),
        404 if path.starts_with("/team/") => (&locale.team().unknown, words.unknown_text.clone(), ""),
        404 => (&words.unknown_purchase, words.unknown_text.clone(), ""),
        // Only a form from another site is forbidden.
        403 => (&words.failed_heading, words.cross_site.clone(), path),
        _ => (&words.failed_heading, locale.refused(problem.code, problem.reason), path),
    };
    // A form's own address, such as `/p/{id}/pay`, is not a page.
    let page = way_on.split('/').take(3).collect::<Vec<_>>().join("/");
    let body = html! {
        article class="card" {
            h1 { (title) }
            p { (text) }
            @if !page.is_empty() {
                div class="actions" {
                    a class="button" href=(api.site.links().path(&page, &language.query)) {
                        (locale.word(SharedWord::TryAgain))
                    }
                }
            }
        }
    };
    Page { title, body }.answer(api, language)
}

/// Whether a person is asking: browsers name HTML in `Accept` when somebody opens a page.
pub(in crate::http) fn is_person(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}
