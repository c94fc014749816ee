//! Our own pages: what they say, in which language, and which rules they follow.
use checkout_tests::{COURSE, HtmlForm, PlainBrowser, TestApp};
use sandbox::{Fault, Misbehaviour};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn the_form_stands_where_the_widget_would() {
    let app = TestApp::start().await;
    let browser = PlainBrowser::default();
    let page = browser.get(&format!("{}/buy/{COURSE}", app.base())).await.expect(200);
    let element =
        page.text.split("<redis-checkout").nth(1).unwrap().split("</redis-checkout>").next().unwrap();
    assert!(element.contains("<form") && page.text.contains("/embed/v1.js"), "{}", page.text);
    assert!(page.text.contains("Redis &lt;fundamentals&gt;") && !page.text.contains("<fundamentals"));
    assert!(page.text.contains("$49.00") && page.text.contains("Continue to payment"));
    let plain = browser.get(&format!("{}/buy/{COURSE}?plain", app.base())).await.expect(200);
    assert!(plain.text.contains("<form") && !plain.text.contains("<script"), "{}", plain.text);
    let live = browser.get(&format!("{}/buy/ru-live?plain", app.base())).await.expect(200);
    assert!(live.text.contains("Live training") && live.text.contains("Last seat"), "{}", live.text);
    // Each page has a form with its own key.
    let key = |page: &str| HtmlForm::find(page, COURSE).unwrap().value("key").to_owned();
    assert_ne!(key(&page.text), key(&plain.text));
    assert_eq!(page.header("cache-control"), "private, no-cache");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_speak_the_language_that_is_asked_for() {
    let app = TestApp::start().await;
    let id = app.open(COURSE).await;
    for lang in ["de", "en", "es", "fr", "he", "ja", "ko", "pt", "zh"] {
        let dir = if lang == "he" { "rtl" } else { "ltr" };
        for path in [format!("buy/{COURSE}"), format!("p/{id}")] {
            let named =
                PlainBrowser::default().get(&format!("{}/{path}?lang={lang}", app.base())).await.expect(200);
            let wanted = PlainBrowser::speaking(&format!("tlh, {lang}-XX;q=0.9, en;q=0.1"));
            let wanted = wanted.get(&format!("{}/{path}", app.base())).await.expect(200);
            for page in [&named.text, &wanted.text] {
                assert!(page.contains(&format!("<html lang=\"{lang}\" dir=\"{dir}\">")), "{page}");
                assert!(!page.contains('{'), "{page}");
            }
        }
    }
    let browser = PlainBrowser::speaking("fr");
    let page = browser.get(&format!("{}/buy/{COURSE}?lang=de-AT", app.base())).await.expect(200);
    let form = HtmlForm::find(&page.text, COURSE).unwrap();
    assert!(page.text.contains("Weiter zur Zahlung") && form.action.ends_with("?lang=de"), "{}", page.text);
    browser.submit(&form.with("email", "ada@example.com")).await.expect(303);
    let session = app.sandbox.stripe().sessions()[0].clone();
    assert_eq!(session["locale"], "de");
    assert!(session["success_url"].as_str().unwrap().ends_with("?lang=de"));
    let hebrew = PlainBrowser::speaking("he");
    let form = app.buy_form(&hebrew, COURSE).await.with("email", "ada@example.com");
    hebrew.submit(&form).await.expect(303);
    assert_eq!(app.sandbox.stripe().sessions()[1]["locale"], "auto", "Stripe's page speaks no Hebrew");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_page_tells_the_steps_with_their_times_and_can_be_kept() {
    let app = TestApp::start().await;
    let browser = PlainBrowser::default();
    let (id, address) = app.buy_without_javascript("ru-live").await;
    let at = format!("{}/p/{id}", app.base());
    let page = browser.get(&at).await.expect(200);
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(page.text.contains("<meta name=\"robots\" content=\"noindex\">"));
    // The link leads to the page's own address, wherever the page is shown. It never reloads by itself.
    assert!(page.text.contains(&format!("href=\"{at}\">Refresh status")), "{}", page.text);
    assert!(!page.text.contains("http-equiv"), "{}", page.text);
    assert!(page.text.contains("Payment not finished"));
    let opened = app.get(&format!("/v1/purchases/{id}")).await.json();
    let held = opened["timeline"][0]["at"].as_str().unwrap();
    let steps: Vec<_> =
        page.text.split("<li ").skip(1).map(|rest| rest.split("</li>").next().unwrap()).collect();
    assert_eq!(steps.len(), 3, "{}", page.text);
    assert!(
        steps[0].contains(&format!("class=\"done\"><b>Reserved</b> <time datetime=\"{held}\">")),
        "{steps:?}"
    );
    assert!(steps[1].contains("aria-current=\"step\"") && steps[1].contains("<b>Payment pending</b>"));
    assert!(steps[2].contains("<b>Access pending</b>"), "{steps:?}");
    assert!(page.text.contains("a•••@example.com") && !page.text.contains("ada@example.com"));

    app.sandbox.stripe().pay_session(address.rsplit('/').next().unwrap(), "4242424242424242").unwrap();
    let granted = app.reaches(&id, "granted").await;
    let page = browser.get(&at).await.expect(200).text;
    for step in granted["timeline"].as_array().unwrap() {
        assert!(page.contains(&format!("datetime=\"{}\"", step["at"].as_str().unwrap())), "{step}: {page}");
    }
    assert!(!page.contains("Refresh status") && !page.contains("<form"), "{page}");
    assert!(page.contains(granted["access_url"].as_str().unwrap()));
    assert_eq!(app.grant_calls().len(), 1, "looking grants nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inline_purchase_leads_back_to_its_checkout_or_is_given_up() {
    let app = TestApp::start().await;
    let browser = PlainBrowser::default();
    let (pressed, intent) = app.open_and_press_pay("ru-live", 49000).await;
    for (id, sku) in [(app.open(COURSE).await, COURSE), (pressed, "ru-live")] {
        let at = format!("{}/p/{id}", app.base());
        let page = browser.get(&at).await.expect(200).text;
        assert!(page.contains(&format!("href=\"{}/buy/{sku}\"", app.base())), "{page}");
        assert!(HtmlForm::find(&page, "/pay").is_none(), "{page}");
        let cancel = HtmlForm::find(&page, "/cancel").expect("a way to give up");
        assert_eq!(browser.submit(&cancel).await.expect(303).header("location"), at);
        app.reaches(&id, "canceled").await;
        let page = browser.get(&at).await.expect(200).text;
        assert!(page.contains("Start again") && !page.contains("<form"), "{page}");
    }
    assert_eq!(app.sandbox.stripe().intent(&intent).unwrap()["status"], "canceled");
    app.open("ru-live").await;
    let unknown =
        browser.get(&format!("{}/p/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", app.base())).await.expect(404);
    assert!(unknown.text.contains("We couldn't find this purchase"), "{}", unknown.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_may_send_forms_to_us_and_to_stripe_alone() {
    let app = TestApp::start().await;
    let page = PlainBrowser::default().get(&format!("{}/buy/{COURSE}", app.base())).await.expect(200);
    let policy = page.header("content-security-policy");
    let allowed = format!("form-action {} {};", app.base(), app.sandbox.stripe_url());
    assert!(policy.contains(&allowed) && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(page.header("referrer-policy"), "same-origin", "so that a browser says that a form is ours");
    assert!(!page.text.contains("<style") && !page.text.contains(" style="), "{}", page.text);
    let form = app
        .request(reqwest::Method::POST, &format!("/buy/{COURSE}"))
        .json(&json!({ "email": "a@b.example" }));
    app.send(form).await.expect_problem(415, "unsupported_media_type");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_opened_like_a_page_leads_to_the_purchase() {
    let app = TestApp::start().await;
    let (id, _) = app.buy_without_javascript(COURSE).await;
    for button in ["pay", "cancel"] {
        for query in ["", "?lang=de"] {
            let address = format!("{}/p/{id}", app.base());
            let sent = PlainBrowser::default().get(&format!("{address}/{button}{query}")).await.expect(303);
            assert_eq!(sent.header("location"), format!("{address}{query}"));
        }
    }
    assert_eq!(
        app.get(&format!("/v1/purchases/{id}")).await.text_at("state"),
        "paying",
        "nothing was pressed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_from_paying_sees_the_access_that_follows() {
    let app = TestApp::start().await;
    let (id, address) = app.buy_without_javascript(COURSE).await;
    app.sandbox.flockjay().fault(Fault { times: Some(1), ..Fault::new(Misbehaviour::Down) });
    app.sandbox.stripe().pay_session(address.rsplit('/').next().unwrap(), "4242424242424242").unwrap();
    let page = PlainBrowser::default().get(&format!("{}/p/{id}", app.base())).await.expect(200).text;
    assert!(page.contains("Start learning"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_with_a_slash_at_its_end_leads_to_the_page() {
    let app = TestApp::start().await;
    for (asked, led_to) in [
        ("/buy/ru-course/?lang=de", "../ru-course?lang=de"),
        ("/p/pu_1/", "../pu_1"),
        ("/team/tm_1/", "../tm_1"),
    ] {
        let answer = PlainBrowser::default().get(&format!("{}{asked}", app.base())).await.expect(308);
        assert_eq!(answer.header("location"), led_to, "{asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_own_address_is_a_page_that_says_where_to_go() {
    let app = TestApp::start().await;
    let browser = PlainBrowser::default();
    for (query, lang, said) in [("", "en", "at redis.io."), ("?lang=de", "de", "auf redis.io verkauft")] {
        let page = browser.get(&format!("{}/{query}", app.base())).await.expect(200);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert!(page.text.contains(&format!("lang=\"{lang}\"")) && page.text.contains(said), "{}", page.text);
    }
    app.get("/nothing").await.expect_problem(404, "unknown_route");
}
