//! Settings from the environment and flags of the same name, checked at start with every mistake named at once.
use crate::purchase::Limits;
use clap::Args;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use url::Url;

/// Stripe's own API and script, where the settings name no other.
const STRIPE_JS: &str = "https://js.stripe.com/v3/";

/// Settings as they were given: text, not yet checked.
#[derive(Args, Clone, Debug, Default)]
pub struct RawConfig {
    /// Address that the API listens on.
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: String,
    /// Address that /metrics listens on; none without it.
    #[arg(long, env = "METRICS_LISTEN")]
    pub metrics_listen: Option<String>,
    /// `sqlite://path` or `postgres://…`.
    #[arg(long, env = "DATABASE_URL", default_value = "sqlite://data/checkout.db", hide_env_values = true)]
    pub database_url: String,
    /// Where browsers reach this server; `http://LISTEN` without it.
    #[arg(long, env = "PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Origins of the pages that may embed the widget, separated by commas.
    #[arg(long, env = "ALLOWED_ORIGINS", default_value = "")]
    pub allowed_origins: String,
    /// Path of the catalogue.
    #[arg(long, env = "CATALOG", default_value = "catalog.toml")]
    pub catalog: PathBuf,
    #[arg(long, env = "STRIPE_SECRET_KEY", hide_env_values = true)]
    pub stripe_secret_key: Option<String>,
    #[arg(long, env = "STRIPE_PUBLISHABLE_KEY")]
    pub stripe_publishable_key: Option<String>,
    /// Signing secrets of Stripe's webhooks, separated by commas; two while one replaces the other.
    #[arg(long, env = "STRIPE_WEBHOOK_SECRETS", hide_env_values = true)]
    pub stripe_webhook_secrets: Option<String>,
    /// A stand-in for Stripe's API.
    #[arg(long, env = "STRIPE_API_URL")]
    pub stripe_api_url: Option<String>,
    /// A stand-in for Stripe.js.
    #[arg(long, env = "STRIPE_JS_URL")]
    pub stripe_js_url: Option<String>,
    #[arg(long, env = "STRIPE_TIMEOUT_MS", default_value = "8000")]
    pub stripe_timeout_ms: String,
    #[arg(long, env = "FLOCKJAY_URL")]
    pub flockjay_url: Option<String>,
    #[arg(long, env = "FLOCKJAY_TOKEN", hide_env_values = true)]
    pub flockjay_token: Option<String>,
    #[arg(long, env = "FLOCKJAY_TIMEOUT_MS", default_value = "10000")]
    pub flockjay_timeout_ms: String,
    #[arg(long, env = "HOLD_SECONDS", default_value = "600")]
    pub hold_seconds: String,
    #[arg(long, env = "PAYMENT_SECONDS", default_value = "1200")]
    pub payment_seconds: String,
    #[arg(long, env = "SWEEP_SECONDS", default_value = "15")]
    pub sweep_seconds: String,
    #[arg(long, env = "RETRY_BASE_MS", default_value = "1000")]
    pub retry_base_ms: String,
    #[arg(long, env = "RETRY_CAP_SECONDS", default_value = "3600")]
    pub retry_cap_seconds: String,
    #[arg(long, env = "RETRY_HOURS", default_value = "72")]
    pub retry_hours: String,
}

/// Settings that were checked.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: SocketAddr,
    pub metrics_listen: Option<SocketAddr>,
    pub database_url: String,
    /// An origin and perhaps a path, without a trailing slash; `None` means wherever the server listens.
    pub public_url: Option<String>,
    pub allowed_origins: Vec<String>,
    pub catalog: PathBuf,
    pub stripe: StripeConfig,
    pub flockjay: FlockJayConfig,
    pub limits: Limits,
    pub retry: Retry,
}

#[derive(Clone)]
pub struct StripeConfig {
    pub secret_key: String,
    pub publishable_key: String,
    pub webhook_secrets: Vec<String>,
    /// Nothing for Stripe itself.
    pub api_url: Option<String>,
    pub js_url: String,
    pub timeout: Duration,
}

#[derive(Clone)]
pub struct FlockJayConfig {
    pub url: Url,
    pub token: String,
    pub timeout: Duration,
}

/// How often the outbox tries again.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// The first wait; it doubles.
    pub base: Duration,
    /// The longest wait.
    pub cap: Duration,
    /// After so long a person is needed.
    pub give_up: Duration,
}

/// Everything that is wrong, one setting a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigMistakes(pub Vec<String>);

