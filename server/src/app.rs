//! Puts the parts together and runs them until told to stop.
use crate::abuse::{Challenge, ProcessLimits, Pseudonyms};
use crate::account::{Account, Orb, Salesforce, Webhook};
use crate::admission::{Admission, raise_file_limit};
use crate::catalog::{self, CurrentCatalog};
use crate::checkout::{AbuseLimits, Checkout, Rules};
use crate::clock::Clock;
use crate::config::{ChallengeConfig, Config};
use crate::funnel::Views;
use crate::grants::FlockJay;
use crate::heartbeat::Heartbeat;
use crate::http::{self, Api, Assets, OfferingCache, Parts, Site};
use crate::identity::Identity;
use crate::mail::Mailer;
use crate::outbound::is_own_host;
use crate::payments::{Payments, Stripe};
use crate::purchase::Receiver;
use crate::reconcile;
use crate::store::{Schema, Store};
use crate::timekeeping::{Timekeeper, run_timekeeper};
use crate::worker;
use anyhow::Context;
use shared::policy::STRIPE_API;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Length of the kernel's accept queue, so that a burst is not retried a second later. The system may cap it lower.
const BACKLOG: u32 = 8192;
/// Time that requests and commands in flight get to finish on shutdown, and that the database connections then get to
/// close: together less than the ten seconds after which containers are killed.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(6);
const CLOSING: Duration = Duration::from_secs(2);

/// A server that is already listening.
pub struct App {
    address: SocketAddr,
    checkout: Checkout,
    catalog_path: PathBuf,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl App {
    /// Reads the catalogue, opens the database, binds the address and starts serving.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        Self::start_by(config, Clock::default()).await
    }

    /// The same, with a given clock instead of this machine's.
    pub async fn start_by(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let files = raise_file_limit();
        let checkout = connect(&config, config.schema).await?.with_clock(clock);
        let mut timekeeper =
            Timekeeper::new(checkout.store.clone(), checkout.clock.clone(), config.clock_tolerance);
        timekeeper.settle().await?;
        let admission = Admission::new(config.admission.within(files));
        if admission.connections.most() < config.admission.connections {
            let room = admission.connections.most();
            tracing::warn!(
                files,
                connections = room,
                "open file limit is too low for MAX_CONNECTIONS; allowing fewer connections"
            );
        }
        let listener = listen("LISTEN", config.listen)?;
        let address = listener.local_addr()?;
        let metrics = match config.metrics_listen {
            Some(metrics) => Some(listen("METRICS_LISTEN", metrics)?),
            None => None,
        };
        let stop = checkout.stop.clone();
        let assets = Assets::find();
        if assets.is_none() {
            tracing::warn!("widget is not built; embed routes return 503");
        }
        worker::look_first(&checkout, &checkout.catalog.get()).await;
        let views = Arc::new(Views::default());
        let site = site(&config, address);
        let api_base = site.public_url.clone();
        let parts = Parts { checkout: checkout.clone(), admission, assets, site, views: views.clone() };
        let api = Api::new(parts);
        let tasks = TaskTracker::new();
        tasks.spawn(http::serve(listener, OfferingCache::new(api.clone()), stop.clone(), tasks.clone()));
        if let Some(metrics) = metrics {
            tasks.spawn(serve_metrics(metrics, api.clone(), stop.clone()));
        }
        let (payments, until) = (checkout.payments.clone(), stop.clone());
        tasks.spawn(async move { until.run_until_cancelled(warn_of_missing_permissions(payments)).await });
        let (identity, until) = (checkout.identity.clone(), stop.clone());
        tasks.spawn(async move { until.run_until_cancelled(identity.prepare()).await });
        let mailer = config.mail.as_ref().map(Mailer::new).transpose()?;
        let mail = mailer.map(|mailer| (mailer, api_base));
        run_background(&checkout, &tasks, &config, mail, views, timekeeper);
        tracing::info!(listen = %address, "listening");
        Ok(Self { address, checkout, catalog_path: config.catalog, stop, tasks })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Reloads the catalogue. If it has mistakes, logs them and keeps the old one.
    pub async fn reload_catalog(&self) {
        match catalog::read(&self.catalog_path) {
            Ok(catalog) => {
                worker::look_first(&self.checkout, &catalog).await;
                tracing::info!(offerings = catalog.items().count(), "catalogue reloaded");
                self.checkout.catalog.replace(catalog);
            }
            Err(mistakes) => tracing::error!(%mistakes, "catalogue reload failed; keeping the old one"),
        }
    }

    /// Number of outbox commands that are pending, and that need attention.
    pub async fn outbox_depth(&self) -> anyhow::Result<(i64, i64)> {
        Ok(self.checkout.store.outbox_depth().await?)
    }

    /// Finishes what is in flight, and leaves the rest to the next start: the outbox keeps it.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, self.tasks.wait()).await.is_err() {
            tracing::warn!("shutdown timed out with tasks still running");
        }
        if tokio::time::timeout(CLOSING, self.checkout.store.close()).await.is_err() {
            tracing::warn!("shutdown timed out with database connections still open");
        }
    }
}

