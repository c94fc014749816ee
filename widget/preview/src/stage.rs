//! The frames: each is a page, plain or like a course's, with a static checkout in it.
use crate::setting::Setting;
use js_sys::{Array, Reflect};
use leptos::{html::Div, prelude::*};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{DocumentFragment, Element, ShadowRoot, ShadowRootInit, ShadowRootMode};
use widget::{
    Variant, locales,
    preview::{STYLES, Still, scenes},
    variants,
};

#[wasm_bindgen]
extern "C" {
    type CSSStyleSheet;
    #[wasm_bindgen(constructor)]
    fn new() -> CSSStyleSheet;
    #[wasm_bindgen(method, js_name = replaceSync)]
    fn replace_sync(this: &CSSStyleSheet, text: &str);
}

/// One checkout to show.
#[derive(Clone)]
struct Shown {
    scene: String,
    variant: String,
    theme: &'static str,
    setting: Setting,
}

#[component]
pub(crate) fn Stage(setting: Signal<Setting>) -> impl IntoView {
    move || {
        let frames = frames(&setting.get()).into_iter().map(|shown| view! { <Frame shown /> }).collect_view();
        view! { <div class="stage">{frames}</div> }
    }
}

fn frames(setting: &Setting) -> Vec<Shown> {
    let themes: &[&str] = match setting.theme.as_str() {
        "dark" => &["dark"],
        "both" => &["light", "dark"],
        _ => &["light"],
    };
    let names: Vec<(String, String)> = match setting.show.as_str() {
        "scenes" => scenes().map(|scene| (scene.to_owned(), setting.variant.clone())).collect(),
        "variants" => variants().iter().map(|(name, _)| (setting.scene.clone(), name.to_owned())).collect(),
        _ => vec![(setting.scene.clone(), setting.variant.clone())],
    };
    let shown = |(scene, variant): (String, String)| {
        themes.iter().map(move |theme| Shown {
            scene: scene.clone(),
            variant: variant.clone(),
            theme,
            setting: setting.clone(),
        })
    };
    names.into_iter().flat_map(shown).collect()
}

#[component]
fn Frame(shown: Shown) -> impl IntoView {
    let Shown { scene, variant, theme, setting } = shown;
    let title = format!("{variant} · {scene} · {theme}");
    let look = match setting.look(&variant) {
        Ok(look) => look,
        Err(mistake) => return view! { <p class="mistake" role="alert">{mistake}</p> }.into_any(),
    };
    let (lang, locale) = locales().find(&setting.lang);
    let dir = if lang == "he" { "rtl" } else { "ltr" };
    let tall = look.is_dialog();
    _ = locale;
    let host = NodeRef::<Div>::new();
    let still = StoredValue::new_local(None::<Still>);
    Effect::new(move |_| {
        if let Some(host) = host.get() {
            // As a page would set it.
            _ = host.set_attribute("theme", theme);
            still.set_value(stand(&host, &scene, &variant, &look, lang));
        }
    });
    // Links go nowhere here.
    let stay = |event: leptos::ev::MouseEvent| event.prevent_default();
    let checkout = view! {
        <div node_ref=host class="host">
            <div slot="payment" class="stand-in">
                "Stripe's payment form: card, wallet or bank"
            </div>
            <div slot="challenge" class="stand-in">
                "The question whether a person is here"
            </div>
        </div>
    };
    let page = if setting.page == "course" { course(checkout).into_any() } else { checkout.into_any() };
    view! {
        <figure class="frame" class:dark=theme == "dark" class:tall=tall style:width=format!("{}px", setting.width)>
            <figcaption>{title}</figcaption>
            <div class="page" dir=dir on:click=stay>
                {page}
            </div>
        </figure>
    }
    .into_any()
}

/// A mock course page around the checkout.
fn course(checkout: impl IntoView) -> impl IntoView {
    view! {
        <header class="bar">"Redis University"</header>
        <h2>"Vector search with Redis"</h2>
        <p>"Build retrieval that answers in milliseconds, beside an engineer who has put it into production."</p>
        {checkout}
        <h3>"What you will learn"</h3>
        <p>"Schemas, full-text and numeric queries, aggregation. Choosing a model, a distance and an index."</p>
    }
}

fn stand(host: &Element, scene: &str, variant: &str, look: &Variant, lang: &str) -> Option<Still> {
    // The frame may already have a shadow root, with an earlier checkout.
    let known = host.shadow_root();
    let root: ShadowRoot =
        known.or_else(|| host.attach_shadow(&ShadowRootInit::new(ShadowRootMode::Open)).ok())?;
    let sheets = Array::new();
    for text in [STYLES, look.sheet()] {
        let sheet = CSSStyleSheet::new();
        sheet.replace_sync(text);
        sheets.push(&sheet);
    }
    Reflect::set(&root, &"adoptedStyleSheets".into(), &sheets).ok()?;
    let main = document().create_element("div").ok()?;
    main.set_class_name("main");
    root.unchecked_ref::<DocumentFragment>().replace_children_with_node_1(&main);
    Still::show(&main, scene, variant, look, lang)
}
