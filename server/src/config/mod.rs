//! Settings from the environment and from flags of the same names, checked at start; all mistakes are reported at once.
mod check;
mod database;
mod others;
mod receivers;
mod renamed;
mod service;
mod stripe;
#[cfg(test)]
mod tests;

pub use database::RawDatabase;
pub use receivers::{RawReceivers, Receivers};
pub use renamed::Renamed;
pub use service::ServiceTokens;
pub use stripe::RawStripe;

use crate::abuse::{ChallengeProvider, Networks, Proxies, Rates};
use crate::account::WebhookConfig;
use crate::admission::AdmissionLimits;
use crate::identity::IdentityConfig;
use crate::purchase::{Limits, PaymentMethods};
use crate::store::Schema;
use clap::Args;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// Settings as given: text, not yet checked.
#[derive(Args, Clone, Debug, Default)]
pub struct RawConfig {
    /// Address that the API listens on.
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: String,
    /// Address that /metrics listens on; not served if unset.
    #[arg(long, env = "METRICS_LISTEN")]
    pub metrics_listen: Option<String>,
    #[command(flatten)]
    pub database: RawDatabase,
    /// Migrate a PostgreSQL database of an earlier release to this release's schema at start. SQLite is always
    /// migrated.
    #[arg(long, env = "MIGRATE", default_value = "", num_args = 0..=1, default_missing_value = "1")]
    pub migrate: String,
    /// Address at which browsers reach this server; defaults to `http://LISTEN`.
    #[arg(long, env = "PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Origins of the pages that may embed the widget, separated by commas.
    #[arg(long, env = "ALLOWED_ORIGINS", default_value = "")]
    pub allowed_origins: String,
    /// Bearer tokens of other systems, separated by commas.
    #[arg(long, env = "SERVICE_TOKENS", default_value = "", hide_env_values = true)]
    pub service_tokens: String,
    /// Path of the catalogue.
    #[arg(long, env = "CATALOG", default_value = "catalog.toml")]
    pub catalog: PathBuf,
    #[command(flatten)]
    pub stripe: RawStripe,
    #[command(flatten)]
    pub renamed: Renamed,
    #[arg(long, env = "FLOCKJAY_URL")]
    pub flockjay_url: Option<String>,
    #[arg(long, env = "FLOCKJAY_TOKEN", hide_env_values = true)]
    pub flockjay_token: Option<String>,
    #[arg(long, env = "FLOCKJAY_TIMEOUT_MS", default_value = "10000")]
    pub flockjay_timeout_ms: String,
    /// Account receivers that are notified of purchases: NAME=URL#SECRET, separated by commas; append a second secret
    /// after a bar (|) to rotate it.
    #[arg(long, env = "ACCOUNT_WEBHOOKS", default_value = "", hide_env_values = true)]
    pub account_webhooks: String,
    #[command(flatten)]
    pub receivers: RawReceivers,
    /// OIDC issuer of learners' tokens: their `iss`, such as `https://university.okta.example/oauth2/default`.
    #[arg(long, env = "LEARNER_ISSUER")]
    pub learner_issuer: Option<String>,
    /// URL of the issuer's keys; defaults to the one in its `/.well-known/openid-configuration`.
    #[arg(long, env = "LEARNER_JWKS_URL")]
    pub learner_jwks_url: Option<String>,
    /// Issuers whose emails count as verified even if a token doesn't say so, separated by commas.
    #[arg(long, env = "LEARNER_TRUSTED_EMAILS", default_value = "")]
    pub learner_trusted_emails: String,
    /// The `aud` that tokens must have.
    #[arg(long, env = "LEARNER_AUDIENCE")]
    pub learner_audience: Option<String>,
    /// Secrets of launch links signed with HS256, separated by commas; list both while you rotate one.
    #[arg(long, env = "LEARNER_SECRETS", default_value = "", hide_env_values = true)]
    pub learner_secrets: String,
    /// The `iss` of launch links.
    #[arg(long, env = "LEARNER_SECRETS_ISSUER", default_value = "flockjay")]
    pub learner_secrets_issuer: String,
    #[arg(long, env = "HOLD_SECONDS", default_value = "600")]
    pub hold_seconds: String,
    #[arg(long, env = "PAYMENT_SECONDS", default_value = "1200")]
    pub payment_seconds: String,
    #[arg(long, env = "SWEEP_SECONDS", default_value = "15")]
    pub sweep_seconds: String,
    /// What happens to access when a bank takes back part of the payment: `keep` or `revoke`.
    #[arg(long, env = "DISPUTE_PARTIAL_ACCESS", default_value = "keep")]
    pub dispute_partial_access: String,
    /// How often purchases are compared with Stripe and FlockJay.
    #[arg(long, env = "RECONCILE_SECONDS", default_value = "86400")]
    pub reconcile_seconds: String,
    #[arg(long, env = "RETRY_BASE_MS", default_value = "1000")]
    pub retry_base_ms: String,
    #[arg(long, env = "RETRY_CAP_SECONDS", default_value = "3600")]
    pub retry_cap_seconds: String,
    #[arg(long, env = "RETRY_HOURS", default_value = "72")]
    pub retry_hours: String,
    /// Proxies whose `X-Forwarded-For` is trusted: addresses or networks such as 10.0.0.0/8, separated by commas.
    #[arg(long, env = "TRUSTED_PROXIES", default_value = "")]
    pub trusted_proxies: String,
    /// How far this machine's clock may differ from the database's; beyond two and a half times that, it takes no work.
    #[arg(long, env = "CLOCK_TOLERANCE_MS", default_value = "2000")]
    pub clock_tolerance_ms: String,
    /// Maximum connections per process; fewer if the system allows it fewer open files.
    #[arg(long, env = "MAX_CONNECTIONS", default_value = "8192")]
    pub max_connections: String,
    /// Maximum seat streams per process, and as many long polls; at most half of the connections.
    #[arg(long, env = "MAX_STREAMS", default_value = "2048")]
    pub max_streams: String,
    /// Concurrent requests per process; one client gets half.
    #[arg(long, env = "MAX_REQUESTS", default_value = "512")]
    pub max_requests: String,
    /// Concurrent presses of Pay per process, in addition to other requests; one client gets half.
    #[arg(long, env = "MAX_PAYS", default_value = "128")]
    pub max_pays: String,
    /// Concurrent Stripe webhooks per process, in addition to other requests.
    #[arg(long, env = "MAX_WEBHOOKS", default_value = "64")]
    pub max_webhooks: String,
    /// Bytes of request bodies in memory, plus a third as many for webhooks.
    #[arg(long, env = "MAX_BODY_BYTES", default_value = "50331648")]
    pub max_body_bytes: String,
    /// Requests by one client, per process.
    #[arg(long, env = "LIMIT_REQUESTS", default_value = "600/1m")]
    pub limit_requests: String,
    /// Requests about one purchase, per process.
    #[arg(long, env = "LIMIT_PURCHASE", default_value = "60/1m")]
    pub limit_purchase: String,
    /// Purchases of one offering opened, per process.
    #[arg(long, env = "LIMIT_OFFERING", default_value = "1000/1m")]
    pub limit_offering: String,
    /// Purchases opened by one client.
    #[arg(long, env = "LIMIT_OPENS", default_value = "30/1h")]
    pub limit_opens: String,
    /// Purchases that one client may hold unpaid.
    #[arg(long, env = "LIMIT_HOLDS", default_value = "5")]
    pub limit_holds: String,
    /// Percentage of a training's seats that one client may hold unpaid; off if `LIMIT_HOLDS` is.
    #[arg(long, env = "LIMIT_SHARE", default_value = "50")]
    pub limit_share: String,
    /// Networks with higher limits or none, such as `203.0.113.0/24=10,192.0.2.7=off`.
    #[arg(long, env = "LIMIT_NETWORKS", default_value = "")]
    pub limit_networks: String,
    /// Presses of Pay for one email.
    #[arg(long, env = "LIMIT_PAYS", default_value = "30/1h")]
    pub limit_pays: String,
    /// Declines by one client, and for one email.
    #[arg(long, env = "LIMIT_DECLINES", default_value = "30/1d")]
    pub limit_declines: String,
    /// Declines across all purchases, after which only clients who have bought before may pay, for the length of the
    /// period.
    #[arg(long, env = "LIMIT_DECLINE_RUN", default_value = "100/10m")]
    pub limit_decline_run: String,
    /// Requests to Stripe caused by browsers, per process; beyond it, a purchase is shown as last known. Stripe answers
    /// 100 a second in total, and 25 for a test account.
    #[arg(long, env = "LIMIT_QUESTIONS", default_value = "20/1s")]
    pub limit_questions: String,
    /// Emails that one client tries with coupons without paying.
    #[arg(long, env = "LIMIT_EMAILS", default_value = "15/1h")]
    pub limit_emails: String,
    /// Unknown coupon codes typed by one client.
    #[arg(long, env = "LIMIT_COUPONS", default_value = "10/1h")]
    pub limit_coupons: String,
    /// Unknown coupon codes typed by all clients together, after which a client that has typed one waits, for the
    /// length of the period.
    #[arg(long, env = "LIMIT_COUPON_RUN", default_value = "200/10m")]
    pub limit_coupon_run: String,
    /// Mail server for emails, such as `smtps://user:password@mail.example`; none are sent if unset.
    #[arg(long, env = "SMTP_URL", hide_env_values = true)]
    pub smtp_url: Option<String>,
    /// Sender of emails, such as `Redis University <university@redis.example>`.
    #[arg(long, env = "SMTP_FROM")]
    pub smtp_from: Option<String>,
    /// `turnstile` or `hcaptcha`: lets new clients prove that they are human while cards are being tested.
    #[arg(long, env = "CHALLENGE_PROVIDER")]
    pub challenge_provider: Option<String>,
    #[arg(long, env = "CHALLENGE_SITE_KEY")]
    pub challenge_site_key: Option<String>,
    #[arg(long, env = "CHALLENGE_SECRET", hide_env_values = true)]
    pub challenge_secret: Option<String>,
    /// A stand-in for the provider's verification.
    #[arg(long, env = "CHALLENGE_URL")]
    pub challenge_url: Option<String>,
    /// A stand-in for the provider's script.
    #[arg(long, env = "CHALLENGE_JS_URL")]
    pub challenge_js_url: Option<String>,
}

