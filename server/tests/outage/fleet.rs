//! Two server processes on one database, and clients that switch to the other if one does not answer.
use checkout_tests::{TestApp, free_address};
use reqwest::Method;
use serde_json::Value;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The longest that anything may take, outages included.
const TIMEOUT: Duration = Duration::from_secs(90);

pub(crate) struct Fleet {
    /// Its own server is stopped; it has the database, the catalogue and the sandbox.
    pub(crate) app: TestApp,
    client: reqwest::Client,
    addresses: [String; 2],
    children: Mutex<[Child; 2]>,
}

impl Fleet {
    pub(crate) async fn start() -> Self {
        let mut app = TestApp::start().await;
        app.stop().await;
        let addresses = [(); 2].map(|()| free_address().to_string());
        app.sandbox.connect(&format!("http://{}", addresses[0]));
        let children = Mutex::new([spawn(&app, &addresses[0]), spawn(&app, &addresses[1])]);
        Self { app, client: reqwest::Client::new(), addresses, children }
    }

    /// Asks one, then the other, until one answers.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: &str,
    ) -> (u16, Value) {
        let until = Instant::now() + TIMEOUT;
        let mut tries = tokio::time::interval(Duration::from_millis(50));
        let mut turn = key.len();
        loop {
            assert!(Instant::now() < until, "{method} {path} is not answered");
            tries.tick().await;
            turn += 1;
            let address = format!("http://{}{path}", self.addresses[turn % 2]);
            let mut request = self.client.request(method.clone(), address).timeout(Duration::from_secs(25));
            if let Some(body) = body {
                request = request.json(body).header("idempotency-key", key);
            }
            let Ok(answer) = request.send().await else { continue };
            let status = answer.status().as_u16();
            if let Ok(text) = answer.text().await
                && status < 500
            {
                return (status, serde_json::from_str(&text).unwrap_or(Value::Null));
            }
        }
    }

    pub(crate) async fn reaches(&self, id: &str, state: &str) {
        let path = format!("/v1/purchases/{id}");
        let until = Instant::now() + TIMEOUT;
        let mut tries = tokio::time::interval(Duration::from_millis(50));
        loop {
            let (_, purchase) = self.ask(Method::GET, &path, None, id).await;
            if purchase["state"] == state {
                return;
            }
            assert!(Instant::now() < until, "not {state}: {purchase}");
            tries.tick().await;
        }
    }

    /// Kills one as `kill -9` does, and restarts it.
    pub(crate) fn kill(&self, which: usize) {
        let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        children[which].kill().expect("a kill");
        children[which].wait().expect("its end");
        children[which] = spawn(&self.app, &self.addresses[which]);
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for child in self.children.get_mut().unwrap_or_else(PoisonError::into_inner) {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn spawn(app: &TestApp, address: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redis-checkout"));
    command.arg("serve").envs(app.for_operators()).env("LISTEN", address).env("LOG", "off");
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts")
}
