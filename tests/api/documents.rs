//! What the server says of itself: health, the OpenAPI document, the embed and the pages.
use checkout_tests::{COURSE, TestApp};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn it_is_healthy_and_ready() {
    let app = TestApp::start().await;
    app.get("/healthz").await.expect(200);
    app.get("/readyz").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_openapi_document_has_every_route_and_code() {
    let app = TestApp::start().await;
    let document = app.get("/openapi.json").await.expect(200).json();
    for (path, method) in [
        ("/v1/offerings/{sku}", "get"),
        ("/v1/purchases", "post"),
        ("/v1/purchases/{id}", "get"),
        ("/v1/purchases/{id}", "delete"),
        ("/v1/purchases/{id}/pay", "post"),
        ("/v1/purchases/{id}/refresh", "post"),
        ("/v1/stripe/webhook", "post"),
        ("/embed/v1.js", "get"),
        ("/embed/card/{sku}", "get"),
        ("/embed/assets/{name}", "get"),
        ("/buy/{sku}", "get"),
        ("/p/{id}", "get"),
        ("/healthz", "get"),
        ("/readyz", "get"),
    ] {
        assert!(document["paths"][path][method].is_object(), "{method} {path}");
    }
    let codes = document["components"]["schemas"]["Code"]["enum"].as_array().unwrap();
    for code in ["price_changed", "purchase_ended", "bad_signature"] {
        assert!(codes.contains(&code.into()), "{code}: {codes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_screen_is_rendered_escaped_and_cacheable() {
    let app = TestApp::start().await;
    let card = app.get(&format!("/embed/card/{COURSE}")).await.expect(200);
    assert_eq!(card.header("cache-control"), "public, max-age=2, stale-while-revalidate=30");
    assert_eq!(card.header("access-control-allow-origin"), "*");
    assert!(
        card.text.contains("Redis &lt;fundamentals>") || card.text.contains("Redis &lt;fundamentals&gt;")
    );
    assert!(!card.text.contains("<fundamentals"), "{}", card.text);
    assert!(card.text.contains("$49.00"));
    assert!(!card.text.contains("style="), "the page policy refuses inline styles");
    app.get("/embed/card/ru-none").await.expect_problem(404, "unknown_sku");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_screen_names_assets_that_are_there_immutable_and_compressed() {
    let app = TestApp::start().await;
    let loader = app.get("/embed/v1.js").await.expect(200);
    assert_eq!(loader.header("access-control-allow-origin"), "*");
    assert!(!loader.text.contains("__CSS__"));
    let card = app.get(&format!("/embed/card/{COURSE}")).await.expect(200);
    let names: Vec<_> = card.text.split('"').filter(|part| part.starts_with("/embed/assets/")).collect();
    assert_eq!(names.len(), 3, "glue, WASM and words: {names:?}");
    for name in names {
        let plain = app.get(name).await.expect(200);
        assert_eq!(plain.header("cache-control"), "public, max-age=31536000, immutable");
        let request = app.request(reqwest::Method::GET, name).header("accept-encoding", "gzip, br");
        assert_eq!(app.send(request).await.header("content-encoding"), "br", "{name}");
    }
    app.get("/embed/assets/../Cargo.toml").await.expect(404);
    app.get("/embed/assets/nothing.js").await.expect_problem(404, "unknown_route");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_screen_comes_in_the_language_asked_for() {
    let app = TestApp::start().await;
    for (query, word, code) in [
        ("?lang=de-CH", "Kaufen", "de"),
        ("?lang=he", "רכישה", "he"),
        ("?lang=tlh", "Purchase", "en"),
        ("?lang=%ff", "Purchase", "en"),
        ("", "Purchase", "en"),
    ] {
        let card = app.get(&format!("/embed/card/{COURSE}{query}")).await.expect(200);
        assert!(card.text.contains(word) && card.text.contains(&format!("lang=\"{code}\"")), "{}", card.text);
        let words = card.text.split('"').find(|part| part.contains("/words-")).unwrap();
        assert!(app.get(words).await.expect(200).json().as_array().unwrap().contains(&json!(word)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_pages_keep_the_page_policy() {
    let app = TestApp::start().await;
    let id = app.open(COURSE).await;
    for path in [format!("/buy/{COURSE}"), format!("/p/{id}")] {
        let page = app.get(&path).await.expect(200);
        let policy = page.header("content-security-policy");
        assert!(policy.contains("'wasm-unsafe-eval'") && !policy.contains("unsafe-inline"), "{policy}");
        assert!(!page.text.contains("<style") && !page.text.contains(" style="));
    }
    app.get("/buy/ru-none").await.expect_problem(404, "unknown_sku");
}
