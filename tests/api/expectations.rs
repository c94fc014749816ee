//! Published documents, compared with files that people can review. `UPDATE_EXPECT=1` writes them anew; review
//! their diff.
use checkout_tests::{COURSE, HtmlForm, PlainBrowser, TestApp};
use expect_test::{ExpectFile, expect_file};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn the_openapi_document_is_the_one_that_was_reviewed() {
    let app = TestApp::start().await;
    let document = app.get("/openapi.json").await.expect(200).json();
    let text = serde_json::to_string_pretty(&document).unwrap();
    expect_file!["expected/openapi.json"].assert_eq(&format!("{text}\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_pages_are_those_that_were_reviewed() {
    let app = TestApp::with_teams().await;
    let browser = PlainBrowser::default();
    let shows = async |path: &str, expected: ExpectFile| {
        let page = browser.get(&format!("{}{path}", app.base())).await;
        expected.assert_eq(&reviewable(&app, &page.text));
    };
    shows(&format!("/buy/{COURSE}"), expect_file!["expected/buy.html"]).await;
    shows(&format!("/buy/{COURSE}?plain&team"), expect_file!["expected/buy-team.html"]).await;
    shows("/buy/ru-live?plain&coupon=ACME&lang=he", expect_file!["expected/buy-hebrew.html"]).await;
    shows("/buy/ru-none", expect_file!["expected/unknown.html"]).await;

    let form = app.buy_form(&browser, COURSE).await;
    let refused = browser.submit(&form.clone().with("email", "\"<ada'&\"")).await.expect(422);
    expect_file!["expected/buy-refused.html"].assert_eq(&reviewable(&app, &refused.text));

    let sent = browser.submit(&form.with("email", "ada@example.com")).await.expect(303);
    let id = checkout_tests::purchase_of(&app.sandbox, sent.header("location"));
    shows(&format!("/p/{id}"), expect_file!["expected/purchase-paying.html"]).await;
    app.delete(&format!("/v1/purchases/{id}")).await;
    app.reaches(&id, "canceled").await;
    shows(&format!("/p/{id}"), expect_file!["expected/purchase-canceled.html"]).await;

    let (id, _) = app.buy(COURSE, 4900).await;
    shows(&format!("/p/{id}"), expect_file!["expected/purchase-granted.html"]).await;

    let team = app.get(&format!("/buy/{COURSE}?plain&team")).await.text;
    let form = HtmlForm::find(&team, COURSE).unwrap().with("places", "2").with("email", "grace@example.com");
    let sent = browser.submit(&form).await.expect(303);
    let id = checkout_tests::purchase_of(&app.sandbox, sent.header("location"));
    let sessions = app.sandbox.stripe().sessions();
    let session = sessions.last().unwrap()["id"].as_str().unwrap();
    app.sandbox.stripe().pay_session(session, "4242424242424242").unwrap();
    app.reaches(&id, "granted").await;
    shows(&format!("/p/{id}"), expect_file!["expected/purchase-team.html"]).await;
    let page =
        app.get(&format!("/v1/purchases/{id}")).await.json()["access_url"].as_str().unwrap().to_owned();
    shows(page.trim_start_matches(app.base()), expect_file!["expected/team.html"]).await;
    let unknown: Value = app.get("/team/none").await.json();
    assert_eq!(unknown["code"], "unknown_route");
}

/// The page with one tag a line, and with what differs from run to run replaced by what it is.
fn reviewable(app: &TestApp, page: &str) -> String {
    let hex = |char: char| char.is_ascii_hexdigit();
    let name = |char: char| char.is_ascii_alphanumeric() || "-_".contains(char);
    let time = |char: char| char.is_ascii_digit() || "-:.TZ".contains(char);
    let mut text = page.replace(app.base(), "https://checkout");
    text = masked(&text, "http://127.0.0.1:", |char| char.is_ascii_digit(), "…");
    text = masked(&text, "pu_", hex, "…");
    text = masked(&text, "RU-", name, "…");
    text = masked(&text, "name=\"key\" value=\"", hex, "…");
    text = masked(&text, "/page.css?", hex, "…");
    text = masked(&text, "/team/", name, "…");
    text = masked(&text, "<code>", name, "…");
    text = masked(&text, "<time datetime=\"", time, "…");
    text = masked(&text, "<time datetime=\"…\">", |char| char != '<', "…");
    text.replace("><", ">\n<") + "\n"
}

/// `text` with the letters after each `start` replaced.
fn masked(text: &str, start: &str, of: impl Fn(char) -> bool, by: &str) -> String {
    let mut parts = text.split(start);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |before, part| [&before, start, by, part.trim_start_matches(&of)].concat())
}
