//! Two processes on one database: the previous release, and this one.
use checkout_tests::{Setup, TestApp, free_address, intent_of};
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The longest that anything may take.
const TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Old,
    New,
}

pub(crate) struct Pair {
    /// No server of its own runs; it has the database, the catalogue and the sandbox.
    pub(crate) app: TestApp,
    client: reqwest::Client,
    old: Option<Server>,
    new: Option<Server>,
}

struct Server {
    address: String,
    child: Child,
}

impl Pair {
    /// Starts the previous release on an empty database.
    pub(crate) async fn start_old() -> Self {
        let program = std::env::var("PREVIOUS_RELEASE").expect("PREVIOUS_RELEASE names the program");
        let app = TestApp::set_up(Setup { is_idle: true, ..Setup::default() }).await;
        let old = Server::start(&app, &program);
        let pair = Self { app, client: reqwest::Client::new(), old: Some(old), new: None };
        pair.is_ready(Which::Old).await;
        pair.hears_of_stripe(Which::Old);
        pair
    }

    /// Migrates the database, and starts this release beside the previous one.
    pub(crate) async fn start_new(&mut self) {
        self.operate(&["migrate"]);
        self.new = Some(Server::start(&self.app, env!("CARGO_BIN_EXE_redis-checkout")));
        self.is_ready(Which::New).await;
    }

    /// Stops the previous release as its supervisor would.
    pub(crate) fn stop_old(&mut self) {
        let mut old = self.old.take().expect("a server");
        let process = Pid::from_child(&old.child);
        kill_process(process, Signal::TERM).expect("a signal");
        tokio::task::block_in_place(|| old.child.wait()).expect("its end");
    }

    /// Sends Stripe's webhooks to `which` from now on.
    pub(crate) fn hears_of_stripe(&self, which: Which) {
        self.app.sandbox.connect(&format!("http://{}", self.server(which).address));
    }

    pub(crate) async fn ask(
        &self,
        which: Which,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let address = format!("http://{}{path}", self.server(which).address);
        let mut request = self.client.request(method, address).timeout(TIMEOUT);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub(crate) async fn open(&self, which: Which, sku: &str) -> String {
        let (status, opened) =
            self.ask(which, Method::POST, "/v1/purchases", Some(&json!({ "sku": sku }))).await;
        assert_eq!(status, 201, "{which:?}: {opened}");
        opened["id"].as_str().expect("an id").to_owned()
    }

    /// Presses Pay, and returns the payment intent.
    pub(crate) async fn press_pay(&self, which: Which, id: &str, email: &str) -> String {
        let body = json!({ "email": email, "expected_total": 4900 });
        let (status, answer) =
            self.ask(which, Method::POST, &format!("/v1/purchases/{id}/pay"), Some(&body)).await;
        assert_eq!(status, 200, "{which:?}: {answer}");
        intent_of(answer["client_secret"].as_str().expect("a secret"))
    }

    pub(crate) fn pay(&self, intent: &str) {
        self.app.sandbox.stripe().confirm(intent, super::GOOD).expect("a payment");
    }

    pub(crate) async fn reaches(&self, which: Which, id: &str, state: &str) {
        let until = Instant::now() + TIMEOUT;
        let mut tries = tokio::time::interval(Duration::from_millis(50));
        loop {
            let (_, purchase) = self.ask(which, Method::GET, &format!("/v1/purchases/{id}"), None).await;
            if purchase["state"] == state {
                return;
            }
            assert!(Instant::now() < until, "{which:?} does not say {state}: {purchase}");
            tries.tick().await;
        }
    }

    /// The output of a subcommand of this release.
    pub(crate) fn operate(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redis-checkout"));
        let output =
            command.args(arguments).envs(self.app.for_operators()).output().expect("the binary runs");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {complaint}");
        String::from_utf8(output.stdout).expect("text")
    }

    async fn is_ready(&self, which: Which) {
        let address = format!("http://{}/readyz", self.server(which).address);
        let until = Instant::now() + TIMEOUT;
        let mut tries = tokio::time::interval(Duration::from_millis(50));
        loop {
            let answer = self.client.get(&address).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            assert!(Instant::now() < until, "{which:?} is not ready");
            tries.tick().await;
        }
    }

    fn server(&self, which: Which) -> &Server {
        let server = match which {
            Which::Old => &self.old,
            Which::New => &self.new,
        };
        server.as_ref().expect("a server")
    }
}

impl Server {
    fn start(app: &TestApp, program: &str) -> Self {
        let address = free_address().to_string();
        let mut command = Command::new(program);
        command.arg("serve").envs(app.for_operators()).env("LISTEN", &address).env("LOG", "warn");
        let child = command.stdout(Stdio::null()).spawn().expect("the program starts");
        Self { address, child }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
