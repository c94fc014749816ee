//! Settings from the environment and from flags of the same names, checked at start; all mistakes are reported at once.
mod account_webhooks;
mod challenge;
mod check;
mod database;
mod identity;
mod mail;
mod orb;
mod renamed;
mod salesforce;
mod service_tokens;
mod stripe;
#[cfg(test)]
mod tests;

pub use database::RawDatabase;
pub use orb::RawOrb;
pub use renamed::Renamed;
pub use salesforce::RawSalesforce;
pub use service_tokens::ServiceTokens;
pub use stripe::RawStripe;

use crate::abuse::{ChallengeProvider, Networks, Proxies, Rates};
use crate::account::{OrbConfig, SalesforceConfig, WebhookConfig};
use crate::admission::AdmissionLimits;
use crate::identity::IdentityConfig;
use crate::mail::MailConfig;
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
    /// Address of `/metrics`, for Prometheus: pending commands, commands that need attention, use of each budget, clock
    /// skew, and the time since each background loop's last heartbeat. Not served if unset.
    #[arg(long, env = "METRICS_LISTEN")]
    pub metrics_listen: Option<String>,
    #[command(flatten)]
    pub database: RawDatabase,
    /// `1`: migrates a PostgreSQL database of an earlier release to this release's schema at startup. SQLite databases
    /// are always migrated, and an empty database always gets the schema.
    #[arg(long, env = "MIGRATE", default_value = "", num_args = 0..=1, default_missing_value = "1")]
    pub migrate: String,
    /// URL at which browsers reach the server; `http://LISTEN` if unset.
    #[arg(long, env = "PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Origins of the pages that embed the widget, comma-separated.
    #[arg(long, env = "ALLOWED_ORIGINS", default_value = "")]
    pub allowed_origins: String,
    /// Bearer tokens with full access for other systems, comma-separated; tokens made with `tokens create` are limited.
    #[arg(long, env = "SERVICE_TOKENS", default_value = "", hide_env_values = true)]
    pub service_tokens: String,
    /// Path of the catalogue; reloaded on SIGHUP, keeping the old catalogue if the new one has a mistake.
    #[arg(long, env = "CATALOG", default_value = "catalog.toml")]
    pub catalog: PathBuf,
    #[command(flatten)]
    pub stripe: RawStripe,
    #[command(flatten)]
    pub renamed: Renamed,
    /// Required. URL of the learning platform.
    #[arg(long, env = "FLOCKJAY_URL")]
    pub flockjay_url: Option<String>,
    /// Required. Token of the learning platform.
    #[arg(long, env = "FLOCKJAY_TOKEN", hide_env_values = true)]
    pub flockjay_token: Option<String>,
    /// Timeout of one attempt of one call to FlockJay.
    #[arg(long, env = "FLOCKJAY_TIMEOUT_MS", default_value = "10000")]
    pub flockjay_timeout_ms: String,
    /// Account receivers to notify of purchases, each `NAME=URL#SECRET`, comma-separated; put a new secret in front of
    /// the old one, with a bar between them, to rotate it.
    #[arg(long, env = "ACCOUNT_WEBHOOKS", default_value = "", hide_env_values = true)]
    pub account_webhooks: String,
    #[command(flatten)]
    pub salesforce: RawSalesforce,
    #[command(flatten)]
    pub orb: RawOrb,
    /// Issuer (`iss`) of the ID tokens that identify signed-in learners, such as
    /// `https://university.okta.example/oauth2/default`.
    #[arg(long, env = "LEARNER_ISSUER")]
    pub learner_issuer: Option<String>,
    /// URL of the issuer's keys; taken from its `/.well-known/openid-configuration` if unset.
    #[arg(long, env = "LEARNER_JWKS_URL")]
    pub learner_jwks_url: Option<String>,
    /// Issuers whose emails count as verified even when a token lacks `email_verified`, comma-separated; each must be
    /// `LEARNER_ISSUER`.
    #[arg(long, env = "LEARNER_TRUSTED_EMAILS", default_value = "")]
    pub learner_trusted_emails: String,
    /// Audience (`aud`) that these tokens must have.
    #[arg(long, env = "LEARNER_AUDIENCE")]
    pub learner_audience: Option<String>,
    /// Secrets for launch links signed with HS256, comma-separated; list both while you rotate one.
    #[arg(long, env = "LEARNER_SECRETS", default_value = "", hide_env_values = true)]
    pub learner_secrets: String,
    /// The `iss` of launch links.
    #[arg(long, env = "LEARNER_SECRETS_ISSUER", default_value = "flockjay")]
    pub learner_secrets_issuer: String,
    /// Time from opening a purchase to the first press of Pay.
    #[arg(long, env = "HOLD_SECONDS", default_value = "600")]
    pub hold_seconds: String,
    /// Time from then to the payment.
    #[arg(long, env = "PAYMENT_SECONDS", default_value = "1200")]
    pub payment_seconds: String,
    /// Interval of the sweep, which wakes purchases that have waited too long.
    #[arg(long, env = "SWEEP_SECONDS", default_value = "15")]
    pub sweep_seconds: String,
    /// Whether access is kept (`keep`) or revoked (`revoke`) when a dispute over part of the payment is lost. When all
    /// of it is lost, access always ends.
    #[arg(long, env = "DISPUTE_PARTIAL_ACCESS", default_value = "keep")]
    pub dispute_partial_access: String,
    /// How often one of the servers compares purchases with Stripe and FlockJay.
    #[arg(long, env = "RECONCILE_SECONDS", default_value = "86400")]
    pub reconcile_seconds: String,
    /// First delay of a command that is retried.
    #[arg(long, env = "RETRY_BASE_MS", default_value = "1000")]
    pub retry_base_ms: String,
    /// Longest delay between two tries.
    #[arg(long, env = "RETRY_CAP_SECONDS", default_value = "3600")]
    pub retry_cap_seconds: String,
    /// Time after which a command needs attention.
    #[arg(long, env = "RETRY_HOURS", default_value = "72")]
    pub retry_hours: String,
    /// Addresses or networks whose `X-Forwarded-For` is trusted, comma-separated; without it, all clients behind a
    /// proxy count as one.
    #[arg(long, env = "TRUSTED_PROXIES", default_value = "")]
    pub trusted_proxies: String,
    /// How far this machine's clock may differ from the authoritative time before the server alerts; at two and a half
    /// times that, it takes no work and is not ready.
    #[arg(long, env = "CLOCK_TOLERANCE_MS", default_value = "2000")]
    pub clock_tolerance_ms: String,
    /// Simultaneous connections per process; one client gets a quarter. Lower if the system allows fewer open files;
    /// the server raises that limit as far as it can.
    #[arg(long, env = "MAX_CONNECTIONS", default_value = "8192")]
    pub max_connections: String,
    /// Simultaneous streams of seats per process, and as many requests waiting for purchase updates; one client gets a
    /// quarter.
    #[arg(long, env = "MAX_STREAMS", default_value = "2048")]
    pub max_streams: String,
    /// Simultaneous requests per process, apart from Pay and webhooks; one client gets half.
    #[arg(long, env = "MAX_REQUESTS", default_value = "512")]
    pub max_requests: String,
    /// Simultaneous presses of Pay per process; one client gets half.
    #[arg(long, env = "MAX_PAYS", default_value = "128")]
    pub max_pays: String,
    /// Simultaneous Stripe webhooks per process.
    #[arg(long, env = "MAX_WEBHOOKS", default_value = "64")]
    pub max_webhooks: String,
    /// Bytes of request bodies in memory; webhook bodies get a third as much in addition.
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
    /// Purchases that one client opens, across all instances. Each of a team's seats counts. A paid purchase returns
    /// its opening and allows one more at a time for an hour.
    #[arg(long, env = "LIMIT_OPENS", default_value = "30/1h")]
    pub limit_opens: String,
    /// Purchases that one client has unpaid, across all instances.
    #[arg(long, env = "LIMIT_HOLDS", default_value = "5")]
    pub limit_holds: String,
    /// Percentage of a training's seats that one client may hold unpaid; always at least one seat. Off if `LIMIT_HOLDS`
    /// is off.
    #[arg(long, env = "LIMIT_SHARE", default_value = "50")]
    pub limit_share: String,
    /// Networks with higher limits, or none: `203.0.113.0/24=10,192.0.2.7=off`. Only networks named here are exempt;
    /// even this machine isn't.
    #[arg(long, env = "LIMIT_NETWORKS", default_value = "")]
    pub limit_networks: String,
    /// Presses of Pay for one email.
    #[arg(long, env = "LIMIT_PAYS", default_value = "30/1h")]
    pub limit_pays: String,
    /// Declines by one client, and for one email.
    #[arg(long, env = "LIMIT_DECLINES", default_value = "30/1d")]
    pub limit_declines: String,
    /// Declines across all clients, after which new clients can't pay for one period.
    #[arg(long, env = "LIMIT_DECLINE_RUN", default_value = "100/10m")]
    pub limit_decline_run: String,
    /// Queries to Stripe caused by browsers, per process; presses of Pay and the workers are not counted. Beyond it, a
    /// purchase is shown as last known.
    #[arg(long, env = "LIMIT_QUESTIONS", default_value = "20/1s")]
    pub limit_questions: String,
    /// Emails that one client tries with coupons without paying; three an hour for one purchase.
    #[arg(long, env = "LIMIT_EMAILS", default_value = "15/1h")]
    pub limit_emails: String,
    /// Unknown coupon codes typed by one client.
    #[arg(long, env = "LIMIT_COUPONS", default_value = "10/1h")]
    pub limit_coupons: String,
    /// Unknown codes across all clients, after which any client that has typed one waits for one period.
    #[arg(long, env = "LIMIT_COUPON_RUN", default_value = "200/10m")]
    pub limit_coupon_run: String,
    /// Mail server, such as `smtps://user:password@mail.example`. Lets companies email their codes, and emails an
    /// address about what it already has when someone is about to pay for it again. No emails are sent if unset.
    #[arg(long, env = "SMTP_URL", hide_env_values = true)]
    pub smtp_url: Option<String>,
    /// Sender of emails, such as `Redis University <university@redis.example>`: a mailbox that someone reads, since
    /// buyers are asked to reply to it.
    #[arg(long, env = "SMTP_FROM")]
    pub smtp_from: Option<String>,
    /// `turnstile` or `hcaptcha`: during a run of declines, lets new clients pay if they prove to be human.
    #[arg(long, env = "CHALLENGE_PROVIDER")]
    pub challenge_provider: Option<String>,
    /// The provider's public key.
    #[arg(long, env = "CHALLENGE_SITE_KEY")]
    pub challenge_site_key: Option<String>,
    /// The provider's secret.
    #[arg(long, env = "CHALLENGE_SECRET", hide_env_values = true)]
    pub challenge_secret: Option<String>,
    /// Stand-in for the provider's verification.
    #[arg(long, env = "CHALLENGE_URL")]
    pub challenge_url: Option<String>,
    /// Stand-in for the provider's script.
    #[arg(long, env = "CHALLENGE_JS_URL")]
    pub challenge_js_url: Option<String>,
}

/// Checked settings.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: SocketAddr,
    pub metrics_listen: Option<SocketAddr>,
    pub database_url: String,
    /// How to treat the database's schema at start.
    pub schema: Schema,
    /// An origin and perhaps a path, without a trailing slash; `None` means wherever the server listens.
    pub public_url: Option<String>,
    pub allowed_origins: Vec<String>,
    pub service_tokens: ServiceTokens,
    pub catalog: PathBuf,
    pub stripe: StripeConfig,
    pub flockjay: FlockJayConfig,
    pub account_webhooks: Vec<WebhookConfig>,
    pub salesforce: Option<SalesforceConfig>,
    pub orb: Option<OrbConfig>,
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
