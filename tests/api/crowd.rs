//! Overload: more connections, half-sent requests and streams than the server has room for.
use checkout_tests::{COURSE, TestApp};
use reqwest::Method;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// `--max-connections` of the server under test: fits within a limit of 1,024 open files.
const ROOM: usize = 64;
const TIMEOUT: Duration = Duration::from_secs(60);

async fn crowded() -> TestApp {
    TestApp::with(&[&format!("--max-connections={ROOM}")]).await
}

async fn say(app: &TestApp, text: &str) -> TcpStream {
    let mut connection = TcpStream::connect(app.base().trim_start_matches("http://")).await.unwrap();
    connection.write_all(text.as_bytes()).await.unwrap();
    connection
}

/// Reads the whole answer, or what arrived of it before the connection closed.
async fn hear(mut connection: TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(TIMEOUT, connection.read_to_end(&mut answer));
    // A connection that the server closes to make room for others may be reset.
    let _reset = read.await.expect("an end");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn half_sent_requests_keep_neither_health_nor_webhooks_nor_buyers_out() {
    let app = crowded().await;
    let halves = [
        "POST /v1/stripe/webhook HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n{",
        "POST /v1/purchases HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{",
        "GET /v1/offerings/ru-course HTTP/1.1\r\nhost:",
        "",
    ];
    let mut open = Vec::new();
    for n in 0..ROOM * 6 {
        open.push(say(&app, halves[n % halves.len()]).await);
    }
    app.get("/healthz").await.expect(200);
    app.get("/readyz").await.expect(200);
    let (id, _) = app.buy(COURSE, 4900).await;
    app.reaches(&id, "granted").await;
    let event = app.request(Method::POST, "/v1/stripe/webhook").body("{}");
    app.send(event).await.expect_problem(400, "bad_signature");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_too_slowly_is_told_so() {
    let app = TestApp::start().await;
    let head = "POST /v1/purchases HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{";
    let answer = hear(say(&app, head).await).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("request_timeout"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_never_ends_and_one_that_drips_are_cut_off() {
    let app = TestApp::start().await;
    let mut dripping = say(&app, "GET /v1/offerings/ru-course HTTP/1.1\r\nx: ").await;
    let begun = Instant::now();
    let mut drips = tokio::time::interval(Duration::from_millis(250));
    let mut answer = [0; 64];
    loop {
        drips.tick().await;
        assert!(begun.elapsed() < TIMEOUT, "still open");
        let cut = dripping.write_all(b"a").await.is_err()
            || matches!(
                tokio::time::timeout(Duration::from_millis(1), dripping.read(&mut answer)).await,
                Ok(Ok(0) | Err(_))
            );
        if cut {
            break;
        }
    }
    assert!(begun.elapsed() > Duration::from_secs(5), "a slow client has its time");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_has_a_share_of_the_streams_and_others_have_theirs() {
    let app = TestApp::with(&["--max-streams=8", "--trusted-proxies=127.0.0.1"]).await;
    let watch = async |client: &str| {
        let request =
            app.request(Method::GET, "/v1/offerings/ru-live/seats").header("x-forwarded-for", client);
        request.send().await.unwrap()
    };
    let mut streams = Vec::new();
    for _ in 0..2 {
        streams.push(watch("192.0.2.1").await);
    }
    let refused = watch("192.0.2.1").await;
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    for n in 2..5 {
        for _ in 0..2 {
            streams.push(watch(&format!("192.0.2.{n}")).await);
        }
    }
    assert!(streams.iter().all(|stream| stream.status() == 200));
    assert_eq!(watch("192.0.2.9").await.status(), 503, "all are taken");
    // A long poll for a purchase still has room beside the streams.
    let id = app.open(COURSE).await;
    app.get(&format!("/v1/purchases/{id}?wait=1&after=99")).await.expect(200);
    drop(streams);
    let until = Instant::now() + TIMEOUT;
    while watch("192.0.2.9").await.status() != 200 {
        assert!(Instant::now() < until, "what is given back is free again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_nothing_of_what_it_is_sent_is_let_go() {
    let app = TestApp::start().await;
    let many = "GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(400);
    let mut greedy = say(&app, "").await;
    // More answers than the kernel buffers for a client that doesn't read; the client's own send buffer may fill up
    // first.
    let _full = tokio::time::timeout(Duration::from_secs(5), greedy.write_all(many.as_bytes())).await;
    app.post("/v1/purchases", &json!({ "sku": COURSE })).await.expect(201);
    let until = Instant::now() + TIMEOUT;
    let mut looks = tokio::time::interval(Duration::from_millis(250));
    while greedy.write_all(b"x").await.is_ok() {
        assert!(Instant::now() < until, "still open");
        looks.tick().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_large_bodies_leave_room_for_small_ones_and_for_webhooks() {
    let app = TestApp::with(&["--max-body-bytes=1572864"]).await;
    let mut open = Vec::new();
    // Together they use exactly the budget: the first 16 KiB of each body don't count.
    for _ in 0..4 {
        let head = "POST /v1/purchases HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 409700\r\n\r\n";
        open.push(say(&app, &[head, &"x".repeat(1_572_864 / 4 + 16 * 1024)].concat()).await);
    }
    // Once another large body is refused, all of it is in memory.
    let until = Instant::now() + TIMEOUT;
    let more = || {
        app.request(Method::POST, "/v1/purchases")
            .json(&json!({ "sku": COURSE, "variant": "x".repeat(120_000) }))
    };
    let refused = loop {
        let answer = more().send().await.unwrap();
        if answer.status() == 503 {
            break answer;
        }
        assert!(Instant::now() < until, "there is room without an end");
    };
    // Its body was not read, so the client must not use the connection again.
    assert_eq!(refused.headers()["connection"], "close");
    app.open(COURSE).await;
    let event = app.request(Method::POST, "/v1/stripe/webhook").body("x".repeat(500_000));
    app.send(event).await.expect_problem(400, "bad_signature");
    drop(open);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_a_request_that_was_not_read_closes_its_connection() {
    let app = TestApp::start().await;
    let unread = app.request(Method::POST, "/nowhere").body("x".repeat(100_000)).send().await.unwrap();
    assert_eq!((unread.status().as_u16(), &unread.headers()["connection"]), (404, &"close".parse().unwrap()));
    let read = app.request(Method::POST, "/v1/purchases").json(&json!({})).send().await.unwrap();
    assert_eq!((read.status().as_u16(), read.headers().get("connection")), (422, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_requests_leaves_turns_for_pay_and_webhooks() {
    let app = TestApp::with(&["--max-requests=1", "--sweep-seconds=600"]).await;
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    // This request occupies the only slot for ordinary requests for as long as the database is locked.
    let lock = app.lock_database().await;
    let waiting = app.request(Method::POST, "/v1/purchases").json(&json!({ "sku": COURSE }));
    let waiting = tokio::spawn(waiting.send());
    app.get("/healthz").await.expect(200);
    // Answered long before that slot is free again.
    let event = app.request(Method::POST, "/v1/stripe/webhook").body("{}").timeout(Duration::from_secs(5));
    app.send(event).await.expect_problem(400, "bad_signature");
    // This request can be answered without the database.
    let pay = app.request(Method::POST, &format!("/v1/purchases/{id}/pay")).timeout(Duration::from_secs(5));
    let pay = pay.header("content-type", "application/json").body("{");
    app.send(pay).await.expect_problem(400, "malformed_json");
    lock.release().await;
    waiting.await.unwrap().unwrap();
    app.sandbox.stripe().confirm(&intent, "4242424242424242").unwrap();
    app.reaches(&id, "granted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_the_head_of_a_stream_has_none() {
    let app = crowded().await;
    let mut open = Vec::new();
    for _ in 0..ROOM * 2 {
        let mut connection = say(&app, "HEAD /v1/offerings/ru-live/seats HTTP/1.1\r\nhost: x\r\n\r\n").await;
        // The request is answered, and the connection is kept open.
        let mut answer = [0; 12];
        connection.read_exact(&mut answer).await.unwrap();
        open.push(connection);
    }
    app.get("/healthz").await.expect(200);
}
