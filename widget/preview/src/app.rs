//! The page: the controls above, and the frames below.
use crate::{copy::Copy, funnel::Funnel, knobs::Knobs, setting::Setting, stage::Stage};
use leptos::prelude::*;
use widget::{locales, preview::scenes, variants};

const WIDTHS: [u32; 5] = [320, 360, 480, 768, 1280];

#[component]
pub(crate) fn App() -> impl IntoView {
    let setting = RwSignal::new(Setting::read());
    Effect::new(move |_| setting.with(Setting::write));
    let names = |names: Vec<String>| names.into_iter().map(|name| (name.clone(), name)).collect::<Vec<_>>();
    let pairs = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(value, label)| ((*value).to_owned(), (*label).to_owned())).collect::<Vec<_>>()
    };
    view! {
        <header class="top">
            <p class="notice"><strong>"Preview."</strong>" Nothing here can be bought, and no money is taken."</p>
            <h1>"Variants of the checkout"</h1>
            <div class="controls">
                <Choice
                    label="Variant"
                    options=names(variants().iter().map(|(name, _)| name.to_owned()).collect())
                    value=Signal::derive(move || setting.with(|setting| setting.variant.clone()))
                    choose=move |variant| setting.update(|setting| {
                        setting.variant = variant;
                        setting.changed = None;
                    })
                />
                <Choice
                    label="State"
                    options=names(scenes().map(str::to_owned).collect())
                    value=Signal::derive(move || setting.with(|setting| setting.scene.clone()))
                    choose=move |scene| setting.update(|setting| setting.scene = scene)
                />
                <Choice
                    label="Show"
                    options=pairs(&[("one", "one"), ("scenes", "every state"), ("variants", "every variant")])
                    value=Signal::derive(move || setting.with(|setting| setting.show.clone()))
                    choose=move |show| setting.update(|setting| setting.show = show)
                />
                <Choice
                    label="Language"
                    options=names(locales().iter().map(|(name, _)| name.to_owned()).collect())
                    value=Signal::derive(move || setting.with(|setting| setting.lang.clone()))
                    choose=move |lang| setting.update(|setting| setting.lang = lang)
                />
                <Choice
                    label="Theme"
                    options=names(["light", "dark", "both"].map(str::to_owned).to_vec())
                    value=Signal::derive(move || setting.with(|setting| setting.theme.clone()))
                    choose=move |theme| setting.update(|setting| setting.theme = theme)
                />
                <Choice
                    label="Width"
                    options=names(WIDTHS.map(|width| width.to_string()).to_vec())
                    value=Signal::derive(move || setting.with(|setting| setting.width.to_string()))
                    choose=move |width| setting.update(|setting| setting.width = width.parse().unwrap_or(360))
                />
                <Choice
                    label="Page"
                    options=pairs(&[("plain", "plain"), ("course", "like a course")])
                    value=Signal::derive(move || setting.with(|setting| setting.page.clone()))
                    choose=move |page| setting.update(|setting| setting.page = page)
                />
            </div>
            <Knobs setting />
            <Copy setting=setting.into() />
            <Funnel />
        </header>
        <main>
            <Stage setting=setting.into() />
        </main>
    }
}

#[component]
fn Choice(
    label: &'static str,
    /// Values and their labels.
    options: Vec<(String, String)>,
    value: Signal<String>,
    choose: impl Fn(String) + 'static,
) -> impl IntoView {
    let options = options.into_iter().map(|(option, name)| {
        let known = option.clone();
        view! { <option value=option selected=move || value.get() == known>{name}</option> }
    });
    view! {
        <label>
            {label}
            <select on:change=move |event| choose(event_target_value(&event))>{options.collect_view()}</select>
        </label>
    }
}
