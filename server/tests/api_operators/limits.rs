//! `limits`: which client a limit has stopped.
use crate::cli::run;
use checkout_tests::{COURSE, TestApp, logged};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_found_under_the_name_that_the_log_has_and_let_do_more() {
    let mut app = TestApp::with(&["--trusted-proxies=127.0.0.1", "--limit-opens=1/1h"]).await;
    let open =
        async |app: &TestApp| app.post_as("2001:db8:7::9", "/v1/purchases", &json!({ "sku": COURSE })).await;
    open(&app).await.expect(201);
    open(&app).await.expect_problem(429, "rate_limited");
    let shown = run(&app, &["limits", "show", "2001:db8:7::9", "--json"]).json();
    let of =
        |limit: &str| shown.as_array().unwrap().iter().find(|row| row["limit"] == limit).unwrap().clone();
    let name = of("opens")["client"].as_str().unwrap().to_owned();
    assert!(logged().contains(&name), "the log tells of {name}");
    assert_eq!(
        (of("unpaid")["purchases"].as_i64(), of("opens")["network"].as_str()),
        (Some(1), Some("2001:db8:7::/64"))
    );
    app.restart_with(&["--limit-networks=2001:db8:7::/48=off".to_owned()]).await;
    open(&app).await.expect(201);
    let wrong = run(&app, &["limits", "show", "the office"]).refused();
    assert!(wrong.contains("ADDRESS"), "{wrong}");
}
