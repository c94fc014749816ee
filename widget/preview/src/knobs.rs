//! Knobs for what a variant may set, and whether the result is readable.
use crate::setting::Setting;
use leptos::prelude::*;
use std::collections::BTreeMap;
use widget::variants::{Contrast, Facts, File, Layout, TOKENS, Token, Value, contrasts};

/// Selects one of the facts.
type Fact = fn(&mut Facts) -> &mut bool;

/// The texts that marketing changes most.
const WORDS: [&str; 2] = ["purchase", "promise"];

#[component]
pub(crate) fn Knobs(setting: RwSignal<Setting>) -> impl IntoView {
    let file = move || setting.with(Setting::file);
    let change = move |change: &dyn Fn(&mut File)| {
        setting.update(|setting| {
            let mut file = setting.file();
            change(&mut file);
            setting.changed = Some(file);
        });
    };
    let layouts = Layout::ALL.map(|layout| {
        view! {
            <option value=layout.name() selected=move || file().layout == layout>
                {layout.name()}
            </option>
        }
    });
    let choose = move |name: String| {
        if let Some(layout) = Layout::ALL.into_iter().find(|layout| layout.name() == name) {
            change(&|file| file.layout = layout);
        }
    };
    let facts: [(&str, Fact); 4] = [
        ("Seats", |facts| &mut facts.seats),
        ("Dates", |facts| &mut facts.dates),
        ("Summary", |facts| &mut facts.summary),
        ("Guarantee line", |facts| &mut facts.guarantee),
    ];
    let facts = facts.map(|(name, fact)| {
        view! {
            <label>
                <input
                    type="checkbox"
                    prop:checked=move || *fact(&mut file().facts)
                    on:change=move |event| {
                        let on = event_target_checked(&event);
                        change(&|file| *fact(&mut file.facts) = on);
                    }
                />
                {name}
            </label>
        }
    });
    let tokens = TOKENS.iter().map(|token| view! { <TokenKnob token setting /> }).collect_view();
    let words = WORDS.map(|name| {
        let lang = move || setting.with(|setting| setting.lang.clone());
        let text =
            move || file().words.get(&lang()).and_then(|words| words.get(name).cloned()).unwrap_or_default();
        view! {
            <label>
                {name}
                <input
                    type="text"
                    placeholder="as everywhere"
                    prop:value=text
                    on:change=move |event| {
                        let (text, lang) = (event_target_value(&event), lang());
                        change(&|file| set_word(&mut file.words, &lang, name, &text));
                    }
                />
            </label>
        }
    });
    view! {
        <details class="knobs">
            <summary>"Change this variant"</summary>
            <label>"Layout" <select on:change=move |event| choose(event_target_value(&event))>{layouts}</select></label>
            <fieldset><legend>"Shown"</legend>{facts}</fieldset>
            <fieldset><legend>"Words in this language"</legend>{words}</fieldset>
            <fieldset class="tokens"><legend>"Tokens: light, dark"</legend>{tokens}</fieldset>
            <button type="button" on:click=move |_| setting.update(|setting| setting.changed = None)>
                "Undo all changes"
            </button>
        </details>
        <Contrasts file=Signal::derive(file) />
    }
}

fn set_word(words: &mut BTreeMap<String, BTreeMap<String, String>>, lang: &str, name: &str, text: &str) {
    let own = words.entry(lang.to_owned()).or_default();
    if text.is_empty() {
        own.remove(name);
    } else {
        own.insert(name.to_owned(), text.to_owned());
    }
    if own.is_empty() {
        words.remove(lang);
    }
}

#[component]
fn TokenKnob(token: &'static Token, setting: RwSignal<Setting>) -> impl IntoView {
    let values = move || {
        let file = setting.with(Setting::file);
        let own = file.tokens.get(token.name).map(|value| value.themes().map(str::to_owned));
        own.unwrap_or(token.default.map(str::to_owned))
    };
    let set = move |theme: usize, text: String| {
        let mut both = values();
        if token.is_color() {
            both[theme] = text
        } else {
            both = [text.clone(), text]
        }
        setting.update(|setting| {
            let mut file = setting.file();
            if both == token.default.map(str::to_owned) {
                file.tokens.remove(token.name);
            } else {
                let [light, dark] = both.clone();
                let value = if light == dark { Value::Always(light) } else { Value::Themed { light, dark } };
                file.tokens.insert(token.name.to_owned(), value);
            }
            setting.changed = Some(file);
        });
    };
    let kind = if token.is_color() { "color" } else { "text" };
    let field = |theme: usize, label: &'static str| {
        view! {
            <input
                type=kind
                aria-label=format!("{} {label}", token.name)
                prop:value=move || values()[theme].clone()
                on:change=move |event| set(theme, event_target_value(&event))
            />
        }
    };
    let fields = if token.is_color() {
        view! { {field(0, "light")} {field(1, "dark")} }.into_any()
    } else {
        field(0, "").into_any()
    };
    view! { <div class="token"><span>{token.name}</span>{fields}</div> }
}

#[component]
fn Contrasts(file: Signal<File>) -> impl IntoView {
    let poor =
        move || contrasts(&file.get()).into_iter().filter(|pair| !pair.is_enough()).collect::<Vec<_>>();
    let line = |Contrast { front, back, theme, ratio, least }: Contrast| {
        view! { <li>{format!("{front} on {back} ({theme}): {ratio:.1}, and {least} at least")}</li> }
    };
    view! {
        <div class="contrast" role="status">
            {move || match poor() {
                poor if poor.is_empty() => view! { <p class="good">"Every text can be read (WCAG AA)"</p> }.into_any(),
                poor => {
                    view! {
                        <p class="bad">"Hard to read:"</p>
                        <ul>{poor.into_iter().map(line).collect_view()}</ul>
                    }
                        .into_any()
                }
            }}
        </div>
    }
}
