//! Questions of our other systems: the feed of changes, and what a learner has bought.
use checkout_tests::{Answer, COURSE, TestApp};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashMap;

const TOKEN: &str = "another-system-of-ours-0123456789";

async fn app() -> TestApp {
    TestApp::with(&["--service-tokens=another-system-of-ours-0123456789"]).await
}

async fn ask(app: &TestApp, path: &str) -> Answer {
    app.send(app.request(Method::GET, path).bearer_auth(TOKEN)).await
}

/// Reads the feed from `cursor` to its end. Returns the entries in order, and the last cursor.
async fn read(app: &TestApp, cursor: &str, limit: usize) -> (Vec<Value>, String) {
    let (mut all, mut cursor) = (Vec::new(), cursor.to_owned());
    loop {
        let page = ask(app, &format!("/v1/purchases?limit={limit}&cursor={cursor}")).await.expect(200).json();
        let purchases = page["purchases"].as_array().unwrap();
        assert!(purchases.len() <= limit);
        all.extend(purchases.iter().cloned());
        page["cursor"].as_str().unwrap().clone_into(&mut cursor);
        if page["more"] == false {
            return (all, cursor);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_stands_in_the_feed_at_its_last_change_with_all_that_is_known() {
    let app = app().await;
    let first = app.open(COURSE).await;
    let (bought, _) = app.buy(COURSE, 4900).await;
    let (entries, cursor) = read(&app, "", 1).await;
    assert_eq!(entries.len(), 2);
    let states: Vec<_> = entries.iter().map(|entry| entry["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["held", "granted"]);
    let granted = &entries[1];
    assert_eq!(granted["learner"], json!({ "email": "ada@example.com", "name": "Ada" }));
    assert_eq!((&granted["kind"], &granted["title"]), (&json!("course"), &json!("Redis <fundamentals>")));
    assert_eq!((&granted["entitled"], &granted["charged"]), (&json!(true), &json!(4900)));
    assert!(granted["access_url"].as_str().unwrap().contains("/learn/"), "{granted}");
    // A purchase's id opens it, so the feed omits the id. (FlockJay's stand-in has it in its own address.)
    for mut entry in entries {
        entry.as_object_mut().unwrap().remove("access_url");
        let entry = entry.to_string();
        assert!(!entry.contains(&bought) && !entry.contains("pu_"), "{entry}");
    }

    assert_eq!(read(&app, &cursor, 10).await.0, Vec::<Value>::new());
    app.delete(&format!("/v1/purchases/{first}")).await.expect(200);
    let (entries, _) = read(&app, &cursor, 10).await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["state"], "canceled");
    assert!(entries[0]["version"].as_i64() > Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_begins_where_it_is_asked_to() {
    let app = app().await;
    app.open(COURSE).await;
    let entries = read(&app, "", 10).await.0;
    let at = entries[0]["updated_at"].as_str().unwrap();
    let since = ask(&app, &format!("/v1/purchases?updated_since={at}")).await.expect(200).json();
    assert_eq!(since["purchases"].as_array().unwrap().len(), 1);
    let later = ask(&app, "/v1/purchases?updated_since=2999-01-01T00:00:00Z").await.expect(200).json();
    assert_eq!((&later["purchases"], &later["more"]), (&json!([]), &json!(false)));
    // The cursor remembers `updated_since`.
    app.open(COURSE).await;
    let cursor = later["cursor"].as_str().unwrap();
    assert_eq!(read(&app, cursor, 10).await.0, Vec::<Value>::new());
    for (query, field) in [
        ("updated_since=yesterday", "updated_since"),
        ("cursor=x", "cursor"),
        ("cursor=c-1.0", "cursor"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
    ] {
        let problem =
            ask(&app, &format!("/v1/purchases?{query}")).await.expect_problem(422, "invalid_request");
        assert_eq!(problem.json()["field"], field, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missed_or_told_twice_while_many_write_on_two_instances() {
    let mut app = app().await;
    let bases = [app.base().to_owned(), app.start_another().await];
    let client = reqwest::Client::new();
    let writers: Vec<_> = (0..8)
        .map(|writer: usize| {
            let (client, base) = (client.clone(), bases[writer % 2].clone());
            tokio::spawn(async move {
                for n in 0..12 {
                    let opened = client.post(format!("{base}/v1/purchases")).json(&json!({ "sku": COURSE }));
                    let opened: Value = opened.send().await.unwrap().json().await.unwrap();
                    let id = opened["id"].as_str().unwrap_or_else(|| panic!("{opened}"));
                    if n % 2 == 0 {
                        let given_up = client.delete(format!("{base}/v1/purchases/{id}")).send().await;
                        assert_eq!(given_up.unwrap().status(), 200);
                    }
                }
            })
        })
        .collect();
    let (mut seen, mut cursor) = (HashMap::<String, Vec<i64>>::new(), String::new());
    let mut last = false;
    loop {
        let (entries, next) = read(&app, &cursor, 7).await;
        cursor = next;
        for entry in entries {
            let reference = entry["reference"].as_str().unwrap().to_owned();
            seen.entry(reference).or_default().push(entry["version"].as_i64().unwrap());
        }
        if last {
            break;
        }
        last = writers.iter().all(tokio::task::JoinHandle::is_finished);
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(seen.len(), 96, "none is missed");
    for (reference, versions) in &seen {
        assert!(versions.is_sorted_by(|one, next| one < next), "{reference} is told twice: {versions:?}");
    }
    let (all, _) = read(&app, "", 500).await;
    let given_up = all.iter().filter(|entry| entry["state"] == "canceled").count();
    assert_eq!((all.len(), given_up), (96, 48));
    for entry in all {
        let versions = &seen[entry["reference"].as_str().unwrap()];
        assert_eq!(versions.last(), entry["version"].as_i64().as_ref(), "the last change is told");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_learners_purchases_are_told_to_who_may_know() {
    let app = app().await;
    let (bought, intent) = app.buy(COURSE, 4900).await;
    app.open(COURSE).await;
    let of = |email: &str| format!("/v1/learners/purchases?email={email}");
    let told = ask(&app, &of("ADA@example.com")).await.expect(200);
    assert_eq!(told.header("cache-control"), "no-store");
    let purchases = told.json()["purchases"].clone();
    assert_eq!(purchases.as_array().unwrap().len(), 1, "{purchases}");
    assert_eq!((&purchases[0]["sku"], &purchases[0]["entitled"]), (&json!(COURSE), &json!(true)));
    app.sandbox.stripe().refund(&intent, None).unwrap();
    app.reaches(&bought, "refunded").await;
    let purchases = ask(&app, &of("ada@example.com")).await.expect(200).json()["purchases"].clone();
    assert_eq!((&purchases[0]["state"], &purchases[0]["entitled"]), (&json!("refunded"), &json!(false)));
    assert_eq!(ask(&app, &of("grace@example.com")).await.expect(200).json()["purchases"], json!([]));
    for email in ["", "ada"] {
        ask(&app, &of(email)).await.expect_problem(422, "invalid_email");
    }
    for path in [of("ada@example.com"), "/v1/purchases".to_owned()] {
        app.get(&path).await.expect_problem(401, "unauthorized");
        let wrong = app.request(Method::GET, &path).bearer_auth("another-system-of-ours-0123456780");
        app.send(wrong).await.expect_problem(401, "unauthorized");
    }
}
