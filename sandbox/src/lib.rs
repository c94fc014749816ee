//! Stand-ins for Stripe, Turnstile, FlockJay, an account receiver, Salesforce, Orb, a sign-in service, a mail server
//! and a course page, for demos and tests. They are strict where the real services are strict.
#![forbid(unsafe_code)]

mod account;
mod challenge;
mod control;
mod course;
mod fault;
pub mod flockjay;
mod html;
mod keys;
mod mailbox;
mod orb;
mod salesforce;
mod serve;
mod sign_in;
pub mod stripe;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::Router;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_http::cors::CorsLayer;

pub use self::{
    account::{ACCOUNT_SECRET, AccountMessage, Accounts},
    challenge::CHALLENGE_SECRET,
    fault::{ErrorBody, Fault, Misbehaviour},
    flockjay::{FlockJay, FlockJayFault, FlockJayOperation},
    mailbox::{Email, Mailbox},
    orb::{ORB_API_KEY, ORB_ITEM, Orb},
    salesforce::{SALESFORCE_CLIENT_ID, SALESFORCE_USER, Salesforce, salesforce_key},
    sign_in::{SIGN_IN_AUDIENCE, SignIn},
    stripe::{Misdelivery, Stripe, StripeFault, StripeOperation, WebhookFault},
};
use self::{control::Controls, course::CoursePage, course::StripeOrigins};

/// Where the stand-ins listen, and the secrets they share with the checkout.
#[derive(Clone, Debug)]
pub struct Options {
    /// The Stripe stand-in's address.
    pub stripe_listen: SocketAddr,
    /// The FlockJay stand-in's address.
    pub flockjay_listen: SocketAddr,
    /// The mail server's address.
    pub mail_listen: SocketAddr,
    /// The course page's address.
    pub course_listen: SocketAddr,
    /// The secret key of the checkout's backend.
    pub secret_key: String,
    /// The publishable key that pages use.
    pub publishable_key: String,
    /// The secret that signs webhooks.
    pub webhook_secret: String,
    /// The token that FlockJay expects after `Authorization: Token`.
    pub flockjay_token: String,
    /// URL of the real Stripe.js; if set, the course page's policy allows Stripe's origins instead of the stand-in's.
    pub stripe_js: Option<String>,
    /// Runs no Stripe stand-in, for a demo with a real Stripe test account.
    pub no_stripe: bool,
}

impl Default for Options {
    fn default() -> Self {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            stripe_listen: any_port,
            flockjay_listen: any_port,
            mail_listen: any_port,
            course_listen: any_port,
            secret_key: "sk_test_sandbox".to_owned(),
            publishable_key: "pk_test_sandbox".to_owned(),
            webhook_secret: "whsec_sandbox".to_owned(),
            flockjay_token: "sandbox-token".to_owned(),
            stripe_js: None,
            no_stripe: false,
        }
    }
}

/// The running stand-ins; dropping this value stops them without waiting.
#[derive(Debug)]
pub struct Sandbox {
    stripe_url: String,
    flockjay_url: String,
    course_url: String,
    stripe_js_url: String,
    mail_url: String,
    stripe: Stripe,
    flockjay: FlockJay,
    mailbox: Mailbox,
    accounts: Accounts,
    sign_in: SignIn,
    salesforce: Salesforce,
    orb: Orb,
    checkout: watch::Sender<String>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Sandbox {
    /// Binds every address and starts the stand-ins; an error names the address that failed and the flag that sets it.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let stripe_listener = match options.no_stripe {
            true => None,
            false => Some(serve::bind(options.stripe_listen, "--stripe-listen").await?),
        };
        let flockjay_listener = serve::bind(options.flockjay_listen, "--flockjay-listen").await?;
        let mail_listener = serve::bind(options.mail_listen, "--mail-listen").await?;
        let course_listener = serve::bind(options.course_listen, "--course-listen").await?;
        let stripe_url = match &stripe_listener {
            Some(listener) => format!("http://{}", listener.local_addr()?),
            None => "https://api.stripe.com".to_owned(),
        };
        let flockjay_url = format!("http://{}", flockjay_listener.local_addr()?);
        let mail_url = format!("smtp://{}", mail_listener.local_addr()?);
        let course_url = format!("http://{}", course_listener.local_addr()?);
        let is_real_stripe_js = options.no_stripe || options.stripe_js.is_some();
        let stripe_js_url = match &options.stripe_js {
            Some(url) => url.clone(),
            None if options.no_stripe => "https://js.stripe.com/v3/".to_owned(),
            None => format!("{stripe_url}/v3/"),
        };
        let origins = match is_real_stripe_js {
            true => StripeOrigins::real(),
            false => StripeOrigins { js: stripe_url.clone(), api: stripe_url.clone(), link: String::new() },
        };

        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let stripe = Stripe::start(&stripe_url, &options, &tasks, &stop)?;
        let flockjay = FlockJay::new(&flockjay_url, &options.flockjay_token, &tasks, &stop);
        let checkout = watch::Sender::new(String::new());
        let controls = control::routes(Controls { stripe: stripe.clone(), flockjay: flockjay.clone() });
        let sign_in = SignIn::new(&course_url);
        let (salesforce, orb) = (Salesforce::new(&course_url), Orb::new(&course_url));
        let course = course::routes(CoursePage {
            checkout: checkout.subscribe(),
            stripe: Arc::new(origins),
            sign_in: sign_in.clone(),
        });

