//! Checks every setting by itself, and then those that must agree.
use super::service_tokens::{SHORTEST, ServiceTokens};
use super::{Config, ConfigMistakes, FlockJayConfig, RawConfig, RawDatabase, Retry};
use crate::abuse::{Networks, Proxies, Rate, Rates};
use crate::admission::AdmissionLimits;
use crate::fault_injection::Guards;
use crate::identity::RawIdentity;
use crate::outbound::is_private;
use crate::purchase::Limits;
use crate::store::Schema;
use ipnet::IpNet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use url::Url;

/// Switches a limit off.
const OFF: &str = "off";

/// Bounds of the memory for bodies: at least three of the largest, and no more than a small machine has.
const LEAST_BYTES: usize = 3 * 512 * 1024;
const MOST_BYTES: usize = 1024 * 1024 * 1024;

/// More than any duration that makes sense: a year in seconds.
const LARGEST: u64 = 31_536_000;

impl RawConfig {
    /// Checks every setting, and fails with all mistakes.
    pub fn check(mut self) -> Result<Config, ConfigMistakes> {
        for optional in [
            &mut self.metrics_listen,
            &mut self.public_url,
            &mut self.stripe.stripe_api_url,
            &mut self.stripe.stripe_js_url,
            &mut self.stripe.stripe_checkout_host,
            &mut self.challenge_provider,
            &mut self.challenge_url,
            &mut self.challenge_js_url,
            &mut self.smtp_url,
            &mut self.smtp_from,
            &mut self.learner_issuer,
            &mut self.learner_jwks_url,
            &mut self.learner_audience,
        ] {
            // An empty setting counts as unset.
            optional.take_if(|text| text.trim().is_empty());
        }
        let mut checker = Checker::default();
        checker.renamed(&self.renamed);
        let mut wrong = Vec::new();
        let (orb, salesforce) = (self.orb.check(&mut wrong), self.salesforce.check(&mut wrong));
        for (name, mistake) in wrong {
            checker.mistake(name, mistake);
        }
        let config = Config {
            listen: checker.parse("LISTEN", &self.listen, "IP:PORT, such as 127.0.0.1:8080", unspecified()),
            metrics_listen: self.metrics_listen.as_ref().map(|text| {
                checker.parse("METRICS_LISTEN", text, "IP:PORT, such as 127.0.0.1:9090", unspecified())
            }),
            schema: checker.schema(&self.migrate, &self.database),
            database_url: checker.database(&self.database),
            public_url: self.public_url.map(|text| checker.web("PUBLIC_URL", &text)),
            allowed_origins: checker.origins(&self.allowed_origins),
            service_tokens: checker.service_tokens(&self.service_tokens),
            catalog: checker.file("CATALOG", self.catalog),
            stripe: checker.stripe(self.stripe),
            flockjay: FlockJayConfig {
                url: checker.flockjay(self.flockjay_url),
                token: checker.required("FLOCKJAY_TOKEN", self.flockjay_token),
                timeout: checker.millis("FLOCKJAY_TIMEOUT_MS", &self.flockjay_timeout_ms),
            },
            account_webhooks: checker.account_webhooks(&self.account_webhooks),
            salesforce,
            orb,
            identity: checker.identity(RawIdentity {
                issuer: self.learner_issuer.as_deref(),
                audience: self.learner_audience.as_deref(),
                keys: self.learner_jwks_url.as_deref(),
                trusted_emails: &self.learner_trusted_emails,
                secrets: &self.learner_secrets,
                secret_issuer: &self.learner_secrets_issuer,
            }),
            limits: Limits {
                hold: checker.seconds("HOLD_SECONDS", &self.hold_seconds),
                payment: checker.seconds("PAYMENT_SECONDS", &self.payment_seconds),
                check: checker.seconds("SWEEP_SECONDS", &self.sweep_seconds),
                partial_dispute_ends_access: checker.revokes(&self.dispute_partial_access),
                guards: Guards::ALL,
            },
            reconcile: checker.seconds("RECONCILE_SECONDS", &self.reconcile_seconds),
            retry: Retry {
                base: checker.millis("RETRY_BASE_MS", &self.retry_base_ms),
                cap: checker.seconds("RETRY_CAP_SECONDS", &self.retry_cap_seconds),
                give_up: checker.hours("RETRY_HOURS", &self.retry_hours),
            },
            proxies: checker.proxies(&self.trusted_proxies),
            networks: checker.networks(&self.limit_networks),
            clock_tolerance: checker.millis("CLOCK_TOLERANCE_MS", &self.clock_tolerance_ms),
            admission: AdmissionLimits {
                connections: checker.count("MAX_CONNECTIONS", &self.max_connections),
                streams: checker.count("MAX_STREAMS", &self.max_streams),
                requests: checker.count("MAX_REQUESTS", &self.max_requests),
                pays: checker.count("MAX_PAYS", &self.max_pays),
                webhooks: checker.count("MAX_WEBHOOKS", &self.max_webhooks),
                body_bytes: checker.bytes("MAX_BODY_BYTES", &self.max_body_bytes),
            },
            rates: Rates {
                requests: checker.rate("LIMIT_REQUESTS", &self.limit_requests),
                purchase: checker.rate("LIMIT_PURCHASE", &self.limit_purchase),
                offering: checker.rate("LIMIT_OFFERING", &self.limit_offering),
                opens: checker.rate("LIMIT_OPENS", &self.limit_opens),
                pays: checker.rate("LIMIT_PAYS", &self.limit_pays),
                declines: checker.rate("LIMIT_DECLINES", &self.limit_declines),
                decline_run: checker.rate("LIMIT_DECLINE_RUN", &self.limit_decline_run),
                emails: checker.rate("LIMIT_EMAILS", &self.limit_emails),
                questions: checker.rate("LIMIT_QUESTIONS", &self.limit_questions),
                coupons: checker.rate("LIMIT_COUPONS", &self.limit_coupons),
                coupon_run: checker.rate("LIMIT_COUPON_RUN", &self.limit_coupon_run),
                holds: checker.optional_number("LIMIT_HOLDS", &self.limit_holds),
                share: checker.percent("LIMIT_SHARE", &self.limit_share),
            },
            challenge: checker.challenge(
                self.challenge_provider,
                self.challenge_site_key,
                self.challenge_secret,
                self.challenge_url,
                self.challenge_js_url,
            ),
            mail: checker.mail(self.smtp_url, self.smtp_from),
        };
        if checker.mistakes.is_empty() { Ok(config) } else { Err(ConfigMistakes(checker.mistakes)) }
    }
}

