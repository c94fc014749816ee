//! Tests in a real browser: the first screen is hydrated in a shadow root, mounted from scratch, and fully removed.
#![allow(clippy::disallowed_macros, reason = "tests may format")]
#![cfg(target_arch = "wasm32")]
use js_sys::{Function, Promise};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{Document, Element, HtmlElement, ShadowRoot, ShadowRootInit, ShadowRootMode};
use widget::{Speech, hydrate, mount};

wasm_bindgen_test_configure!(run_in_browser);

const SCREEN: &str = r#"{"offering":{"sku":"live","kind":"live","title":"Vector search","summary":"Two days.",
    "price":{"amount":49000,"currency":"usd"},"seats":{"capacity":30,"left":12},"sale":"open",
    "starts_at":"2026-12-09T15:00:00Z"},"api":"https://checkout.example","publishable_key":"pk",
    "stripe_js":"https://js.example/"}"#;

#[wasm_bindgen_test]
fn a_screen_is_mounted_with_what_its_json_says() {
    let (host, main) = page();
    let handle = mount(host.clone(), main.clone(), SCREEN, &words(), speech(), trusted()).expect("mounts");
    let text = main.text_content().unwrap_or_default();
    for part in [
        "Live training",
        "Vector search",
        "$490.00",
        "12 seats left",
        "Dec 9, 2026, 15:00 UTC",
        "Reserve a seat",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    drop(handle);
    host.remove();
}

#[wasm_bindgen_test]
fn json_of_another_shape_is_refused() {
    let (host, main) = page();
    for wrong in [
        "",
        "{}",
        "[]",
        "null",
        &SCREEN.replace("usd", "dollars"),
        &SCREEN.replace("\"live\",\"t", "\"bus\",\"t"),
    ] {
        assert!(mount(host.clone(), main.clone(), wrong, &words(), speech(), trusted()).is_err(), "{wrong}");
    }
    host.remove();
}

#[wasm_bindgen_test]
async fn a_first_screen_is_taken_over_as_it_stands() {
    let (host, main) = page();
    // `mount` builds what the server renders, except for the markers that hydration needs for text.
    let first = mount(host.clone(), main.clone(), SCREEN, &words(), speech(), trusted()).expect("mounts");
    let html = main.inner_html().replace("role=\"status\"></p>", "role=\"status\"> </p>");
    drop(first);
    assert_eq!(main.child_element_count(), 0);
    main.set_inner_html(&html);
    let button = button(&main);
    let handle =
        hydrate(host.clone(), main.clone(), SCREEN, &words(), speech(), trusted()).expect("hydrates");
    assert!(self::button(&main).is_same_node(Some(&button)));
    let busy = becomes_busy(&button);
    button.click();
    busy.await;
    drop(handle);
    host.remove();
}

#[wasm_bindgen_test]
fn words_of_another_language_take_the_place_of_those_shown() {
    let (host, main) = page();
    let handle = mount(host.clone(), main.clone(), SCREEN, &words(), speech(), trusted()).expect("mounts");
    let other =
        words().replace("Live training", "Live-Training").replace("{n} seats left", "Noch {n} Plätze");
    handle.speak(SCREEN, &other, speech()).expect("words");
    let text = main.text_content().unwrap_or_default();
    assert!(text.contains("Live-Training") && text.contains("Noch 12 Plätze"), "{text}");
    assert!(handle.speak(SCREEN, "{}", speech()).is_err());
    drop(handle);
    host.remove();
}

#[wasm_bindgen_test]
fn mounted_and_removed_fifty_times_leaves_nothing() {
    let (host, main) = page();
    for _ in 0..50 {
        let handle =
            mount(host.clone(), main.clone(), SCREEN, &words(), speech(), trusted()).expect("mounts");
        assert_eq!(main.child_element_count(), 1);
        drop(handle);
        assert_eq!((main.child_element_count(), host.child_element_count()), (0, 0));
    }
    host.remove();
}

fn page() -> (HtmlElement, Element) {
    let document = document();
    let host: HtmlElement = document.create_element("div").expect("a host").unchecked_into();
    document.body().expect("a body").append_child(&host).expect("room");
    let root: ShadowRoot =
        host.attach_shadow(&ShadowRootInit::new(ShadowRootMode::Open)).expect("a shadow root");
    let main = document.create_element("div").expect("a place");
    main.set_class_name("main");
    root.append_child(&main).expect("room");
    (host, main)
}

fn document() -> Document {
    js_sys::global().unchecked_into::<web_sys::Window>().document().expect("a document")
}

fn button(main: &Element) -> HtmlElement {
    main.query_selector("[data-press]").ok().flatten().expect("a button").unchecked_into()
}

/// The English texts as the server sends them: those of the locale file, in its order.
fn words() -> String {
    let texts = include_str!("../locales/en.toml").split("# Where the widget").next().expect("texts");
    let texts = texts.lines().filter_map(|line| line.split_once(" = ")).map(|(_, text)| {
        match text.strip_prefix('{') {
            Some(forms) => {
                let forms = forms.trim_matches([' ', '}']).replace(" = ", "=").replace(", other", "|other");
                format!("{:?}", forms.replace('"', ""))
            }
            None => text.to_owned(),
        }
    });
    format!("[{}]", texts.collect::<Vec<_>>().join(","))
}

/// The object that the loader makes, for English.
fn speech() -> Speech {
    let speech = Function::new_no_args(
        "const say = (options) => (value) => new Intl.DateTimeFormat('en', options).format(value);
         return {
             money: (units, currency) => new Intl.NumberFormat('en', { style: 'currency', currency }).format(units),
             date: say({ dateStyle: 'medium', timeZone: 'UTC' }),
             time: say({ timeStyle: 'short' }),
             plural: (number) => new Intl.PluralRules('en').select(number),
         }",
    );
    speech.call0(&JsValue::NULL).expect("an object").unchecked_into()
}

fn trusted() -> Function {
    Function::new_with_args("address", "return address")
}

/// Resolves once `button` becomes busy, however briefly: no server answers here, so the request soon fails.
fn becomes_busy(button: &HtmlElement) -> impl Future<Output = ()> + use<> {
    let watch = Function::new_with_args(
        "button",
        "return new Promise(done => new MutationObserver(() => button.ariaBusy === 'true' && done())
           .observe(button, { attributes: true, attributeFilter: ['aria-busy'] }))",
    );
    let seen = watch.call1(&JsValue::NULL, button).expect("an observer");
    async move { _ = JsFuture::from(seen.unchecked_into::<Promise>()).await }
}