        let mailbox = Mailbox::default();
        tasks.spawn(mailbox.clone().serve(mail_listener, stop.clone()));
        let serve_on = |listener, router: Router| {
            tasks.spawn(serve::serve(listener, router, stop.clone()));
        };
        if let Some(listener) = stripe_listener {
            serve_on(
                listener,
                stripe
                    .routes()
                    .merge(challenge::routes())
                    .layer(CorsLayer::permissive())
                    .merge(controls.clone()),
            );
        }
        serve_on(flockjay_listener, flockjay.routes().merge(controls));
        let accounts = Accounts::default();
        serve_on(
            course_listener,
            course
                .merge(mailbox.routes())
                .merge(accounts.routes())
                .merge(sign_in.routes())
                .merge(salesforce.routes())
                .merge(orb.routes()),
        );
        Ok(Self {
            stripe_url,
            flockjay_url,
            course_url,
            stripe_js_url,
            mail_url,
            stripe,
            flockjay,
            mailbox,
            accounts,
            sign_in,
            salesforce,
            orb,
            checkout,
            tasks,
            stop,
        })
    }

    /// Base URL of the Stripe API, such as `http://127.0.0.1:12111` (`STRIPE_API_URL`).
    pub fn stripe_url(&self) -> &str {
        &self.stripe_url
    }

    /// URL of the Stripe.js that pages load (`STRIPE_JS_URL`).
    pub fn stripe_js_url(&self) -> String {
        self.stripe_js_url.clone()
    }

    /// URLs of the challenge's script and of its verification endpoint (`CHALLENGE_JS_URL`, `CHALLENGE_URL`).
    pub fn challenge_urls(&self) -> (String, String) {
        (format!("{}/challenge/api.js", self.stripe_url), format!("{}/challenge/siteverify", self.stripe_url))
    }

    /// Base URL of FlockJay (`FLOCKJAY_URL`).
    pub fn flockjay_url(&self) -> &str {
        &self.flockjay_url
    }

    /// URL of the mail server (`SMTP_URL`).
    pub fn mail_url(&self) -> &str {
        &self.mail_url
    }

    /// Base URL of the course page; add its origin to `ALLOWED_ORIGINS`.
    pub fn course_url(&self) -> &str {
        &self.course_url
    }

    /// Sets the checkout's URL: webhooks go there, and the course page embeds it. May be called again after a restart.
    pub fn connect(&self, checkout_url: &str) {
        let url = checkout_url.trim_end_matches('/');
        self.stripe.connect(url);
        self.checkout.send_replace(url.to_owned());
    }

    /// Inspects the Stripe stand-in and injects faults.
    pub fn stripe(&self) -> &Stripe {
        &self.stripe
    }

    /// Inspects the FlockJay stand-in and injects faults.
    pub fn flockjay(&self) -> &FlockJay {
        &self.flockjay
    }

    /// The account receiver, in the format of `ACCOUNT_WEBHOOKS`.
    pub fn account_webhook(&self) -> String {
        format!("sm={}/account/webhook#{ACCOUNT_SECRET}", self.course_url)
    }

    /// Inspects the account receiver and injects faults.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Signs learners' tokens and injects faults.
    pub fn sign_in(&self) -> &SignIn {
        &self.sign_in
    }

    /// Inspects Salesforce and injects faults.
    pub fn salesforce(&self) -> &Salesforce {
        &self.salesforce
    }

    /// Inspects Orb and injects faults.
    pub fn orb(&self) -> &Orb {
        &self.orb
    }

    /// Inspects the mailbox and injects faults.
    pub fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// Stops every task and connection, and waits until they have ended.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
