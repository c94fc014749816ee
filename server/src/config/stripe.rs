//! Stripe's settings: keys, addresses, and how learners may pay.
use super::StripeConfig;
use super::check::{Checker, list};
use crate::purchase::PaymentMethods;
use clap::Args;
use url::{Host, Url};

/// Origin of Stripe's Checkout pages unless a custom domain is set.
const STRIPE_PAGE: &str = "https://checkout.stripe.com";
/// The Stripe.js release that matches `async-stripe`'s API version; others may not know the values we send.
const STRIPE_JS: &str = "https://js.stripe.com/endive/stripe.js";

/// The settings as given.
#[derive(Args, Clone, Debug, Default)]
pub struct RawStripe {
    /// Required. Secret or restricted key of the Stripe account. A restricted key (`rk_`) needs write access to Payment
    /// Intents, Checkout Sessions, and Charges and Refunds, and read access to Disputes and Balance transactions;
    /// startup reports missing permissions.
    #[arg(long, env = "STRIPE_SECRET_KEY", hide_env_values = true)]
    pub stripe_secret_key: Option<String>,
    /// Required. Publishable key of the same account, and live or test like the secret key.
    #[arg(long, env = "STRIPE_PUBLISHABLE_KEY")]
    pub stripe_publishable_key: Option<String>,
    /// Required. Signing secrets of Stripe's webhooks (`whsec_…`), comma-separated; list both while you rotate one.
    #[arg(long, env = "STRIPE_WEBHOOK_SECRETS", hide_env_values = true)]
    pub stripe_webhook_secrets: Option<String>,
    /// Stand-in for Stripe's API; rejected with live keys.
    #[arg(long, env = "STRIPE_API_URL")]
    pub stripe_api_url: Option<String>,
    /// Stand-in for Stripe.js; rejected with live keys.
    #[arg(long, env = "STRIPE_JS_URL")]
    pub stripe_js_url: Option<String>,
    /// Custom domain of Stripe's pages, such as `pay.example.com`: our Content-Security-Policy lets forms redirect
    /// there.
    #[arg(long, env = "STRIPE_CHECKOUT_HOST")]
    pub stripe_checkout_host: Option<String>,
    /// How learners may pay: `instant`; `all` methods enabled in Stripe's dashboard, including vouchers, transfers and
    /// debits that settle days later; or a payment method configuration (`pmc_…`). Seats in live trainings accept
    /// instant methods only. Pages already open when this changes keep offering the old methods and may need a reload.
    #[arg(long, env = "PAYMENT_METHODS", default_value = "instant")]
    pub payment_methods: String,
    /// Timeout of one attempt of one call to Stripe.
    #[arg(long, env = "STRIPE_TIMEOUT_MS", default_value = "8000")]
    pub stripe_timeout_ms: String,
}

impl Checker {
    pub(super) fn stripe(&mut self, raw: RawStripe) -> StripeConfig {
        let stripe = StripeConfig {
            secret_key: self.key("STRIPE_SECRET_KEY", raw.stripe_secret_key, &["sk_", "rk_"]),
            publishable_key: self.key("STRIPE_PUBLISHABLE_KEY", raw.stripe_publishable_key, &["pk_"]),
            webhook_secrets: self.secrets(raw.stripe_webhook_secrets),
            pages: match (raw.stripe_checkout_host, &raw.stripe_api_url) {
                // Checkout sessions created before the custom domain was set are still on Stripe's.
                (Some(text), _) => vec![self.checkout_host(&text), STRIPE_PAGE.to_owned()],
                // A stand-in serves its page at the address of its API.
                (None, Some(api)) if !is_stripe_url(api) => vec![api.clone()],
                (None, _) => vec![STRIPE_PAGE.to_owned()],
            },
            api_url: raw.stripe_api_url.map(|text| self.web("STRIPE_API_URL", &text)),
            js_url: match raw.stripe_js_url {
                Some(text) => {
                    self.web("STRIPE_JS_URL", &text);
                    text
                }
                None => STRIPE_JS.to_owned(),
            },
            methods: self.methods(&raw.payment_methods),
            timeout: self.millis("STRIPE_TIMEOUT_MS", &raw.stripe_timeout_ms),
        };
        self.check_consistency(&stripe);
        stripe
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
            self.mistake("STRIPE_WEBHOOK_SECRETS", "is required: set at least one signing secret (whsec_…)");
        }
        secrets
    }

    /// A custom domain, as an origin.
    fn checkout_host(&mut self, text: &str) -> String {
        match Host::parse(text.trim()) {
            Ok(Host::Domain(host)) if host.contains('.') => format!("https://{host}"),
            Ok(_) | Err(_) => {
                let message =
                    format_args!("{text:?} must be a domain such as pay.example.com, without https://");
                self.mistake("STRIPE_CHECKOUT_HOST", message);
                STRIPE_PAGE.to_owned()
            }
        }
    }

    fn methods(&mut self, text: &str) -> PaymentMethods {
        let configuration = match text.trim() {
            "instant" => return PaymentMethods::INSTANT,
            "all" => None,
            id if id.strip_prefix("pmc_").is_some_and(|rest| !rest.is_empty()) => Some(id.to_owned()),
            other => {
                let message = format_args!(
                    "{other:?} must be instant, all, or the id of a payment method configuration (pmc_…)"
                );
                self.mistake("PAYMENT_METHODS", message);
                None
            }
        };
        PaymentMethods { delayed: true, configuration }
    }

    /// Rejects settings that are valid alone but not together.
    fn check_consistency(&mut self, stripe: &StripeConfig) {
        let live = |key: &str| key.contains("_live_");
        let sandbox = |key: &str| key.contains("_sandbox");
        let stand_in = stripe.api_url.is_some() || stripe.js_url != STRIPE_JS;
        let keys = [&stripe.secret_key, &stripe.publishable_key];
        if keys.iter().all(|key| !key.is_empty()) && live(&stripe.secret_key) != live(&stripe.publishable_key)
        {
            self.mistake(
                "STRIPE_PUBLISHABLE_KEY",
                "must match STRIPE_SECRET_KEY: use two live keys or two test keys",
            );
        }
        if stand_in && keys.iter().any(|key| live(key)) && !uses_real_stripe(stripe) {
            self.mistake("STRIPE_API_URL", "must not be set with live keys: unset it and STRIPE_JS_URL");
        }
        if uses_real_stripe(stripe) && keys.iter().any(|key| sandbox(key)) {
            self.mistake("STRIPE_API_URL", "must point to the sandbox when sandbox keys are set");
        }
    }
}

/// Whether the configured addresses are Stripe's own.
fn uses_real_stripe(stripe: &StripeConfig) -> bool {
    stripe.api_url.as_deref().is_none_or(is_stripe_url) && is_stripe_url(&stripe.js_url)
}

/// Whether an address is one of Stripe's own.
fn is_stripe_url(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.host_str().is_some_and(|host| host.ends_with(".stripe.com")))
}
