//! All buttons. They share one type, so that the page loads its code once.
use super::{Press, aria::said};
use leptos::prelude::*;

/// Class and part of a primary button or link, and of a secondary one.
pub(super) const BUTTON_PART: &str = "button";
#[cfg_attr(not(target_arch = "wasm32"), expect(dead_code, reason = "the server renders none"))]
pub(super) const QUIET_PART: &str = "quiet";

/// A button's action, label and state.
pub(super) struct Button {
    pub(super) press: Press,
    pub(super) label: String,
    pub(super) hidden: bool,
    pub(super) disabled: bool,
    pub(super) busy: bool,
}

pub(super) fn button(part: &'static str, button: Button) -> impl IntoView {
    let Button { press, label, hidden, disabled, busy } = button;
    view! {
        <button
            class=part
            part=part
            type=if matches!(press, Press::Pay) { "submit" } else { "button" }
            hidden=hidden
            disabled=disabled
            aria-busy=said(busy)
            data-focus=press.name()
            data-press=press.name()
        >
            {label}
        </button>
    }
}

impl Button {
    pub(super) const fn new(press: Press, label: String) -> Self {
        Self { press, label, hidden: false, disabled: false, busy: false }
    }
}
