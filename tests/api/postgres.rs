//! PostgreSQL with settings that its administrators may choose. On SQLite there is nothing to test.
use checkout_tests::{COURSE, TestApp};
use serde_json::json;

/// Makes every new session begin with this setting, and ends all current sessions.
async fn set_up(app: &TestApp, parameter: &str) {
    let statement = format!(
        "SET TRANSACTION READ WRITE; \
         DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET {parameter}', current_database()); END $$; \
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
         AND pid <> pg_backend_pid()"
    );
    app.execute(&statement).await;
}

fn is_postgres() -> bool {
    std::env::var_os("TEST_POSTGRES").is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_only_reads_is_not_ready_and_loses_nothing() {
    let app = TestApp::start().await;
    if !is_postgres() {
        return;
    }
    let (id, intent) = app.open_and_press_pay(COURSE, 4900).await;
    set_up(&app, "default_transaction_read_only = on").await;
    let opened =
        app.post("/v1/purchases", &json!({ "sku": COURSE })).await.expect_problem(503, "unavailable");
    assert!(!opened.header("retry-after").is_empty());
    assert_eq!(app.until_ready(503).await.json()["waiting"], json!(["database"]));
    app.get(&format!("/v1/purchases/{id}")).await.expect(200);
    // The learner pays in the meantime.
    app.sandbox.stripe().confirm(&intent, "4242424242424242").unwrap();
    set_up(&app, "default_transaction_read_only = off").await;
    app.until_ready(200).await;
    app.reaches(&id, "granted").await;
}
