//! Languages: chosen by the element's `lang`, then by the page's, and formatted as the browser formats them.
use crate::{Page, pictures};
use checkout_tests::COURSE;
use serde_json::json;
use shared::{Currency, Money, Timestamp};
use widget::locales;

const CURRENCIES: &[&str] = &[
    "usd", "eur", "gbp", "jpy", "krw", "inr", "cad", "aud", "brl", "mxn", "ils", "cny", "sek", "chf", "kwd",
];
const AMOUNTS: [i64; 3] = [900, 123_450, 123_456_700];

#[tokio::test(flavor = "multi_thread")]
async fn the_first_screen_writes_money_and_dates_as_the_browser_does() {
    let page = Page::open("intl", COURSE).await;
    let mut asked = Vec::new();
    for (lang, locale) in locales().iter() {
        for code in CURRENCIES {
            let currency = Currency::parse(code).unwrap();
            let decimals = currency.decimals();
            for amount in AMOUNTS {
                let unit = 10_f64.powi(i32::try_from(decimals).unwrap());
                let written = locale.money(Money { amount, currency });
                asked.push(json!([lang, code, decimals, amount as f64 / unit, written]));
            }
        }
        for month in 0..12 {
            let at = 1_767_614_400_000 + month * 31 * 86_400_000;
            asked.push(json!([lang, "", 0, at, locale.date(Timestamp::from_millis(at))]));
        }
    }
    let differ = page
        .eval(&format!(
            "return {}.map(([lang, currency, decimals, value, written]) => {{
                 const format = currency
                     ? new Intl.NumberFormat(lang, {{ style: 'currency', currency, minimumFractionDigits: decimals, maximumFractionDigits: decimals }})
                     : new Intl.DateTimeFormat(lang, {{ dateStyle: 'medium', timeZone: 'UTC' }});
                 return [lang, written, format.format(value)];
             }}).filter(([, written, intl]) => written !== intl)",
            json!(asked)
        ))
        .await;
    assert_eq!(differ, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_language_changes_while_the_checkout_is_under_way() {
    let page = Page::open("language", COURSE).await;
    page.shows("$49.00").await;
    page.eval("document.documentElement.lang = 'de-AT'; element.setAttribute('lang', 'de')").await;
    page.shows("Jetzt buchen").await;
    page.shows("49,00\u{a0}$").await;
    page.press("Jetzt buchen").await;
    page.fill("ada", "4000000000009995").await;
    page.press("49,00\u{a0}$ bezahlen").await;
    page.shows("Geben Sie eine E-Mail-Adresse").await;
    // The page's language applies where the element has none.
    page.eval("document.documentElement.lang = 'fr'; element.removeAttribute('lang')").await;
    page.shows("Saisissez une adresse").await;
    page.shows("Payer 49,00\u{a0}$US").await;
    assert_eq!(page.eval("return root.querySelector('input[name=email]').value").await, "ada");
    assert_eq!(page.eval("return element.querySelectorAll('iframe').length > 0").await, true);
    page.fill("ada@example.com", "4242424242424242").await;
    page.press("Payer").await;
    page.shows("Commencer à apprendre").await;
    assert_eq!(page.console().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_language_fits_and_hebrew_reads_from_the_right() {
    let page = Page::open("languages", "ru-live").await;
    for (lang, locale) in locales().iter() {
        page.eval(&format!("element.setAttribute('lang', {lang:?})")).await;
        page.shows(&locale.money(Money { amount: 49_000, currency: Currency::USD })).await;
        page.until(&format!("root.querySelector('.card').lang === {lang:?}")).await;
        pictures::look(&page, lang).await;
        let right_to_left = page.eval("return getComputedStyle(root.querySelector('.card')).direction").await;
        assert_eq!(right_to_left, if lang == "he" { "rtl" } else { "ltr" });
    }
    page.eval("element.setAttribute('lang', 'tlh')").await;
    page.shows("Reserve a seat").await;
}
