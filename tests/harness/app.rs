//! `TestApp`: the real server in this process, on port 0.
use crate::{Answer, description, logs};
use clap::Parser;
use redis_checkout::App;
use redis_checkout::clock::Clock;
use redis_checkout::config::RawConfig;
use reqwest::Method;
use sandbox::{
    CHALLENGE_SECRET, FlockJayOperation, ORB_API_KEY, ORB_ITEM, Options, SALESFORCE_CLIENT_ID,
    SALESFORCE_USER, SIGN_IN_AUDIENCE, Sandbox, salesforce_key,
};
use serde_json::{Value, json};
use std::time::Duration;
use tempfile::TempDir;
use test_database::TestDatabase;
use tokio::runtime::Handle;

/// The secret that launch links are signed with.
pub const LAUNCH_SECRET: &str = "what-flockjay-signs-its-launch-links-with";

/// An on-demand course, `$49.00`.
pub const COURSE: &str = "ru-course";

const CATALOG: &str = r#"
[[offering]]
sku = "ru-course"
kind = "course"
title = "Redis <fundamentals>"
summary = "Data structures & caching."
price = { amount = 4900, currency = "usd" }
flockjay = { kind = "course", id = "101" }

[[offering]]
sku = "ru-live"
kind = "live"
title = "Vector search with Redis, live"
summary = "Two days with an instructor."
price = { amount = 49000, currency = "usd" }
flockjay = { kind = "live_session", id = "8812" }
seats = 1

[[offering]]
sku = "ru-free"
kind = "lab"
title = "A free lab"
summary = "Nothing to pay."
price = { amount = 0, currency = "usd" }
flockjay = { kind = "lab", id = "7" }

[[offering]]
sku = "ru-jp"
kind = "course"
title = "Redis の基礎"
summary = "Zero decimals."
price = { amount = 4900, currency = "jpy" }
flockjay = { kind = "course", id = "102" }

[[offering]]
sku = "ru-closed"
kind = "course"
title = "Over"
summary = "Its sale has closed."
price = { amount = 4900, currency = "usd" }
flockjay = { kind = "course", id = "103" }
sale_closes_at = 2020-01-01T00:00:00Z

[[offering]]
sku = "ru-early"
kind = "course"
title = "Soon"
summary = "Its sale has not opened."
price = { amount = 4900, currency = "usd" }
flockjay = { kind = "course", id = "104" }
sale_opens_at = 2999-01-01T00:00:00Z
"#;

/// Timeout for anything under test.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How a [`TestApp`] differs from the default.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Flags of `redis-checkout serve`, such as `--hold-seconds=1`; a later one wins.
    pub flags: Vec<String>,
    /// Whether the test leaves commands behind on purpose.
    pub leaves_work: bool,
    /// Whether the sandbox's account receiver is notified of purchases.
    pub tells_accounts: bool,
    /// Whether its Salesforce is notified.
    pub tells_salesforce: bool,
    /// Whether its Orb is notified.
    pub tells_orb: bool,
    /// Whether to start no server: the test runs its own.
    pub is_idle: bool,
    /// Whether learners sign in at the organisation's own server.
    pub signs_in_at_organisation: bool,
}

/// A server, its sandbox and a client. Dropping it fails the test if work is left over.
pub struct TestApp {
    pub sandbox: Sandbox,
    app: Option<App>,
    others: Vec<App>,
    client: reqwest::Client,
    folder: TempDir,
    database: TestDatabase,
    base: String,
    setup: Setup,
}

#[derive(Parser)]
#[command(args_override_self = true)]
struct Cli {
    #[command(flatten)]
    config: RawConfig,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts with more flags of `redis-checkout serve`.
    pub async fn with(flags: &[&str]) -> Self {
        let flags = flags.iter().map(|&flag| flag.to_owned()).collect();
        Self::set_up(Setup { flags, ..Setup::default() }).await
    }

