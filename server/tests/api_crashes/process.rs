//! The real binary as a process that is killed, and restarted as an operator's supervisor would.
use checkout_tests::{TestApp, free_address};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The longest that anything may take: after a crash, a lease has to expire first.
const TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) struct Process {
    /// Its own server is stopped; it has the database, the catalogue and the sandbox.
    pub(crate) app: TestApp,
    client: reqwest::Client,
    /// Follows no redirects.
    plain: reqwest::Client,
    address: String,
    child: Child,
    /// How often it was killed.
    pub(crate) deaths: u32,
}

impl Process {
    /// Starts the binary, to be killed when it reaches `step`.
    pub(crate) async fn start(step: &str) -> Self {
        let mut app = TestApp::start().await;
        app.stop().await;
        let address = free_address().to_string();
        app.sandbox.connect(&format!("http://{address}"));
        let child = spawn(&app, &address, Some(step));
        let plain = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let plain = plain.build().expect("a client");
        Self { app, client: reqwest::Client::new(), plain, address, child, deaths: 0 }
    }

    /// Asks until there is an answer, restarting the process if it has died.
    pub(crate) async fn ask(&mut self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let request = |process: &Self| -> RequestBuilder {
            let address = format!("http://{}{path}", process.address);
            // The same key for every retry, as a browser would send.
            let key = format!("{method} {path} {}", body.map(Value::to_string).unwrap_or_default());
            let request = process.client.request(method.clone(), address).header("idempotency-key", key);
            match body {
                Some(body) => request.json(body),
                None => request,
            }
        };
        let until = Instant::now() + TIMEOUT;
        let mut tries = tokio::time::interval(Duration::from_millis(20));
        loop {
            assert!(Instant::now() < until, "{method} {path} is not answered");
            tries.tick().await;
            self.revive();
            if let Ok(answer) = request(self).timeout(Duration::from_secs(20)).send().await {
                let status = answer.status().as_u16();
                if let Ok(text) = answer.text().await
                    && status < 500
                {
                    return (status, serde_json::from_str(&text).unwrap_or(Value::Null));
                }
            }
        }
    }

    /// Submits a form until it redirects, and returns where to.
    pub(crate) async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> String {
        let until = Instant::now() + TIMEOUT;
        let mut tries = tokio::time::interval(Duration::from_millis(20));
        loop {
            assert!(Instant::now() < until, "{path} is not answered");
            tries.tick().await;
            self.revive();
            let request = self.plain.post(format!("http://{}{path}", self.address)).form(fields);
            if let Ok(answer) = request.timeout(Duration::from_secs(20)).send().await
                && answer.status() == 303
            {
                return answer.headers()["location"].to_str().expect("an address").to_owned();
            }
        }
    }

    /// Asks until the purchase is in `state`.
    pub(crate) async fn reaches(&mut self, id: &str, state: &str) {
        let path = format!("/v1/purchases/{id}");
        let until = Instant::now() + TIMEOUT;
        let mut tries = tokio::time::interval(Duration::from_millis(20));
        loop {
            let (_, purchase) = self.ask(Method::GET, &path, None).await;
            if purchase["state"] == state {
                return;
            }
            assert!(Instant::now() < until, "not {state}: {purchase}");
            tries.tick().await;
        }
    }

    /// Waits for `condition`, restarting the process if it has died.
    pub(crate) async fn until(&mut self, what: &str, condition: impl Fn(&TestApp) -> bool) {
        let until = Instant::now() + TIMEOUT;
        let mut tries = tokio::time::interval(Duration::from_millis(20));
        while !condition(&self.app) {
            assert!(Instant::now() < until, "{what} has not happened");
            tries.tick().await;
            self.revive();
        }
    }

    fn revive(&mut self) {
        if let Some(status) = self.child.try_wait().expect("a child") {
            assert_eq!(status.signal(), Some(9), "it ended by itself: {status}");
            self.deaths += 1;
            self.child = spawn(&self.app, &self.address, None);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(app: &TestApp, address: &str, step: Option<&str>) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redis-checkout"));
    command.arg("serve").envs(app.for_operators()).env("LISTEN", address).env("LOG", "error");
    if let Some(step) = step {
        command.env("CRASH_AT", step);
    }
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts")
}
