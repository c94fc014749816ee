//! Turns the card into a dialog, in variants that have one. Most have none, so this is not part of the view, where
//! every attribute would cost every visitor.
use crate::{
    model::Model,
    platform::page::document,
    view::Press,
    words::{Key, Words},
};
use web_sys::Element;

pub(super) struct Dialog {
    /// Around the card, which is an `article` and so can't have the role of a dialog.
    main: Element,
    card: Element,
    close: Element,
    /// Receives the focus when it leaves the dialog, and sends it to the other end.
    edges: [Element; 2],
}

impl Dialog {
    /// Adds a close button and the edges around `stage`, which follows the offer in `card`.
    pub(super) fn new(card: Element, stage: &Element) -> Option<Self> {
        let make = |tag: &str, name: &str, value: &str| {
            let element = document().create_element(tag).ok()?;
            element.set_attribute(name, value).ok()?;
            Some(element)
        };
        let main = card.parent_element()?;
        let close = make("button", "data-press", Press::Close.name())?;
        for (name, value) in [("class", "close"), ("part", "close"), ("type", "button")] {
            close.set_attribute(name, value).ok()?;
        }
        let edges = [make("span", "data-edge", "last")?, make("span", "data-edge", "first")?];
        for edge in &edges {
            edge.set_attribute("tabindex", "0").ok()?;
        }
        let after = stage.next_sibling();
        card.insert_before(&edges[0], Some(stage)).ok()?;
        card.insert_before(&close, Some(stage)).ok()?;
        card.insert_before(&edges[1], after.as_ref()).ok()?;
        Some(Self { main, card, close, edges })
    }

    pub(super) fn update(&self, model: &Model, words: &Words) {
        let open = model.is_dialog_open();
        let title = &model.screen.offering.title;
        for (element, name, value) in [
            (&self.main, "role", "dialog"),
            (&self.main, "aria-modal", "true"),
            (&self.main, "aria-label", title),
            (&self.card, "data-open", ""),
            // A click on plain text moves the focus here, not outside, where Escape would go unheard.
            (&self.main, "tabindex", "-1"),
        ] {
            _ = if open { element.set_attribute(name, value) } else { element.remove_attribute(name) };
        }
        for element in self.edges.iter().chain([&self.close]) {
            _ = element.toggle_attribute_with_force("hidden", !open);
        }
        _ = self.close.set_attribute("aria-label", &words.say(Key::Close));
    }
}
