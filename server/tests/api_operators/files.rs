//! A system that lets the server have few files open.
use checkout_tests::{COURSE, TestApp};
use reqwest::Method;
use serde_json::json;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// What `ulimit -n` says.
const FILES: usize = 1024;
const PATIENCE: Duration = Duration::from_secs(60);

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The binary in place of the server of `app`, and where it is.
async fn with_few_files(app: &mut TestApp) -> (Server, String) {
    app.stop().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("an address").to_string();
    drop(free);
    let base = format!("http://{address}");
    app.sandbox.connect(&base);
    let mut command = Command::new("sh");
    command.args([
        "-c",
        &format!("ulimit -n {FILES} && exec \"$0\" serve"),
        env!("CARGO_BIN_EXE_redis-checkout"),
    ]);
    command.envs(app.for_operators()).env("LISTEN", &address).env("LOG", "off");
    // Nobody is an exception.
    command.env("LIMIT_NETWORKS", "").stdout(Stdio::null()).stderr(Stdio::null());
    let server = Server(command.spawn().expect("the binary starts"));
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    let until = tokio::time::Instant::now() + PATIENCE;
    while reqwest::get(format!("{base}/readyz")).await.is_err() {
        assert!(tokio::time::Instant::now() < until, "it does not start");
        looks.tick().await;
    }
    (server, base)
}

#[tokio::test(flavor = "multi_thread")]
async fn more_half_sent_webhooks_than_there_may_be_files_keep_nobody_out() {
    let mut app = TestApp::start().await;
    let (_server, base) = with_few_files(&mut app).await;
    let half = "POST /v1/stripe/webhook HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n{\"id\":";
    let mut open = Vec::new();
    // Ours count, too: this process may have more files open.
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    let limit = rustix::process::Rlimit { current: most, maximum: most };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    for _ in 0..FILES + 76 {
        let mut connection = TcpStream::connect(base.trim_start_matches("http://")).await.unwrap();
        // One that was closed for another's sake says so here.
        let _closed = connection.write_all(half.as_bytes()).await;
        open.push(connection);
    }
    let client = reqwest::Client::new();
    let ask = async |method: Method, path: &str, body: &str| {
        let request = client.request(method, format!("{base}{path}")).timeout(PATIENCE);
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
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let shown = ask(Method::GET, &format!("/v1/purchases/{id}?wait=5"), "").await;
        if shown.text().await.unwrap().contains("\"granted\"") {
            break;
        }
        assert!(tokio::time::Instant::now() < until, "no access");
    }
}
