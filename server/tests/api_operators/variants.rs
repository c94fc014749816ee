//! `variants`.
use crate::cli::run;
use checkout_tests::{COURSE, TestApp};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn stats_show_how_far_learners_came_by_variant() {
    let app = TestApp::start().await;
    app.buy(COURSE, 4900).await;
    app.post("/v1/purchases", &json!({ "sku": COURSE, "variant": "launch" })).await.expect(201);
    let lines = run(&app, &["variants", "stats", "--json"]).json();
    let counts: Vec<_> = lines
        .as_array()
        .unwrap()
        .iter()
        .map(|line| [&line["variant"], &line["opened"], &line["paid"]])
        .collect();
    assert_eq!(counts, [[&json!("default"), &json!(1), &json!(1)], [&json!("launch"), &json!(1), &json!(0)]]);
    assert_eq!(run(&app, &["variants", "stats", "--sku=ru-live", "--json"]).json(), json!([]));
    assert!(run(&app, &["variants", "stats", "--daily"]).ok().contains("20"), "the day is told");
    assert!(run(&app, &["variants", "list"]).ok().contains("launch"));
}
