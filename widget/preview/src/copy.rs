//! Things to copy or download: the link, the snippet, the page policy and the variant's file.
use crate::setting::{Setting, window};
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::policy::{LINK, STRIPE_API, STRIPE_SCRIPTS};
use wasm_bindgen_futures::JsFuture;

const SKU: &str = "ru-redis-fundamentals";

#[component]
pub(crate) fn Copy(setting: Signal<Setting>) -> impl IntoView {
    let told = RwSignal::new(String::new());
    let button = move |label: &'static str, text: fn(&Setting) -> String| {
        view! {
            <button type="button" on:click=move |_| copy(setting.with(text), label, told)>
                {format!("Copy {label}")}
            </button>
        }
    };
    let download = move || {
        let text = setting.with(|setting| setting.file().to_text());
        format!("data:application/toml;charset=utf-8,{}", String::from(js_sys::encode_uri_component(&text)))
    };
    view! {
        <div class="copy">
            {button("link to this preview", Setting::link)}
            {button("embed snippet", snippet)}
            {button("page policy", |_| policy())}
            <a href=download download=move || setting.with(|setting| format!("{}.toml", setting.variant))>
                "Download variant"
            </a>
            <span role="status">{move || told.get()}</span>
        </div>
        <details>
            <summary>"Embed snippet"</summary>
            <pre>{move || setting.with(snippet)}</pre>
        </details>
    }
}

fn copy(text: String, label: &'static str, told: RwSignal<String>) {
    spawn_local(async move {
        let copied = JsFuture::from(window().navigator().clipboard().write_text(&text)).await;
        told.set(match copied {
            Ok(_) => format!("Copied the {label}"),
            Err(_) => format!("This browser does not let a page copy. Here it is: {text}"),
        });
    });
}

fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

/// The embed snippet, with the space that the first screen takes.
fn snippet(setting: &Setting) -> String {
    let (origin, variant) = (origin(), &setting.variant);
    let height = setting.file().height.unwrap_or_else(|| "22rem".to_owned());
    // Until the element is defined, it is as wide as the page.
    let height = height.replace("100cqi", "100vw").replace("em", "rem").replace("rrem", "rem");
    format!(
        "<script async src=\"{origin}/embed/v1.js?sku={SKU}&variant={variant}\"></script>\n\
         <redis-checkout sku=\"{SKU}\" variant=\"{variant}\">\n  <a href=\"{origin}/buy/{SKU}\">Enroll</a>\n</redis-checkout>\n\n\
         /* in a stylesheet of the page, so that nothing moves when the checkout comes */\n\
         redis-checkout:not(:defined) {{ display: block; min-height: {height}; }}\n"
    )
}

fn policy() -> String {
    let origin = origin();
    format!(
        "script-src {origin} {STRIPE_SCRIPTS} 'wasm-unsafe-eval'; style-src {origin}; \
         connect-src {origin} {STRIPE_API} {LINK}; frame-src {STRIPE_SCRIPTS} {LINK}; img-src {LINK}"
    )
}
