//! The language of a page: the one that its address names, or the one that the browser asks for.
use crate::http::Api;
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use std::convert::Infallible;
use widget::{Locale, locales};

pub(in crate::http) struct Language {
    pub(super) locale: &'static Locale,
    /// Such as `?lang=de` if the address names a language, so that the next page uses it, too.
    pub(super) query: String,
}

impl Language {
    /// Its code, for emails; `None` if none are sent.
    pub(in crate::http) fn for_emails(&self, api: &Api) -> Option<String> {
        api.site.sends_mail.then(|| self.locale.lang())
    }

    /// The query of one of our addresses in this language, with `variant` and `more`; empty if there is nothing to say.
    pub(super) fn query_with(&self, more: Option<&str>, variant: Option<&str>) -> String {
        let lang = self.query.strip_prefix('?').map(str::to_owned);
        let all = [more.map(str::to_owned), lang, variant.map(|name| format!("variant={name}"))];
        let all = all.into_iter().flatten().collect::<Vec<_>>().join("&");
        if all.is_empty() { all } else { format!("?{all}") }
    }
}

impl FromRequestParts<Api> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        let named = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "lang");
        if let Some((lang, locale)) = named.and_then(|(_, tag)| known(&tag)) {
            return Ok(Self { locale, query: format!("?lang={lang}") });
        }
        let accepted = parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let locale = wanted(accepted.unwrap_or_default())
            .find_map(|tag| known(&tag))
            .map_or(locales().english(), |(_, locale)| locale);
        Ok(Self { locale, query: String::new() })
    }
}

/// The language of `tag`, if we have it.
fn known(tag: &str) -> Option<(&'static str, &'static Locale)> {
    let (lang, locale) = locales().find(tag);
    let primary = tag.split(['-', '_']).next().unwrap_or_default();
    primary.eq_ignore_ascii_case(lang).then_some((lang, locale))
}

/// The tags of an `Accept-Language` header, most preferred first.
fn wanted(accepted: &str) -> impl Iterator<Item = String> + use<> {
    let weighed = |part: &str| {
        let (tag, weight) = part.split_once(";").map_or((part, None), |(tag, weight)| (tag, Some(weight)));
        let weight = weight.and_then(|weight| weight.trim().strip_prefix("q=")?.parse().ok());
        (tag.trim().to_owned(), weight.unwrap_or(1.0_f32))
    };
    let mut tags: Vec<_> =
        accepted.split(',').take(50).map(weighed).filter(|(_, weight)| *weight > 0.0).collect();
    tags.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    tags.into_iter().map(|(tag, _)| tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_wanted_language_that_we_speak_is_taken() {
        for (accepted, lang) in [
            ("de-AT,en;q=0.9", "de"),
            ("en;q=0.2, fr;q=0.8", "fr"),
            ("tlh, he-IL;q=0.5", "he"),
            ("de;q=0, ja", "ja"),
            ("", ""),
            ("*", ""),
        ] {
            let found = wanted(accepted).find_map(|tag| known(&tag)).map_or("", |(lang, _)| lang);
            assert_eq!(found, lang, "{accepted}");
        }
    }
}
