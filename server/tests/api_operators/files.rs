//! A system with a low limit on open files, and one whose disk is full.
use checkout_tests::{COURSE, TestApp, free_address};
use reqwest::Method;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// The limit set by `ulimit -n`.
const FILES: usize = 1024;
const TIMEOUT: Duration = Duration::from_secs(60);

struct Server {
    child: Child,
    /// Its log.
    log: Arc<Mutex<String>>,
}

impl Server {
    fn logged(&self) -> String {
        self.log.lock().expect("a log").clone()
    }

    /// Simulates a disk that is full from now on, or has room again.
    fn let_files_grow_to(&self, bytes: Option<u64>) {
        let process = Pid::from_child(&self.child);
        let limit = Rlimit { current: bytes, maximum: None };
        prlimit(Some(process), Resource::Fsize, limit).expect("a limit");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the binary in place of the server of `app`, after the shell command `first`, and returns its address.
async fn start(app: &mut TestApp, first: &str) -> (Server, String) {
    app.stop().await;
    let address = free_address().to_string();
    let base = format!("http://{address}");
    app.sandbox.connect(&base);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{first} && exec \"$0\" serve"), env!("CARGO_BIN_EXE_redis-checkout")]);
    command.envs(app.for_operators()).env("LISTEN", &address).env("LOG", "info");
    // No network is exempt from the limits.
    command.env("LIMIT_NETWORKS", "").stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    let log = Arc::new(Mutex::new(String::new()));
    let (lines, kept) = (BufReader::new(child.stderr.take().expect("a log")).lines(), log.clone());
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let mut kept = kept.lock().expect("a log");
            kept.push_str(&line);
            kept.push('\n');
        }
    });
    let server = Server { child, log };
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    let until = tokio::time::Instant::now() + TIMEOUT;
    while reqwest::get(format!("{base}/readyz")).await.is_err() {
        assert!(tokio::time::Instant::now() < until, "it does not start: {}", server.logged());
        looks.tick().await;
    }
    (server, base)
}

#[tokio::test(flavor = "multi_thread")]
async fn more_half_sent_webhooks_than_there_may_be_files_keep_nobody_out() {
    let mut app = TestApp::start().await;
    let (_server, base) = start(&mut app, &format!("ulimit -n {FILES}")).await;
    let half = "POST /v1/stripe/webhook HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n{\"id\":";
    let mut open = Vec::new();
    // Our ends count, too: raise this process's own limit.
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    let limit = rustix::process::Rlimit { current: most, maximum: most };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    for _ in 0..FILES + 76 {
        let mut connection = TcpStream::connect(base.trim_start_matches("http://")).await.unwrap();
        // Writing fails if the connection was closed to make room for another.
        let _closed = connection.write_all(half.as_bytes()).await;
        open.push(connection);
    }
    let client = reqwest::Client::new();
    let ask = async |method: Method, path: &str, body: &str| {
        let request = client.request(method, format!("{base}{path}")).timeout(TIMEOUT);
        let request = request.header("content-type", "application/json").body(body.to_owned());
        request.send().await.unwrap()
    };
    assert_eq!(ask(Method::GET, "/healthz", "").await.status(), 200);
    assert_eq!(ask(Method::POST, "/v1/stripe/webhook", "{}").await.status(), 400, "it is read");
    let opened = ask(Method::POST, "/v1/purchases", &json!({ "sku": COURSE }).to_string()).await;
    assert_eq!(opened.status(), 201);
    let id = opened.json::<serde_json::Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    let pay = json!({ "email": "ada@example.com", "expected_total": 4900 }).to_string();
    let paying = ask(Method::POST, &format!("/v1/purchases/{id}/pay"), &pay).await;
    assert_eq!(paying.status(), 200);
    let secret =
        paying.json::<serde_json::Value>().await.unwrap()["client_secret"].as_str().unwrap().to_owned();
    let intent = checkout_tests::intent_of(&secret);
    app.sandbox.stripe().confirm(&intent, "4242424242424242").unwrap();
    let until = tokio::time::Instant::now() + TIMEOUT;
    loop {
        let shown = ask(Method::GET, &format!("/v1/purchases/{id}?wait=5"), "").await;
        if shown.text().await.unwrap().contains("\"granted\"") {
            break;
        }
        assert!(tokio::time::Instant::now() < until, "no access");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_once_and_loses_nothing() {
    let mut app = TestApp::start().await;
    if !app.is_on_sqlite() {
        // PostgreSQL's disk is not ours to fill.
        return;
    }
    let (bought, intent) = app.open_and_press_pay(COURSE, 4900).await;
    // Ignore SIGXFSZ, so that a failed write returns an error and does not end the process.
    let (server, base) = start(&mut app, "trap '' XFSZ").await;
    server.let_files_grow_to(Some(1));
    app.sandbox.stripe().confirm(&intent, "4242424242424242").unwrap();
    let status = async || reqwest::get(format!("{base}/readyz")).await.unwrap();
    let until = tokio::time::Instant::now() + TIMEOUT;
    let mut looks = tokio::time::interval(Duration::from_millis(100));
    loop {
        let answer = status().await;
        if answer.status() == 503 {
            assert!(answer.text().await.unwrap().contains("\"waiting\":[\"database\"]"));
            break;
        }
        assert!(tokio::time::Instant::now() < until, "still ready");
        looks.tick().await;
    }
    let before = server.logged().lines().count();
    let begun = tokio::time::Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        let opening =
            reqwest::Client::new().post(format!("{base}/v1/purchases")).json(&json!({ "sku": COURSE }));
        assert_eq!(opening.send().await.unwrap().status(), 503);
        looks.tick().await;
    }
    let log = server.logged();
    let errors =
        log.lines().skip(before).filter(|line| line.contains("\"ERROR\"") || line.contains("\"WARN\""));
    assert!(
        errors.clone().count() <= 20,
        "{} lines: {}",
        errors.clone().count(),
        errors.collect::<Vec<_>>().join("\n")
    );
    assert_eq!(log.matches("database writes are failing").count(), 1, "{log}");
    server.let_files_grow_to(None);
    let until = tokio::time::Instant::now() + TIMEOUT;
    while !reqwest::get(format!("{base}/v1/purchases/{bought}"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap()
        .contains("\"granted\"")
    {
        assert!(tokio::time::Instant::now() < until, "no access: {}", server.logged());
        looks.tick().await;
    }
    assert_eq!(status().await.status(), 200);
    // The log arrives by a pipe.
    while !server.logged().contains("database writes have recovered") {
        assert!(tokio::time::Instant::now() < until, "not told: {}", server.logged());
        looks.tick().await;
    }
}
