//! The settings of the demo's programs, and its message to the person who started it.

use std::path::Path;

use anyhow::{Result, bail};

use super::ports::Ports;
use crate::postgres::{Cluster, free_port};

const VARIABLES: [&str; 3] = ["STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRETS"];
const FLOCKJAY_TOKEN: &str = "sandbox-token";
/// The secret of the sandbox's account receiver.
const ACCOUNT_SECRET: &str = "whsec_c2FuZGJveC1hY2NvdW50LXN5c3RlbQ==";
const STRIPE_JS: &str = "https://js.stripe.com/endive/stripe.js";
/// The demo's coupon code.
pub(crate) const COUPON: &str = "WELCOME20";

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stripe {
    /// Our stand-in, with keys that mean nothing elsewhere.
    Sandbox,
    /// A test account: the values of the three variables, in their order.
    Real([String; 3]),
}

impl Stripe {
    /// A test account if all of its variables are set. Fails if only some are set, and says what is missing.
    pub(crate) fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let values = VARIABLES.map(|name| variable(name).filter(|value| !value.is_empty()));
        if values.iter().all(Option::is_none) {
            return Ok(Self::Sandbox);
        }
        let missing =
            VARIABLES.iter().zip(&values).filter(|(_, value)| value.is_none()).map(|(name, _)| *name);
        let missing = missing.collect::<Vec<_>>().join(" and ");
        let [Some(secret), Some(publishable), Some(webhooks)] = values else {
            bail!("to use a Stripe test account, set {missing} too; to use the stand-in, unset the others");
        };
        // Protects a live account from a demo. The server would refuse live keys as well, but after minutes of
        // building.
        if secret.contains("_live_") || publishable.contains("_live_") {
            bail!("these are live keys: the demo takes those of a test account only");
        }
        Ok(Self::Real([secret, publishable, webhooks]))
    }
}

pub(crate) struct Settings {
    pub(crate) stripe: Stripe,
    pub(crate) ports: Ports,
}

/// One of the servers.
pub(crate) struct Instance {
    pub(crate) name: String,
    pub(crate) port: u16,
    metrics: Option<u16>,
    database: String,
}

impl Settings {
    /// One server on SQLite at the demo's own port, or several on `cluster` at ports of their own.
    pub(crate) fn instances(
        &self,
        count: u8,
        folder: &Path,
        cluster: Option<&Cluster>,
    ) -> Result<Vec<Instance>> {
        let Some(cluster) = cluster else {
            return Ok(vec![Instance {
                name: "server".to_owned(),
                port: self.ports.server,
                metrics: Some(self.ports.metrics),
                database: format!("sqlite://{}", folder.join("checkout.db").display()),
            }]);
        };
        let instance = |number: u8| {
            Ok(Instance {
                name: format!("server-{number}"),
                port: free_port()?,
                metrics: (number == 1).then_some(self.ports.metrics),
                database: cluster.url("postgres"),
            })
        };
        (1..=count).map(instance).collect()
    }

    pub(crate) fn sandbox_arguments(&self) -> Vec<String> {
        let Ports { stripe, flockjay, mail, course, .. } = self.ports;
        let mut arguments = vec![
            format!("--flockjay-listen=127.0.0.1:{flockjay}"),
            format!("--mail-listen=127.0.0.1:{mail}"),
            format!("--course-listen=127.0.0.1:{course}"),
            format!("--checkout-url={}", url(self.ports.server)),
            format!("--flockjay-token={FLOCKJAY_TOKEN}"),
        ];
        arguments.extend(match &self.stripe {
            Stripe::Sandbox => vec![
                format!("--stripe-listen=127.0.0.1:{stripe}"),
                "--secret-key=sk_test_sandbox".to_owned(),
                "--publishable-key=pk_test_sandbox".to_owned(),
                "--webhook-secret=whsec_sandbox".to_owned(),
            ],
            Stripe::Real(_) => vec!["--no-stripe".to_owned(), format!("--stripe-js={STRIPE_JS}")],
        });
        arguments
    }