    pub async fn set_up(setup: Setup) -> Self {
        logs::collect();
        let sandbox = Sandbox::start(Options::default()).await.expect("the sandbox starts");
        let folder = TempDir::new().expect("a folder");
        std::fs::write(folder.path().join("catalog.toml"), CATALOG).expect("a catalogue");
        if setup.tells_salesforce {
            std::fs::write(folder.path().join("salesforce.pem"), salesforce_key()).expect("a key");
        }
        let client = reqwest::Client::new();
        let database = TestDatabase::new().await;
        let mut test = Self {
            sandbox,
            app: None,
            others: Vec::new(),
            client,
            folder,
            database,
            base: String::new(),
            setup,
        };
        if !test.setup.is_idle {
            test.start_app().await;
        }
        test
    }

    /// Stops the server as SIGTERM would, and starts it again on the same database.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start_app().await;
    }

    /// Flags that make the sandbox's challenge check for humans.
    pub fn challenge_flags(&self) -> [String; 5] {
        let (script, verify) = self.sandbox.challenge_urls();
        [
            "--challenge-provider=turnstile".to_owned(),
            "--challenge-site-key=site".to_owned(),
            format!("--challenge-secret={CHALLENGE_SECRET}"),
            format!("--challenge-url={verify}"),
            format!("--challenge-js-url={script}"),
        ]
    }

    /// Restarts with more flags.
    pub async fn restart_with(&mut self, flags: &[String]) {
        self.stop().await;
        self.setup.flags.extend_from_slice(flags);
        self.start_app().await;
    }

    /// Stops the server as SIGTERM would.
    pub async fn stop(&mut self) {
        for app in self.others.drain(..).chain(self.app.take()) {
            app.stop().await;
        }
    }

    /// Starts another instance on the same database, and returns its address.
    pub async fn start_another(&mut self) -> String {
        self.start_another_by(Clock::default()).await
    }

    /// The same with another clock on its machine.
    pub async fn start_another_by(&mut self, clock: Clock) -> String {
        let app = App::start_by(self.config(), clock).await.expect("another instance starts");
        let base = format!("http://{}", app.address());
        self.others.push(app);
        base
    }

    /// Starts the server, perhaps on another port than before.
    pub async fn start_app(&mut self) {
        let app = App::start(self.config()).await.expect("the server starts");
        self.base = format!("http://{}", app.address());
        self.sandbox.connect(&self.base);
        self.app = Some(app);
    }

    /// Starts the server again on the same port, for pages that know its address.
    pub async fn start_app_again(&mut self) {
        let address = self.base.trim_start_matches("http://").to_owned();
        self.setup.flags.push(format!("--listen={address}"));
        self.start_app().await;
    }

    /// Changes the catalogue file and reloads it.
    pub async fn change_catalog(&self, change: impl Fn(&str) -> String) {
        self.change_catalog_file(change);
        self.app.as_ref().expect("a server").reload_catalog().await;
    }

    /// Changes the catalogue file without reloading it.
    pub fn change_catalog_file(&self, change: impl Fn(&str) -> String) {
        let path = self.folder.path().join("catalog.toml");
        let text = std::fs::read_to_string(&path).expect("the catalogue");
        std::fs::write(&path, change(&text)).expect("the catalogue");
    }

    /// The server's base URL.
    pub fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn database_url(&self) -> &str {
        self.database.url()
    }

    /// Restarts the server with a wire to its database that can be cut. Does nothing on SQLite, which has no network
    /// connection.
    pub async fn wire_database(&mut self) -> Option<test_database::Wire> {
        let (wire, url) = self.database.wired().await?;
        self.restart_with(&[format!("--database-url={url}")]).await;
        Some(wire)
    }

    /// Blocks the server from storing a purchase until the lock is released.
    pub async fn lock_database(&self) -> test_database::Lock {
        self.database.lock().await
    }

    /// Replaces a purchase's stored text, as no server would.
    pub async fn rewrite_purchase(&self, id: &str, change: impl Fn(&str) -> String) {
        self.database.rewrite_purchase(id, change).await;
    }

    /// Whether the server runs on SQLite.
    pub fn is_on_sqlite(&self) -> bool {
        self.database.url().starts_with("sqlite:")
    }

    /// Whether `text` is anywhere in the database's files.
    pub fn bytes_with(&self, text: &str) -> bool {
        self.database.bytes_with(text)
    }

    /// Runs a test's statement, as no server would.
    pub async fn execute(&self, statement: &str) {
        self.database.execute(statement).await;
    }

    /// Every column of the database that contains `text`.
    pub async fn columns_with(&self, text: &str) -> Vec<String> {
        self.database.columns_with(text).await
    }

    /// The environment that gives operators' subcommands this server's settings.
    pub fn for_operators(&self) -> Vec<(String, String)> {
        let flags = self.flags().into_iter();
        let setting = |flag: String| {
            let (name, value) = flag.trim_start_matches("--").split_once('=')?;
            Some((name.replace('-', "_").to_uppercase(), value.to_owned()))
        };
        flags.filter_map(setting).collect()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// The same from a client at another address, behind a proxy.
    pub async fn post_as(&self, client: &str, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).header("x-forwarded-for", client).json(body)).await
    }

    /// Has a card of such a client declined, and lets the server see it.
    pub async fn declined_as(&self, client: &str, email: &str) {
        let opened = self.post_as(client, "/v1/purchases", &json!({ "sku": COURSE })).await.expect(201);
        let id = opened.text_at("id");
        let pay = json!({ "email": email, "expected_total": 4900 });
        let paying = self.post_as(client, &format!("/v1/purchases/{id}/pay"), &pay).await.expect(200);
        let intent = intent_of(&paying.text_at("client_secret"));
        self.sandbox.stripe().confirm(&intent, "4000000000000002").expect_err("a decline");
        self.refresh(&id).await.expect(200);
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// A request to this server, to be completed and passed to [`TestApp::send`].
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).timeout(TIMEOUT * 2)
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        Answer::read(request.send().await.expect("an answer")).await
    }

    /// Opens a purchase and returns its id.
    pub async fn open(&self, sku: &str) -> String {
        self.post("/v1/purchases", &json!({ "sku": sku })).await.expect(201).text_at("id")
    }

    /// Presses Pay on a purchase that costs `total`.
    pub async fn press_pay(&self, id: &str, total: i64) -> Answer {
        let body = json!({ "email": "ada@example.com", "name": "Ada", "expected_total": total });
        self.post(&format!("/v1/purchases/{id}/pay"), &body).await
    }

    /// Opens a purchase, presses Pay and returns its id and its payment intent.
    pub async fn open_and_press_pay(&self, sku: &str, total: i64) -> (String, String) {
        let id = self.open(sku).await;
        let secret = self.press_pay(&id, total).await.expect(200).text_at("client_secret");
        (id, intent_of(&secret))
    }

    /// Buys for `total` with a good card. Returns the purchase's id and its payment intent.
    pub async fn buy(&self, sku: &str, total: i64) -> (String, String) {
        let (id, intent) = self.open_and_press_pay(sku, total).await;
        self.sandbox.stripe().confirm(&intent, "4242424242424242").expect("a payment");
        self.reaches(&id, "granted").await;
        (id, intent)
    }

    pub async fn refresh(&self, id: &str) -> Answer {
        self.send(self.request(Method::POST, &format!("/v1/purchases/{id}/refresh"))).await
    }

    pub(crate) async fn outbox_depth(&self) -> (i64, i64) {
        self.app.as_ref().expect("a server").outbox_depth().await.expect("the outbox")
    }

    /// The bodies of the grant requests that FlockJay has received, one per attempt.
    pub fn grant_calls(&self) -> Vec<String> {
        let calls = self.sandbox.flockjay().calls().into_iter();
        calls.filter(|call| call.operation == FlockJayOperation::Grant).map(|call| call.body).collect()
    }

    fn config(&self) -> redis_checkout::config::Config {
        let flags = std::iter::once("serve".to_owned()).chain(self.flags());
        Cli::parse_from(flags).config.check().expect("good settings")
    }

    fn flags(&self) -> Vec<String> {
        let folder = self.folder.path().display();
        let course_page = self.sandbox.course_url();
        let issuer = match self.setup.signs_in_at_organisation {
            true => self.sandbox.sign_in().organisations_issuer(),
            false => self.sandbox.sign_in().issuer(),
        };
        let usual = [
            "--listen=127.0.0.1:0".to_owned(),
            format!("--database-url={}", self.database.url()),
            format!("--catalog={folder}/catalog.toml"),
            format!("--allowed-origins={course_page}"),
            "--stripe-secret-key=sk_test_sandbox".to_owned(),
            "--stripe-publishable-key=pk_test_sandbox".to_owned(),
            "--stripe-webhook-secrets=whsec_next,whsec_sandbox".to_owned(),
            format!("--stripe-api-url={}", self.sandbox.stripe_url()),
            format!("--stripe-js-url={}", self.sandbox.stripe_js_url()),
            "--stripe-timeout-ms=1000".to_owned(),
            format!("--flockjay-url={}", self.sandbox.flockjay_url()),
            "--flockjay-token=sandbox-token".to_owned(),
            "--flockjay-timeout-ms=1000".to_owned(),
            format!("--learner-issuer={issuer}"),
            format!("--learner-audience={SIGN_IN_AUDIENCE}"),
            format!("--learner-secrets=another-secret-that-will-be-used-soon,{LAUNCH_SECRET}"),
            format!("--smtp-url={}", self.sandbox.mail_url()),
            // All of a test's requests come from this machine.
            "--limit-networks=127.0.0.0/8=off".to_owned(),
            "--smtp-from=Redis University <university@redis.example>".to_owned(),
            "--sweep-seconds=1".to_owned(),
            "--retry-base-ms=20".to_owned(),
            "--retry-cap-seconds=1".to_owned(),
        ];
        let accounts = format!("--account-webhooks={}", self.sandbox.account_webhook());
        let accounts = self.setup.tells_accounts.then_some(accounts);
        let salesforce = [
            format!("--salesforce-url={}", self.sandbox.salesforce().url()),
            format!("--salesforce-client-id={SALESFORCE_CLIENT_ID}"),
            format!("--salesforce-user={SALESFORCE_USER}"),
            format!("--salesforce-key-file={folder}/salesforce.pem"),
        ];
        let salesforce = salesforce.into_iter().filter(|_| self.setup.tells_salesforce);
        let orb = [
            format!("--orb-url={}", self.sandbox.orb().url()),
            format!("--orb-api-key={ORB_API_KEY}"),
            format!("--orb-item-id={ORB_ITEM}"),
        ];
        let orb = orb.into_iter().filter(|_| self.setup.tells_orb);
        let usual = usual.into_iter().chain(accounts).chain(salesforce).chain(orb);
        let name = |flag: &String| flag.split('=').next().map(str::to_owned);
        let changed: Vec<_> = self.setup.flags.iter().map(name).collect();
        let usual = usual.filter(|flag| !changed.contains(&name(flag)));
        usual.chain(self.setup.flags.clone()).collect()
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if std::thread::panicking() || self.setup.leaves_work {
            return;
        }
        tokio::task::block_in_place(|| {
            Handle::current().block_on(async {
                if self.app.is_some() {
                    self.outbox_is(0, 0).await;
                }
                self.stop().await;
            });
        });
        description::hold(&self.sandbox.stripe().requests(), &self.sandbox.stripe().events());
    }
}

/// The intent that a client secret belongs to.
pub fn intent_of(client_secret: &str) -> String {
    client_secret.split("_secret_").next().unwrap_or_default().to_owned()
}