#[derive(Default)]
pub(super) struct Checker {
    mistakes: Vec<String>,
}

impl Checker {
    pub(super) fn mistake(&mut self, name: &str, message: impl fmt::Display) {
        self.mistakes.push(format!("{name}: {message}"));
    }

    fn parse<T: FromStr>(&mut self, name: &str, text: &str, wanted: &str, fallback: T) -> T {
        text.trim().parse().unwrap_or_else(|_| {
            self.mistake(name, format_args!("{text:?} must be {wanted}"));
            fallback
        })
    }

    fn number(&mut self, name: &str, text: &str) -> u64 {
        let number = self.parse(name, text, "a whole number above zero", 1);
        if !(1..=LARGEST).contains(&number) {
            self.mistake(name, format_args!("must be between 1 and {LARGEST}"));
        }
        number.min(LARGEST)
    }

    /// Bytes of memory for bodies, within their bounds.
    fn bytes(&mut self, name: &str, text: &str) -> usize {
        let bytes = self.parse(name, text, "a whole number of bytes", LEAST_BYTES);
        if !(LEAST_BYTES..=MOST_BYTES).contains(&bytes) {
            self.mistake(name, format_args!("must be between {LEAST_BYTES} and {MOST_BYTES} bytes"));
        }
        bytes.clamp(LEAST_BYTES, MOST_BYTES)
    }

    fn count(&mut self, name: &str, text: &str) -> usize {
        usize::try_from(self.number(name, text)).unwrap_or(usize::MAX)
    }

    fn service_tokens(&mut self, text: &str) -> ServiceTokens {
        let tokens: Vec<_> = text.split(',').map(str::trim).filter(|token| !token.is_empty()).collect();
        if tokens.iter().any(|token| token.len() < SHORTEST) {
            self.mistake(
                "SERVICE_TOKENS",
                format_args!("each token must have at least {SHORTEST} characters; use random ones"),
            );
        }
        ServiceTokens::new(tokens)
    }

    pub(super) fn millis(&mut self, name: &str, text: &str) -> Duration {
        Duration::from_millis(self.number(name, text))
    }

    fn seconds(&mut self, name: &str, text: &str) -> Duration {
        Duration::from_secs(self.number(name, text))
    }

    fn hours(&mut self, name: &str, text: &str) -> Duration {
        let hours: f64 = self.parse(name, text, "a number above zero", 1.0);
        if (f64::MIN_POSITIVE..=1e6).contains(&hours) {
            return Duration::from_secs_f64(hours * 3600.0);
        }
        self.mistake(name, "must be above 0 and at most 1000000");
        Duration::from_secs(3600)
    }

    /// Whether a partial dispute revokes access.
    fn revokes(&mut self, text: &str) -> bool {
        let revokes = text.trim() == "revoke";
        if !revokes && text.trim() != "keep" {
            self.mistake("DISPUTE_PARTIAL_ACCESS", format_args!("{text:?} must be keep or revoke"));
        }
        revokes
    }

    fn rate(&mut self, name: &str, text: &str) -> Option<Rate> {
        if text.trim() == OFF {
            return None;
        }
        match text.parse() {
            Ok(rate) => Some(rate),
            Err(wrong) => {
                self.mistake(name, format_args!("{text:?} {wrong}"));
                None
            }
        }
    }

    fn optional_number(&mut self, name: &str, text: &str) -> Option<u32> {
        match text.trim() {
            OFF => None,
            text => u32::try_from(self.number(name, text)).ok(),
        }
    }

