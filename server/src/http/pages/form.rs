//! A form that one of our own pages has sent.
use crate::error::Error;
use crate::http::Api;
use crate::http::extract::read;
use crate::http::policy::origin;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};

/// The fields of an `application/x-www-form-urlencoded` body.
pub(in crate::http) struct Form(Vec<(String, String)>);

/// A press of a button without fields, on one of our pages.
pub(in crate::http) struct OwnPage;

impl Form {
    /// The text of a field; `None` if it was left empty.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let field = self.0.iter().find(|(known, _)| known == name);
        field.map(|(_, value)| value.clone()).filter(|value| !value.trim().is_empty())
    }
}

impl FromRequest<Api> for Form {
    type Rejection = Error;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Error> {
        let headers = request.headers().clone();
        let body = read(request).await?;
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Error::NotAForm);
        }
        same_site(&headers, &api.site.public_url)?;
        let fields = url::form_urlencoded::parse(&body);
        Ok(Self(fields.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()))
    }
}

impl FromRequest<Api> for OwnPage {
    type Rejection = Error;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Error> {
        let headers = request.headers().clone();
        read(request).await?;
        same_site(&headers, &api.site.public_url)?;
        Ok(Self)
    }
}

/// Rejects what another site's page has sent. A program that sends no such headers is accepted.
fn same_site(headers: &HeaderMap, public_url: &str) -> Result<(), Error> {
    let said = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let ours = match (said("sec-fetch-site"), said("origin"), said("referer")) {
        (Some(site), _, _) => matches!(site, "same-origin" | "none"),
        (None, Some(page), _) => page == origin(public_url),
        (None, None, Some(page)) => origin(page) == origin(public_url),
        (None, None, None) => true,
    };
    if ours { Ok(()) } else { Err(Error::CrossSite) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_send_forms() {
        let cases: [(&[(&str, &str)], bool); 9] = [
            (&[], true),
            (&[("sec-fetch-site", "same-origin"), ("origin", "null")], true),
            (&[("sec-fetch-site", "cross-site"), ("origin", "https://buy.example")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("origin", "https://buy.example")], true),
            (&[("origin", "https://buy.example.evil.example")], false),
            (&[("origin", "null")], false),
            (&[("referer", "https://buy.example/buy/x")], true),
            (&[("referer", "https://evil.example/https://buy.example")], false),
        ];
        for (headers, is_ours) in cases {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(axum::http::HeaderName::from_static(name), value.parse().unwrap());
            }
            assert_eq!(same_site(&map, "https://buy.example").is_ok(), is_ours, "{headers:?}");
        }
    }
}