/// Checked settings.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: SocketAddr,
    pub metrics_listen: Option<SocketAddr>,
    pub database_url: String,
    /// What may be done to the database's schema at start.
    pub schema: Schema,
    /// An origin and perhaps a path, without a trailing slash; `None` means wherever the server listens.
    pub public_url: Option<String>,
    pub allowed_origins: Vec<String>,
    pub service_tokens: ServiceTokens,
    pub catalog: PathBuf,
    pub stripe: StripeConfig,
    pub flockjay: FlockJayConfig,
    pub account_webhooks: Vec<WebhookConfig>,
    pub receivers: Receivers,
    /// Whose tokens identify learners.
    pub identity: Option<IdentityConfig>,
    pub limits: Limits,
    pub retry: Retry,
    /// How often purchases are compared with Stripe and FlockJay.
    pub reconcile: Duration,
    pub proxies: Proxies,
    pub networks: Networks,
    pub admission: AdmissionLimits,
    pub clock_tolerance: Duration,
    pub rates: Rates,
    pub challenge: Option<ChallengeConfig>,
    pub mail: Option<MailConfig>,
}

/// The mail server, and the sender of emails.
#[derive(Clone)]
pub struct MailConfig {
    /// May hold a password.
    pub url: String,
    pub from: String,
}

