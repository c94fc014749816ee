//! A static view of the checkout in any state, variant and language.
use crate::{model::scenes, variants::Variant, view};
use web_sys::Element;

/// A static view, which is removed when dropped.
pub struct Still(#[expect(dead_code, reason = "holds the nodes")] view::Screen);

/// The names of all states, in the order in which learners see them.
pub fn scenes() -> impl Iterator<Item = &'static str> {
    scenes::ALL.iter().map(|(name, _)| *name)
}

/// The element's styles, in the order of `style/index.css` and `style/later.css`.
pub const STYLES: &str = concat!(
    include_str!("../../style/tokens.css"),
    include_str!("../../style/host.css"),
    include_str!("../../style/card.css"),
    include_str!("../../style/button.css"),
    include_str!("../../style/modes.css"),
    include_str!("../../style/form.css"),
    include_str!("../../style/panel.css"),
);

impl Still {
    /// Shows the state `scene` in `main`, which must be empty.
    #[must_use]
    pub fn show(main: &Element, scene: &str, variant: &str, look: &Variant, lang: &str) -> Option<Self> {
        let (_, model) = scenes::ALL.iter().find(|(name, _)| *name == scene)?;
        let model = model(scenes::screen(variant, look.is_dialog()));
        let words = look.locale(lang).1.words();
        let mut screen = view::Screen::mount(&model, words, main)?;
        screen.update(&model, words);
        Some(Self(screen))
    }
}
