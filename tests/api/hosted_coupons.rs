//! Coupon codes on the form without JavaScript.
use checkout_tests::{COURSE, HtmlForm, PlainBrowser, TestApp, percent_off, purchase_of};

const GOOD: &str = "4242424242424242";

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_asked_for_folded_and_brought_by_the_address_open() {
    let app = TestApp::start().await;
    app.add_coupon(&percent_off("SAVE20", 20)).await;
    let browser = PlainBrowser::default();
    let page = browser.get(&format!("{}/buy/{COURSE}?plain&lang=de", app.base())).await.expect(200).text;
    assert!(page.contains("<details><summary>Code eingeben</summary>"), "{page}");
    assert!(page.contains("<label for=\"coupon\">Gutscheincode</label>"), "{page}");
    let brought = format!("{}/buy/{COURSE}?coupon=save%2020%22", app.base());
    let page = browser.get(&brought).await.expect(200).text;
    assert!(page.contains("<details open>") && page.contains("?plain&amp;coupon=save+20%22"), "{page}");
    let form = HtmlForm::find(&page, &format!("/buy/{COURSE}")).unwrap();
    assert_eq!(form.value("coupon"), "save 20\"");
    let form = form.with("email", "ada@example.com").with("coupon", "save 20");
    let sent = browser.submit(&form).await.expect(303);
    let session = app.sandbox.stripe().sessions()[0].clone();
    assert_eq!(session["amount_total"], 3920);
    let id = purchase_of(&app.sandbox, sent.header("location"));
    app.sandbox.stripe().pay_session(session["id"].as_str().unwrap(), GOOD).unwrap();
    app.reaches(&id, "granted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_code_says_why_in_the_visitors_language() {
    let app = TestApp::start().await;
    app.add_coupon(&percent_off("TINY", 99)).await;
    let browser = PlainBrowser::default();
    let page = browser.get(&format!("{}/buy/{COURSE}?plain&lang=de", app.base())).await.expect(200).text;
    let form = HtmlForm::find(&page, &format!("/buy/{COURSE}")).unwrap().with("email", "ada@example.com");
    for (code, said) in [
        ("NONE", "Diesen Code kennen wir nicht."),
        (
            "7K3M-92QF-ABCD-EFGJ",
            "Dieser Code hat einen Tippfehler. Prüfen Sie ihn und versuchen Sie es noch einmal.",
        ),
        ("TINY", "Mit diesem Code bleibt weniger zu zahlen, als abgebucht werden kann."),
    ] {
        let page = browser.submit(&form.clone().with("coupon", code)).await.expect(422).text;
        assert!(page.contains(&format!("id=\"coupon-fault\">{said}")), "{page}");
        assert!(page.contains("<details open>"), "what is wrong is seen: {page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sold_out_takes_a_code_that_brings_a_seat() {
    let app = TestApp::start().await;
    let mut seat = percent_off("SEAT", 100);
    seat.brings_seat = true;
    app.add_coupon(&seat).await;
    app.add_coupon(&percent_off("SAVE20", 20)).await;
    let other = app.open("ru-live").await;
    let browser = PlainBrowser::default();
    let page = browser.get(&format!("{}/buy/ru-live", app.base())).await.expect(200).text;
    assert!(page.contains("/buy/ru-live?plain&amp;coupon=\">Add code</a>"), "{page}");
    let page = browser.get(&format!("{}/buy/ru-live?plain&coupon=", app.base())).await.expect(200).text;
    assert!(page.contains("Sold out") && page.contains("<details open>"), "{page}");
    let form = HtmlForm::find(&page, "/buy/ru-live").unwrap().with("email", "ada@example.com");
    let page = browser.submit(&form.clone().with("coupon", "SAVE20")).await.expect(409).text;
    assert!(
        page.contains("id=\"coupon-fault\">That code doesn't include a seat, and none are left."),
        "{page}"
    );
    let form = HtmlForm::find(&page, "/buy/ru-live").unwrap().with("coupon", "SEAT");
    let sent = browser.submit(&form).await.expect(303);
    let id = sent.header("location").rsplit('/').next().unwrap().to_owned();
    app.reaches(&id, "granted").await;
    app.delete(&format!("/v1/purchases/{other}")).await.expect(200);
}