impl RawConfig {
    /// Checks every setting.
    pub fn check(self) -> Result<Config, ConfigMistakes> {
        let mut checker = Checker::default();
        let config = Config {
            listen: checker.parse("LISTEN", &self.listen, "an address such as 127.0.0.1:8080", unspecified()),
            metrics_listen: self.metrics_listen.as_ref().map(|text| {
                checker.parse("METRICS_LISTEN", text, "an address such as 127.0.0.1:9090", unspecified())
            }),
            database_url: checker.database(self.database_url),
            public_url: self.public_url.map(|text| checker.web("PUBLIC_URL", &text)),
            allowed_origins: checker.origins(&self.allowed_origins),
            catalog: self.catalog,
            stripe: StripeConfig {
                secret_key: checker.key("STRIPE_SECRET_KEY", self.stripe_secret_key, &["sk_", "rk_"]),
                publishable_key: checker.key("STRIPE_PUBLISHABLE_KEY", self.stripe_publishable_key, &["pk_"]),
                webhook_secrets: checker.secrets(self.stripe_webhook_secrets),
                api_url: self.stripe_api_url.map(|text| checker.web("STRIPE_API_URL", &text)),
                js_url: match self.stripe_js_url {
                    Some(text) => {
                        checker.web("STRIPE_JS_URL", &text);
                        text
                    }
                    None => STRIPE_JS.to_owned(),
                },
                timeout: checker.millis("STRIPE_TIMEOUT_MS", &self.stripe_timeout_ms),
            },
            flockjay: FlockJayConfig {
                url: checker.flockjay(self.flockjay_url),
                token: checker.required("FLOCKJAY_TOKEN", self.flockjay_token),
                timeout: checker.millis("FLOCKJAY_TIMEOUT_MS", &self.flockjay_timeout_ms),
            },
            limits: Limits {
                hold: checker.seconds("HOLD_SECONDS", &self.hold_seconds),
                payment: checker.seconds("PAYMENT_SECONDS", &self.payment_seconds),
                check: checker.seconds("SWEEP_SECONDS", &self.sweep_seconds),
            },
            retry: Retry {
                base: checker.millis("RETRY_BASE_MS", &self.retry_base_ms),
                cap: checker.seconds("RETRY_CAP_SECONDS", &self.retry_cap_seconds),
                give_up: checker.hours("RETRY_HOURS", &self.retry_hours),
            },
        };
        checker.agree(&config.stripe);
        if checker.mistakes.is_empty() { Ok(config) } else { Err(ConfigMistakes(checker.mistakes)) }
    }
}

#[derive(Default)]
struct Checker {
    mistakes: Vec<String>,
}

impl Checker {
    fn mistake(&mut self, name: &str, message: impl fmt::Display) {
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
        if number == 0 {
            self.mistake(name, "must be above zero");
        }
        number
    }

    fn millis(&mut self, name: &str, text: &str) -> Duration {
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
        self.mistake(name, "must be above zero, and at most a million");
        Duration::from_secs(3600)
    }

    fn required(&mut self, name: &str, value: Option<String>) -> String {
        let value = value.unwrap_or_default().trim().to_owned();
        if value.is_empty() {
            self.mistake(name, "is missing");
        }
        value
    }

    /// The message never repeats a key.
    fn key(&mut self, name: &str, value: Option<String>, prefixes: &[&str]) -> String {
        let value = self.required(name, value);
        if !value.is_empty() && !prefixes.iter().any(|prefix| value.starts_with(prefix)) {
            self.mistake(name, format_args!("must begin with {}", prefixes.join(" or ")));
        }
        value
    }

    fn secrets(&mut self, value: Option<String>) -> Vec<String> {
        let secrets: Vec<_> = list(value.as_deref().unwrap_or_default()).map(str::to_owned).collect();
        if secrets.is_empty() {
            self.mistake("STRIPE_WEBHOOK_SECRETS", "is missing: at least one signing secret (whsec_…)");
        }
        secrets
    }

    fn database(&mut self, url: String) -> String {
        if !["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme)) {
            self.mistake("DATABASE_URL", "must begin with sqlite:// or postgres://");
        }
        url
    }

    /// An address without its trailing slash.
    fn web(&mut self, name: &str, text: &str) -> String {
        match Url::parse(text.trim()) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {}
            _ => self.mistake(name, format_args!("{text:?} must be an http:// or https:// address")),
        }
        text.trim().trim_end_matches('/').to_owned()
    }

    fn flockjay(&mut self, value: Option<String>) -> Url {
        let text = self.required("FLOCKJAY_URL", value);
        if !text.is_empty() {
            self.web("FLOCKJAY_URL", &text);
        }
        Url::parse(&text).unwrap_or_else(|_| no_url())
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

    /// Settings that are right alone and wrong together.
    fn agree(&mut self, stripe: &StripeConfig) {
        let live = |key: &str| key.contains("_live_");
        let sandbox = |key: &str| key.contains("_sandbox");
        let stand_in = stripe.api_url.is_some() || stripe.js_url != STRIPE_JS;
        let keys = [&stripe.secret_key, &stripe.publishable_key];
        if keys.iter().all(|key| !key.is_empty()) && live(&stripe.secret_key) != live(&stripe.publishable_key)
        {
            self.mistake(
                "STRIPE_PUBLISHABLE_KEY",
                "and STRIPE_SECRET_KEY must both be live keys or both test keys",
            );
        }
        if stand_in && keys.iter().any(|key| live(key)) && !is_stripe(stripe) {
            self.mistake("STRIPE_API_URL", "and STRIPE_JS_URL must not be set with live keys: unset them");
        }
        if !stand_in && keys.iter().any(|key| sandbox(key)) {
            self.mistake("STRIPE_API_URL", "must name the sandbox where the keys are the sandbox's");
        }
    }
}