    fn percent(&mut self, name: &str, text: &str) -> Option<u32> {
        let percent = self.optional_number(name, text);
        if percent.is_some_and(|percent| percent > 100) {
            self.mistake(name, "must be 1 to 100, or off");
        }
        percent
    }

    fn proxies(&mut self, text: &str) -> Proxies {
        Proxies::new(list(text).filter_map(|network| self.network("TRUSTED_PROXIES", network)).collect())
    }

    fn network(&mut self, name: &str, text: &str) -> Option<IpNet> {
        let address = || text.parse().ok().map(|address: IpAddr| IpNet::from(address));
        let network = text.parse().ok().or_else(address);
        if network.is_none() {
            self.mistake(name, format_args!("{text:?} must be an IP address or network, such as 10.0.0.0/8"));
        }
        network
    }

    fn networks(&mut self, text: &str) -> Networks {
        const NAME: &str = "LIMIT_NETWORKS";
        let mut networks = Vec::new();
        for part in list(text) {
            let Some((network, times)) = part.split_once('=') else {
                self.mistake(
                    NAME,
                    format_args!("{part:?} must look like 203.0.113.0/24=10, or end in =off for no limits"),
                );
                continue;
            };
            let times = match times.trim() {
                OFF => None,
                times => {
                    Some(self.parse(NAME, times, "a whole number above zero, or off", 1).clamp(1, 10_000))
                }
            };
            networks.extend(self.network(NAME, network.trim()).map(|network| (network, times)));
        }
        Networks::new(networks)
    }

    pub(super) fn required(&mut self, name: &str, value: Option<String>) -> String {
        let value = value.unwrap_or_default().trim().to_owned();
        if value.is_empty() {
            self.mistake(name, "is required but not set");
        }
        value
    }

    fn schema(&mut self, migrate: &str, database: &RawDatabase) -> Schema {
        match migrate.trim() {
            "1" => Schema::Migrate,
            "" | "0" if database.is_sqlite() => Schema::Migrate,
            "" | "0" => Schema::Create,
            other => {
                self.mistake("MIGRATE", format_args!("{other:?} must be 0 or 1"));
                Schema::Create
            }
        }
    }

    fn database(&mut self, database: &RawDatabase) -> String {
        database.check().unwrap_or_else(|(setting, wrong)| {
            self.mistake(setting, wrong);
            String::new()
        })
    }

    /// A web address without its trailing slash.
    pub(super) fn web(&mut self, name: &str, text: &str) -> String {
        match Url::parse(text.trim()) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {}
            _ => self.mistake(name, format_args!("{text:?} must be an http:// or https:// URL")),
        }
        text.trim().trim_end_matches('/').to_owned()
    }

    /// Only checks that the file exists, so that a missing one is reported with the other mistakes. It is read later.
    fn file(&mut self, name: &str, path: PathBuf) -> PathBuf {
        if !path.is_file() {
            self.mistake(name, format_args!("{} doesn't exist or is not a file", path.display()));
        }
        path
    }

    fn flockjay(&mut self, value: Option<String>) -> Url {
        let text = self.required("FLOCKJAY_URL", value);
        if !text.is_empty() {
            self.web("FLOCKJAY_URL", &text);
        }
        let Ok(url) = Url::parse(&text) else { return no_url() };
        if url.scheme() == "http" && !is_private(&url) {
            self.mistake(
                "FLOCKJAY_URL",
                "must begin with https:// unless the host is this machine, because a token is sent to it",
            );
        }
        url
    }

    fn origins(&mut self, text: &str) -> Vec<String> {
        let mut origins = Vec::new();
        for origin in list(text) {
            let exact = Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == origin);
            if exact {
                origins.push(origin.to_owned());
            } else {
                let message =
                    format_args!("{origin:?} must be an origin such as https://redis.io, without a path");
                self.mistake("ALLOWED_ORIGINS", message);
            }
        }
        origins
    }
}

pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn unspecified() -> SocketAddr {
    SocketAddr::new(IpAddr::from([127, 0, 0, 1]), 0)
}

/// Stands in for an address that was refused, so that the other settings are checked as well.
#[expect(clippy::unwrap_used, reason = "a literal")]
fn no_url() -> Url {
    Url::parse("http://invalid.invalid").unwrap()
}

/// The setting's name, and what is wrong with it.
pub(super) type Mistake = (&'static str, String);

/// An empty setting counts as unset.
pub(super) fn set(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

pub(super) fn required(
    name: &'static str,
    text: Option<String>,
    mistakes: &mut Vec<Mistake>,
) -> Option<String> {
    let text = set(text);
    if text.is_none() {
        mistakes.push((name, "is required but not set".to_owned()));
    }
    text
}

/// Nobody may be able to read in transit what is sent there.
pub(super) fn web(name: &'static str, text: &str, mistakes: &mut Vec<Mistake>) -> Option<Url> {
    let url = Url::parse(text.trim()).ok().filter(is_private);
    if url.is_none() {
        mistakes.push((name, format!("{text:?} must begin with https://")));
    }
    url
}
