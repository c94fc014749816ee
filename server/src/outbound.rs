//! Shared by all requests to other systems: a timeout, no redirects, and `Retry-After`.
use crate::clock;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use shared::Timestamp;
use std::net::IpAddr;
use std::time::Duration;
use url::Url;

/// A client with a timeout for each request. It never follows redirects: they would leak credentials.
pub(crate) fn client(patience: Duration) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().timeout(patience).redirect(reqwest::redirect::Policy::none()).build()
}

/// Whether a retry is pointless, because the request itself is at fault.
pub(crate) fn is_final(status: StatusCode) -> bool {
    let passes =
        matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS);
    status.is_client_error() && !passes
}

/// Whether traffic to `url` can't be read or changed in transit: it is encrypted, or stays on this machine.
pub(crate) fn is_private(url: &Url) -> bool {
    let own = is_own_machine(url);
    url.has_host() && (url.scheme() == "https" || (url.scheme() == "http" && own))
}

pub(crate) fn is_own_machine(url: &Url) -> bool {
    url.host_str().is_some_and(is_own_host)
}

/// Whether a host, as written in a URL, is this machine.
pub(crate) fn is_own_host(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// How long to wait; `None` if the header is missing or can't be read.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    // A date (RFC 9110).
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Timestamp::from_millis(date.timestamp().as_millisecond()).since(clock::now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_looks_like_this_machine_is_another() {
        for own in [
            "http://127.0.0.1:1",
            "http://127.8.8.8",
            "http://[::1]/x",
            "http://localhost",
            "smtp://127.0.0.1:25",
        ] {
            assert!(is_own_machine(&Url::parse(own).unwrap()), "{own}");
        }
        for other in
            ["http://127.evil.com", "http://localhost.evil.com", "http://[::2]", "smtp://127.0.0.1.evil.com"]
        {
            assert!(!is_own_machine(&Url::parse(other).unwrap()), "{other}");
        }
    }
}
