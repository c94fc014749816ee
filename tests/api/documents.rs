//! Published documents: health, the OpenAPI document, the embed and the pages.
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
        ("/v1/purchases/{id}/extend", "post"),
        ("/v1/stripe/webhook", "post"),
        ("/embed/v1.js", "get"),
        ("/embed/card/{sku}", "get"),
        ("/embed/assets/{name}", "get"),
        ("/", "get"),
        ("/buy/{sku}", "get"),
        ("/buy/{sku}", "post"),
        ("/p/{id}", "get"),
        ("/p/{id}/pay", "post"),
        ("/p/{id}/cancel", "post"),
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
    assert!(loader.text.contains("--redis-checkout-accent"), "the styles are in it");
    let request = app.request(reqwest::Method::GET, "/embed/v1.js").header("accept-encoding", "br");
    assert_eq!(app.send(request).await.header("content-encoding"), "br");
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
async fn the_loader_brings_the_first_screen_that_its_address_names() {
    let app = TestApp::start().await;
    let plain = app.get("/embed/v1.js").await.expect(200);
    let along = app.get(&format!("/embed/v1.js?sku={COURSE}&lang=de")).await.expect(200);
    assert_eq!(along.header("cache-control"), "public, max-age=2, stale-while-revalidate=30");
    let screen = along.text.strip_suffix(&plain.text).expect("the loader is in it");
    let json = screen.trim_start_matches("(document.currentScript||{}).screen=").trim_end_matches(';');
    let sent: serde_json::Value = serde_json::from_str(json).unwrap();
    let card = app.get(&format!("/embed/card/{COURSE}?lang=de")).await.expect(200);
    assert_eq!(sent, json!({ "sku": COURSE, "lang": "de", "variant": "", "text": card.text }));
    // For an unknown SKU the script carries no first screen, and its element reports the error.
    assert_eq!(app.get("/embed/v1.js?sku=ru-none").await.expect(200).text, plain.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_for_each_request_is_compressed_and_its_tag_is_weak() {
    let app = TestApp::start().await;
    for path in [format!("/embed/card/{COURSE}"), format!("/embed/v1.js?sku={COURSE}")] {
        for encoding in ["br", "gzip"] {
            let request = app.request(reqwest::Method::GET, &path).header("accept-encoding", encoding);
            let answer = request.send().await.unwrap();
            assert_eq!(answer.headers()["content-encoding"], encoding, "{path}");
            let tag = answer.headers()["etag"].clone();
            assert!(tag.to_str().unwrap().starts_with("W/"), "{tag:?}");
            let again = app.request(reqwest::Method::GET, &path).header("if-none-match", tag);
            assert_eq!(app.send(again).await.status, 304, "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variant_changes_looks_and_words_and_an_unknown_one_is_the_default() {
    let app = TestApp::start().await;
    let card = async |query: &str| {
        let answer = app.get(&format!("/embed/card/{COURSE}?{query}")).await.expect(200);
        let json = answer.text.split_once('>').unwrap().1.split_once("</script>").unwrap().0.to_owned();
        (serde_json::from_str::<serde_json::Value>(&json).unwrap(), answer.text)
    };
    let (plain, _) = card("").await;
    assert_eq!((&plain["variant"], &plain["sheet"]), (&json!(null), &json!("")));
    let (launch, html) = card("variant=launch&lang=de").await;
    assert_eq!(launch["variant"], "launch");
    assert!(launch["sheet"].as_str().unwrap().contains("--redis-checkout-accent:light-dark("), "{launch}");
    assert!(html.contains("Platz sichern"), "{html}");
    let words = launch["words"].as_str().unwrap();
    assert!(app.get(words).await.expect(200).json().as_array().unwrap().contains(&json!("Platz sichern")));
    let (unknown, _) = card("variant=no-such").await;
    assert_eq!(unknown, plain);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_screen_comes_in_the_language_asked_for() {
    let app = TestApp::start().await;
    for (query, word, code) in [
        ("?lang=de-CH", "Jetzt buchen", "de"),
        ("?lang=he", "הרשמה", "he"),
        ("?lang=tlh", "Enroll", "en"),
        ("?lang=%ff", "Enroll", "en"),
        ("", "Enroll", "en"),
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

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_for_is_limited_but_health_and_webhooks() {
    let app = TestApp::with(&["--limit-requests=2/1h", "--trusted-proxies=127.0.0.1"]).await;
    for (n, path) in
        ["/embed/v1.js", "/embed/card/ru-course", "/openapi.json", "/readyz", "/preview"].iter().enumerate()
    {
        let ask = || {
            let request = app.request(reqwest::Method::GET, path);
            app.send(request.header("x-forwarded-for", format!("192.0.2.{n}")))
        };
        assert_ne!(ask().await.status, 429);
        assert_ne!(ask().await.status, 429);
        assert_eq!(ask().await.status, 429, "{path}");
    }
    for _ in 0..9 {
        let ask = app.request(reqwest::Method::GET, "/healthz").header("x-forwarded-for", "192.0.2.1");
        app.send(ask).await.expect(200);
        let tell =
            app.request(reqwest::Method::POST, "/v1/stripe/webhook").header("x-forwarded-for", "192.0.2.1");
        app.send(tell.body("{}")).await.expect_problem(400, "bad_signature");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_is_not_told_back() {
    let app = TestApp::start().await;
    let long = "x".repeat(30_000);
    let card = app.get(&format!("/embed/card/{COURSE}?variant={long}&lang={long}")).await;
    assert!(!card.text.contains("xxxx"), "{} bytes", card.text.len());
    let request = app.request(reqwest::Method::GET, "/embed/v1.js").header("x-long", "x".repeat(70_000));
    assert_eq!(app.send(request).await.status, 431);
}
