//! The query string of a request, rejected with our own errors.
use crate::error::Error;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use std::str::FromStr;

/// A handler's query parameters. Parameters that `T` doesn't know are ignored.
pub(super) struct Query<T>(pub(super) T);

/// Query parameters that a handler understands.
pub(super) trait FromQuery: Sized {
    /// Fails with an error that names the parameter.
    fn from_query(query: &QueryString<'_>) -> Result<Self, Error>;
}

/// A query string by names. Of several parameters with one name, the first counts.
pub(super) struct QueryString<'a>(&'a str);

impl<S: Send + Sync, T: FromQuery> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        T::from_query(&QueryString(parts.uri.query().unwrap_or_default())).map(Self)
    }
}

impl QueryString<'_> {
    /// The text of `name`; `None` if it is missing or empty.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.find(name).filter(|value| !value.is_empty())
    }

    /// The same, parsed by `parse`; fails with `detail` if that returns `None`.
    pub(super) fn parsed<T>(
        &self,
        name: &str,
        detail: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let Some(text) = self.text(name) else { return Ok(None) };
        parse(&text).map(Some).ok_or_else(|| invalid(name, detail.to_owned()))
    }

    /// The whole number in `name`.
    pub(super) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, Error> {
        let Some(text) = self.find(name) else { return Ok(None) };
        let number = text.parse().map_err(|_| invalid(name, format!("{text:?} must be a whole number")))?;
        Ok(Some(number))
    }

    fn find(&self, wanted: &str) -> Option<String> {
        let mut pairs = url::form_urlencoded::parse(self.0.as_bytes());
        pairs.find_map(|(name, value)| (name == wanted).then(|| value.into_owned()))
    }
}

fn invalid(name: &str, detail: String) -> Error {
    Error::Invalid { field: name.to_owned(), detail }
}