impl fmt::Debug for StripeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StripeConfig").field("api_url", &self.api_url).finish_non_exhaustive()
    }
}

impl fmt::Debug for FlockJayConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlockJayConfig").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

impl fmt::Display for ConfigMistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn unspecified() -> SocketAddr {
    SocketAddr::new(IpAddr::from([127, 0, 0, 1]), 0)
}

/// Stands in for an address that was refused, so that the other settings are checked, too.
#[expect(clippy::unwrap_used, reason = "a literal")]
fn no_url() -> Url {
    Url::parse("http://invalid.invalid").unwrap()
}

/// The addresses given are Stripe's own.
fn is_stripe(stripe: &StripeConfig) -> bool {
    let own = |url: &str| {
        Url::parse(url).is_ok_and(|url| url.host_str().is_some_and(|host| host.ends_with(".stripe.com")))
    };
    stripe.api_url.as_deref().is_none_or(own) && own(&stripe.js_url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        raw: RawConfig,
    }

    const GOOD: &[&str] = &[
        "--stripe-secret-key=sk_test_sandbox",
        "--stripe-publishable-key=pk_test_sandbox",
        "--stripe-webhook-secrets=whsec_a,whsec_b",
        "--stripe-api-url=http://127.0.0.1:1",
        "--stripe-js-url=http://127.0.0.1:1/v3/",
        "--flockjay-url=http://127.0.0.1:2/",
        "--flockjay-token=token",
    ];

    fn check(changed: &[&str]) -> Result<Config, Vec<String>> {
        let name = |arg: &str| arg.split('=').next().map(str::to_owned);
        let kept = GOOD.iter().filter(|good| !changed.iter().any(|new| name(new) == name(good)));
        let args = std::iter::once(&"test").chain(kept).chain(changed).filter(|arg| !arg.ends_with("=-"));
        Cli::try_parse_from(args).unwrap().raw.check().map_err(|mistakes| mistakes.0)
    }

    #[test]
    fn good_settings_are_taken() {
        let config = check(&["--allowed-origins=https://redis.io, http://127.0.0.1:3"]).unwrap();
        assert_eq!(config.allowed_origins, ["https://redis.io", "http://127.0.0.1:3"]);
        assert_eq!(config.stripe.webhook_secrets, ["whsec_a", "whsec_b"]);
        assert_eq!(config.retry.give_up, Duration::from_secs(72 * 3600));
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let mistakes = check(&[
            "--listen=here",
            "--database-url=mysql://x",
            "--allowed-origins=https://redis.io/courses",
            "--stripe-secret-key=whsec_secret",
            "--stripe-webhook-secrets=-",
            "--flockjay-token=-",
            "--hold-seconds=0",
            "--retry-hours=many",
        ])
        .unwrap_err();
        let names: Vec<_> = mistakes.iter().map(|line| line.split(':').next().unwrap()).collect();
        assert_eq!(
            names,
            [
                "LISTEN",
                "DATABASE_URL",
                "ALLOWED_ORIGINS",
                "STRIPE_SECRET_KEY",
                "STRIPE_WEBHOOK_SECRETS",
                "FLOCKJAY_TOKEN",
                "HOLD_SECONDS",
                "RETRY_HOURS"
            ]
        );
        assert!(!mistakes.join("\n").contains("whsec_secret"), "a secret is never repeated");
    }

    #[test]
    fn live_keys_and_the_sandbox_refuse_each_other() {
        let live = ["--stripe-secret-key=sk_live_1", "--stripe-publishable-key=pk_live_1"];
        assert!(check(&live).unwrap_err()[0].contains("must not be set with live keys"));
        let own = ["--stripe-api-url=-", "--stripe-js-url=-"];
        assert!(check(&own).unwrap_err()[0].contains("must name the sandbox"));
        assert!(check(&["--stripe-secret-key=sk_live_1"]).unwrap_err()[0].contains("both be live keys"));
        assert!(check(&[live, own].concat()).is_ok());
    }
}