    /// The environment of a server; `None` if a variable must not be inherited.
    pub(crate) fn server_environment(&self, instance: &Instance) -> Vec<(&'static str, Option<String>)> {
        let Ports { server, stripe, flockjay, mail, course, .. } = self.ports;
        let mut environment = vec![
            ("LISTEN", Some(format!("127.0.0.1:{}", instance.port))),
            ("METRICS_LISTEN", instance.metrics.map(|metrics| format!("127.0.0.1:{metrics}"))),
            ("DATABASE_URL", Some(instance.database.clone())),
            ("PUBLIC_URL", Some(url(server))),
            ("ALLOWED_ORIGINS", Some(url(course))),
            // Only one person tries the demo, so there are no limits.
            ("LIMIT_NETWORKS", Some("127.0.0.0/8=off,::1=off".to_owned())),
            ("CATALOG", Some(std::env::var("CATALOG").unwrap_or_else(|_| "sandbox/catalog.toml".to_owned()))),
            ("FLOCKJAY_URL", Some(url(flockjay))),
            ("FLOCKJAY_TOKEN", Some(FLOCKJAY_TOKEN.to_owned())),
            ("ACCOUNT_WEBHOOKS", Some(format!("sm={}/account/webhook#{ACCOUNT_SECRET}", url(course)))),
            ("SALESFORCE_URL", Some(format!("{}/salesforce", url(course)))),
            ("SALESFORCE_CLIENT_ID", Some("3MVG9-sandbox".to_owned())),
            ("SALESFORCE_USER", Some("integration@redis.example".to_owned())),
            ("ORB_URL", Some(format!("{}/orb/v1", url(course)))),
            ("ORB_API_KEY", Some("orb_sandbox".to_owned())),
            ("ORB_ITEM_ID", Some("item_training".to_owned())),
            ("LEARNER_ISSUER", Some(format!("{}/oauth2/default", url(course)))),
            ("LEARNER_AUDIENCE", Some("redis-university".to_owned())),
            ("SMTP_URL", Some(format!("smtp://127.0.0.1:{mail}"))),
            ("SMTP_FROM", Some("Redis University <university@redis.example>".to_owned())),
        ];
        environment.extend(match &self.stripe {
            Stripe::Sandbox => [
                ("STRIPE_SECRET_KEY", Some("sk_test_sandbox".to_owned())),
                ("STRIPE_PUBLISHABLE_KEY", Some("pk_test_sandbox".to_owned())),
                ("STRIPE_WEBHOOK_SECRETS", Some("whsec_sandbox".to_owned())),
                ("STRIPE_API_URL", Some(format!("{}/", url(stripe)))),
                ("STRIPE_JS_URL", Some(format!("{}/v3/", url(stripe)))),
            ],
            Stripe::Real([secret, publishable, webhooks]) => [
                ("STRIPE_SECRET_KEY", Some(secret.clone())),
                ("STRIPE_PUBLISHABLE_KEY", Some(publishable.clone())),
                ("STRIPE_WEBHOOK_SECRETS", Some(webhooks.clone())),
                ("STRIPE_API_URL", None),
                ("STRIPE_JS_URL", None),
            ],
        });
        environment
    }

    pub(crate) fn welcome(&self, folder: &Path) -> String {
        let payments = match &self.stripe {
            Stripe::Sandbox => "a stand-in: nothing leaves this machine".to_owned(),
            Stripe::Real(_) => format!(
                "your test account; bring its webhooks here with\n               stripe listen --forward-to {}/v1/stripe/webhook",
                url(self.ports.server)
            ),
        };
        format!(
            "\n  Course page  {course}/\n  FlockJay     {flockjay}/\n  Accounts     {course}/account\n  Salesforce   {course}/salesforce\n  Orb          {course}/orb\n  Mailbox      {course}/mailbox\n  Checkout     {server}/\n  Stripe       {payments}\n\n  \
             Test cards   4242 4242 4242 4242  pays\n               \
             4000 0000 0000 9995  is declined\n               \
             4000 0025 0000 3155  asks for 3-D Secure\n               \
             any date to come, any CVC\n  \
             Coupon       {COUPON} takes 20 % off\n  \
             Signed in    {course}/?signed-in=ada@example.com\n\n  \
             Logs         {logs}\n\n\
             Ctrl-C ends everything.",
            course = url(self.ports.course),
            flockjay = url(self.ports.flockjay),
            server = url(self.ports.server),
            logs = folder.display(),
        )
    }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: (&str, &str) = ("STRIPE_SECRET_KEY", "sk_test_1");
    const PUBLISHABLE: (&str, &str) = ("STRIPE_PUBLISHABLE_KEY", "pk_test_1");
    const WEBHOOKS: (&str, &str) = ("STRIPE_WEBHOOK_SECRETS", "whsec_1");

    #[test]
    fn the_stand_in_serves_unless_keys_are_given() {
        assert_eq!(stripe(&[]), Ok(Stripe::Sandbox));
        assert_eq!(stripe(&[("STRIPE_SECRET_KEY", "")]), Ok(Stripe::Sandbox));
    }

    #[test]
    fn a_missing_variable_is_named() {
        let refusal = stripe(&[PUBLISHABLE]).unwrap_err();
        assert!(refusal.contains("set STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRETS too"), "{refusal}");
    }

    #[test]
    fn live_keys_are_refused() {
        assert!(stripe(&[("STRIPE_SECRET_KEY", "sk_live_1"), PUBLISHABLE, WEBHOOKS]).is_err());
    }

    #[test]
    fn a_test_account_replaces_only_the_stand_in_for_stripe() {
        let stripe = stripe(&[SECRET, PUBLISHABLE, WEBHOOKS]).unwrap();
        let ports = Ports { server: 1, metrics: 2, stripe: 3, flockjay: 4, course: 5, mail: 6 };
        let settings = Settings { stripe, ports };
        let instances = settings.instances(1, Path::new("/demo"), None).unwrap();
        let environment = settings.server_environment(&instances[0]);
        let value = |name| {
            environment.iter().find(|(variable, _)| *variable == name).and_then(|(_, value)| value.clone())
        };
        assert_eq!(value("STRIPE_SECRET_KEY").as_deref(), Some("sk_test_1"));
        assert_eq!(value("STRIPE_API_URL"), None);
        assert_eq!(value("FLOCKJAY_URL").as_deref(), Some("http://127.0.0.1:4"));
        let arguments = settings.sandbox_arguments();
        assert!(arguments.contains(&"--no-stripe".to_owned()));
        assert!(!arguments.iter().any(|argument| argument.starts_with("--stripe-listen")));
        assert!(
            settings
                .welcome(Path::new("/"))
                .contains("stripe listen --forward-to http://127.0.0.1:1/v1/stripe/webhook")
        );
    }

    fn stripe(set: &[(&str, &str)]) -> Result<Stripe, String> {
        let variable =
            |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        Stripe::from_environment(variable).map_err(|error| error.to_string())
    }
}
