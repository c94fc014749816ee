//! Failures that a person meets are pages in their language; programs get the usual problem documents.
use checkout_tests::{Answer, COURSE, HtmlForm, PlainBrowser, Setup, TestApp};
use reqwest::Method;
use serde_json::json;

const NOBODYS: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Asserts that this is a German page that contains `said`.
#[track_caller]
fn is_page(answer: Answer, status: u16, said: &str) -> Answer {
    let answer = answer.expect(status);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{answer:?}");
    assert!(answer.text.contains("<html lang=\"de\"") && answer.text.contains(said), "{answer:?}");
    assert!(
        !answer.header("content-security-policy").is_empty() && answer.header("vary") == "Accept-Language"
    );
    answer
}

fn press(app: &TestApp, path: &str) -> HtmlForm {
    HtmlForm { action: format!("{}{path}", app.base()), fields: vec![] }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_a_page_for_persons_and_a_problem_for_programs() {
    let app = TestApp::start().await;
    let browser = PlainBrowser::speaking("de");
    let (sku, purchase) = ("Das wird nicht verkauft", "konnten diesen Kauf nicht finden");
    let nobodys = format!("/p/{NOBODYS}");
    for (path, said) in
        [("/buy/ru-none", sku), (nobodys.as_str(), purchase), ("/p/x", purchase), ("/p/x/y/z", purchase)]
    {
        is_page(browser.get(&format!("{}{path}", app.base())).await, 404, said);
        assert_eq!(
            app.get(path).await.expect(404).header("content-type"),
            "application/problem+json",
            "{path}"
        );
    }
    is_page(browser.submit(&press(&app, "/buy/ru-none")).await, 404, sku);
    for button in ["pay", "cancel"] {
        let path = format!("{nobodys}/{button}");
        is_page(browser.submit(&press(&app, &path)).await, 404, purchase);
        app.post(&path, &json!({})).await.expect_problem(404, "unknown_purchase");
    }
    let page = is_page(browser.submit(&press(&app, "/p/x")).await, 405, "Das hat nicht geklappt");
    assert!(!page.header("allow").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_no_page_sends_is_told_on_a_page() {
    let app = TestApp::start().await;
    let form = |body: &str, kind: &str| {
        let request = app.request(Method::POST, &format!("/buy/{COURSE}")).header("content-type", kind);
        request.header("accept", "text/html").header("accept-language", "de").body(body.to_owned())
    };
    let page = is_page(app.send(form("{}", "application/json")).await, 415, "Das hat nicht geklappt");
    let again = format!("href=\"{}/buy/{COURSE}\">Noch einmal versuchen", app.base());
    assert!(page.text.contains(&again), "{}", page.text);
    let form_kind = "application/x-www-form-urlencoded";
    let large = format!("email={}", "a".repeat(600 * 1024));
    is_page(app.send(form(&large, form_kind)).await, 413, "Das hat nicht geklappt");
    is_page(app.send(form("total=x", form_kind)).await, 422, "<form");
    let id = app.open(COURSE).await;
    let browser = PlainBrowser::speaking("de");
    let stolen = browser.submit_from("cross-site", &press(&app, &format!("/p/{id}/cancel"))).await;
    let page = is_page(stolen, 403, "kam von einer anderen Website");
    assert!(page.text.contains(&format!("href=\"{}/p/{id}\"", app.base())), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_often_is_told_on_a_page() {
    let app = TestApp::with(&["--trusted-proxies=127.0.0.1", "--limit-requests=1/1h"]).await;
    let id = app.open(COURSE).await;
    for path in
        [format!("/buy/{COURSE}"), format!("/p/{id}"), format!("/p/{id}/pay"), format!("/p/{id}/cancel")]
    {
        let network = format!("192.0.2.{}", path.len());
        let browser = PlainBrowser::at(&network);
        let address = format!("{}{path}?lang=de", app.base());
        assert!(browser.get(&address).await.status < 400, "{path}");
        let page = is_page(browser.get(&address).await, 429, "Zu viele Versuche.");
        let program = app.request(Method::GET, &path).header("x-forwarded-for", &network);
        assert!(!page.header("retry-after").is_empty() && !page.text.contains("abgebucht"), "{}", page.text);
        app.send(program).await.expect_problem(429, "rate_limited");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_here_is_told_on_a_page() {
    let setup =
        Setup { flags: vec!["--sweep-seconds=600".to_owned()], leaves_work: true, ..Setup::default() };
    let app = TestApp::set_up(setup).await;
    let browser = PlainBrowser::speaking("de");
    let id = app.open(COURSE).await;
    let cancel = press(&app, &format!("/p/{id}/cancel"));
    let lock = app.lock_database().await;
    let page = is_page(browser.submit(&cancel).await, 503, "etwas schiefgegangen.");
    assert!(!page.header("retry-after").is_empty());
    let form = app.buy_form(&browser, COURSE).await.with("email", "ada@example.com");
    let page = is_page(browser.submit(&form).await, 503, "etwas schiefgegangen.");
    assert!(!page.text.contains("abgebucht"), "nobody knows that: {}", page.text);
    lock.release().await;
    app.rewrite_purchase(&id, |_| "{}".to_owned()).await;
    let at = format!("{}/p/{id}", app.base());
    is_page(browser.get(&at).await, 500, "etwas schiefgegangen.");
    is_page(browser.submit(&cancel).await, 500, "etwas schiefgegangen.");
    app.get(&format!("/p/{id}")).await.expect_problem(500, "internal_error");
}