/// How learners prove that they are human.
#[derive(Clone)]
pub struct ChallengeConfig {
    pub provider: ChallengeProvider,
    pub site_key: String,
    pub secret: String,
    /// Where answers are verified.
    pub verify_url: String,
    /// The script that the page loads.
    pub script: String,
}

#[derive(Clone)]
pub struct StripeConfig {
    pub secret_key: String,
    pub publishable_key: String,
    pub webhook_secrets: Vec<String>,
    /// `None` for Stripe itself.
    pub api_url: Option<String>,
    pub js_url: String,
    /// Origins of Stripe's pages.
    pub pages: Vec<String>,
    pub methods: PaymentMethods,
    pub timeout: Duration,
}

#[derive(Clone)]
pub struct FlockJayConfig {
    pub url: Url,
    pub token: String,
    pub timeout: Duration,
}

/// When the outbox retries.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// The first wait; it doubles.
    pub base: Duration,
    /// The longest wait.
    pub cap: Duration,
    /// After this time a command needs attention.
    pub give_up: Duration,
}

/// Everything that is wrong, one setting per line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigMistakes(pub Vec<String>);

impl fmt::Debug for StripeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StripeConfig").field("api_url", &self.api_url).finish_non_exhaustive()
    }
}

impl fmt::Debug for MailConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailConfig").field("from", &self.from).finish_non_exhaustive()
    }
}

impl fmt::Debug for ChallengeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChallengeConfig").field("provider", &self.provider).finish_non_exhaustive()
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
