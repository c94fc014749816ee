//! Our own pages: the hosted checkout, and the status of one purchase. They work without JavaScript.
mod buy;
mod buy_form;
mod failure;
mod field;
mod form;
mod language;
mod offer;
mod purchase;
mod root;
mod standing;
mod team;

pub(super) use buy::{__path_buy, __path_buy_by_form, buy, buy_by_form};
pub(super) use failure::{is_person, tell_persons};
pub(super) use language::Language;
pub(super) use purchase::{
    __path_back_from_cancel, __path_back_from_pay, __path_cancel_purchase, __path_pay_on_page,
    __path_purchase, back_from_cancel, back_from_pay, cancel_purchase, pay_on_page, purchase,
};
pub(super) use root::{__path_root, root};
pub(super) use team::{__path_download, __path_hand_out, __path_team, download, hand_out, team};

use super::Api;
use super::policy::page_policy;
use crate::error::Error;
use crate::payments::PaymentsError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{DOCTYPE, Markup, html};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

const STYLE: &str = include_str!("../../../../style/page.css");

/// The route of the stylesheet of all pages.
pub(super) fn style_route() -> axum::Router<Api> {
    axum::Router::new().route(
        "/page.css",
        get(async || {
            (
                [
                    (header::CONTENT_TYPE, "text/css; charset=utf-8"),
                    (header::CACHE_CONTROL, "public, max-age=3600"),
                ],
                STYLE,
            )
        }),
    )
}

/// Changes with the stylesheet, so that no browser shows a new page with an old one.
fn style_version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| hex::encode(&Sha256::digest(STYLE)[..8]));
    &VERSION
}

/// One page.
struct Page<'a> {
    title: &'a str,
    body: Markup,
}

impl Page<'_> {
    fn answer(self, api: &Api, language: &Language) -> Response {
        let Self { title, body } = self;
        let html = html! {
            (DOCTYPE)
            html lang=(language.locale.lang()) dir=(language.locale.dir()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="robots" content="noindex";
                    meta name="color-scheme" content="light dark";
                    title { (title) " – Redis University" }
                    link rel="stylesheet" href=(api.site.links().style(style_version()));
                }
                body {
                    main { (body) }
                }
            }
        };
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
            (header::CONTENT_SECURITY_POLICY, page_policy(&api.site)),
            (header::CACHE_CONTROL, "no-store".to_owned()),
            // With `no-referrer` a browser would not say that a form is ours.
            (header::REFERRER_POLICY, "same-origin".to_owned()),
            (header::VARY, "Accept-Language".to_owned()),
        ];
        (headers, html.into_string()).into_response()
    }
}

/// Redirects the browser to GET `address`.
fn see_other(address: &str) -> Response {
    match HeaderValue::from_str(address) {
        Ok(address) => {
            let headers =
                [(header::LOCATION, address), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
            (StatusCode::SEE_OTHER, headers).into_response()
        }
        Err(_) => Error::Payments(PaymentsError::transient("no address to go to")).into_response(),
    }
}

fn note(language: &Language, text: &str) -> Markup {
    html! {
        div class="note" role="alert" {
            p { strong { (language.locale.pages().problem) } }
            p { (text) }
        }
    }
}