/// Reads the catalogue, opens the database and prepares the clients of Stripe and FlockJay.
pub(crate) async fn connect(config: &Config, schema: Schema) -> anyhow::Result<Checkout> {
    let catalog = CurrentCatalog::new(catalog::read(&config.catalog)?);
    let store = Store::open(&config.database_url, schema)
        .await
        .context("DATABASE_URL: the database can't be opened")?;
    let accounts = accounts(config)?;
    let identity = config.identity.clone().map(Identity::new).transpose()?.unwrap_or_default();
    let pseudonyms = Pseudonyms::new(&config.stripe.secret_key);
    let rates = config.rates;
    let (rules, key) = (Rules::new(config.limits, catalog), &config.stripe.publishable_key);
    let checkout = Checkout::new(store, rules, stripe(config)?, flockjay(config)?, key, Clock::default());
    let challenge = config.challenge.as_ref().map(challenge).transpose()?;
    let checkout = checkout.with_payment_methods(config.stripe.methods.clone());
    Ok(checkout.with_accounts(accounts).with_identity(identity).with_abuse_limits(AbuseLimits {
        rates,
        process: ProcessLimits::new(&rates),
        pseudonyms,
        challenge,
    }))
}

/// Starts the background loops. The silence allowed to each loop exceeds its slowest round, which is bounded because
/// every call in it has a timeout.
fn run_background(
    checkout: &Checkout,
    tasks: &TaskTracker,
    config: &Config,
    mail: Option<(Mailer, String)>,
    views: Arc<Views>,
    keeper: Timekeeper,
) {
    let seconds = Duration::from_secs;
    let (check, reconcile, retry) = (config.limits.check, config.reconcile, config.retry);
    let background = Background { checkout, tasks };
    let named = checkout.accounts.iter().map(|account| Receiver::Account(account.name().to_owned()));
    for receiver in Receiver::ALL.into_iter().chain(named) {
        background.keep(&format!("outbox-{}", receiver.name()), seconds(180), move |checkout, heartbeat| {
            worker::run_outbox(checkout, receiver.clone(), retry, heartbeat)
        });
    }
    if let Some((mailer, base)) = mail {
        background.keep("mail", seconds(300), move |checkout, heartbeat| {
            worker::run_mail(checkout, mailer.clone(), base.clone(), retry, heartbeat)
        });
    }
    background.keep("views", seconds(120), move |checkout, heartbeat| {
        worker::run_views(checkout.store, views.clone(), checkout.stop, heartbeat)
    });
    let keeper = Arc::new(tokio::sync::Mutex::new(keeper));
    background.keep("clock", seconds(60), move |checkout, heartbeat| {
        run_timekeeper(checkout, keeper.clone(), heartbeat)
    });
    background.keep("seats", seconds(60), Checkout::run_seat_watch);
    background.keep("sweep", check + seconds(120), move |checkout, heartbeat| {
        worker::run_sweep(checkout, check, heartbeat)
    });
    background.keep("circuit", check + seconds(120), move |checkout, heartbeat| {
        worker::run_circuit(checkout, check, heartbeat)
    });
    background.keep("reconcile", seconds(240), move |checkout, heartbeat| {
        reconcile::run_daily(checkout, reconcile, heartbeat)
    });
}

struct Background<'a> {
    checkout: &'a Checkout,
    tasks: &'a TaskTracker,
}

impl Background<'_> {
    fn keep<F>(
        &self,
        name: &str,
        allowed: Duration,
        start: impl Fn(Checkout, Heartbeat) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let (checkout, name) = (self.checkout.clone(), name.to_owned());
        self.tasks.spawn(async move {
            let start = |heartbeat| start(checkout.clone(), heartbeat);
            checkout.heartbeats.keep(name, allowed, &checkout.stop, start).await;
        });
    }
}

fn listen(name: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listening = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listening().with_context(|| format!("{name}: can't listen on {address}; choose another address"))
}

async fn serve_metrics(listener: TcpListener, api: Api, stop: CancellationToken) {
    let serving = axum::serve(listener, http::metrics_router(api));
    if let Err(error) = serving.with_graceful_shutdown(stop.cancelled_owned()).await {
        tracing::error!(%error, "metrics server failed");
    }
}

/// Reports missing permissions of a restricted key at start, before the first purchase that needs them fails.
async fn warn_of_missing_permissions(payments: Arc<dyn Payments>) {
    let missing = payments.missing_permissions().await;
    if !missing.is_empty() {
        let missing = missing.join(", ");
        tracing::error!(
            alert = true,
            missing,
            "STRIPE_SECRET_KEY is a restricted key that lacks permissions"
        );
    }
}

fn stripe(config: &Config) -> anyhow::Result<Stripe> {
    let stripe = &config.stripe;
    Stripe::new(&stripe.secret_key, stripe.api_url.as_deref(), stripe.timeout, stripe.webhook_secrets.clone())
}

fn flockjay(config: &Config) -> anyhow::Result<FlockJay> {
    let flockjay = &config.flockjay;
    FlockJay::new(flockjay.url.clone(), flockjay.token.clone(), flockjay.timeout)
}

/// Every receiver has its own name: `ACCOUNT_WEBHOOKS` can't use those of the others.
fn accounts(config: &Config) -> anyhow::Result<Vec<Arc<dyn Account>>> {
    let mut accounts = Vec::<Arc<dyn Account>>::new();
    for receiver in &config.account_webhooks {
        accounts.push(Arc::new(Webhook::new(receiver.clone())?));
    }
    if let Some(salesforce) = &config.salesforce {
        accounts.push(Arc::new(Salesforce::new(salesforce.clone())?));
    }
    if let Some(orb) = &config.orb {
        accounts.push(Arc::new(Orb::new(orb.clone())?));
    }
    Ok(accounts)
}

fn challenge(config: &ChallengeConfig) -> anyhow::Result<Challenge> {
    let ChallengeConfig { provider, site_key, secret, verify_url, script } = config.clone();
    Challenge::new(provider, site_key, secret, verify_url, script)
}

/// The provider's own origins, or the stand-in's.
fn challenge_origins(config: &ChallengeConfig) -> String {
    let own = config.provider.script() == config.script;
    if own { config.provider.origins().to_owned() } else { http::origin(&config.script) }
}

/// Whether only this machine is meant to reach the server.
fn is_for_this_machine(config: &Config) -> bool {
    let Some(url) = &config.public_url else { return config.listen.ip().is_loopback() };
    url::Url::parse(url).is_ok_and(|url| url.host_str().is_some_and(is_own_host))
}

fn site(config: &Config, address: SocketAddr) -> Site {
    Site {
        public_url: config.public_url.clone().unwrap_or_else(|| format!("http://{address}")),
        publishable_key: config.stripe.publishable_key.clone(),
        stripe_js: config.stripe.js_url.clone(),
        stripe_api: config.stripe.api_url.clone().unwrap_or_else(|| STRIPE_API.to_owned()),
        stripe_pages: config.stripe.pages.clone(),
        methods: config.stripe.methods.clone(),
        allowed_origins: config.allowed_origins.clone(),
        service_tokens: config.service_tokens.clone(),
        proxies: config.proxies.clone(),
        strangers: (!is_for_this_machine(config)).then(Arc::default),
        networks: config.networks.clone(),
        sends_mail: config.mail.is_some(),
        challenge_origins: config.challenge.as_ref().map(challenge_origins).unwrap_or_default(),
    }
}
