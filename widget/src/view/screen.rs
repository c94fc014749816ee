//! The view on the page.
use super::{card, dialog::Dialog, form::form, panel::panel};
use crate::{
    model::{Model, Stage},
    platform::dom::{Texts, put_back, texts_in},
    words::Words,
};
use leptos::{
    prelude::*,
    tachys::{
        hydration::Cursor,
        view::{Mountable, PositionState, Render, RenderHtml},
    },
};
use web_sys::Element;

/// Removes its nodes when dropped.
pub(crate) struct Screen {
    card: Box<dyn Shown>,
    texts: Texts,
    /// Where the form and the panel go. The server never renders them, and building them here spares every visitor the
    /// code to hydrate them.
    stage: Element,
    later: Option<(Place, Box<dyn Shown>, Texts)>,
    dialog: Option<Dialog>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Offer,
    /// If no seat is left, only the field for a code that brings one.
    Form,
    Panel,
}

/// A view and its nodes.
struct Part<V: Render> {
    view: fn(&Model, &Words) -> V,
    state: V::State,
}

trait Shown {
    fn update(&mut self, model: &Model, words: &Words);
    fn remove(&mut self);
}

impl<V: Render> Shown for Part<V> {
    fn update(&mut self, model: &Model, words: &Words) {
        (self.view)(model, words).rebuild(&mut self.state);
    }

    fn remove(&mut self) {
        self.state.unmount();
    }
}

impl Screen {
    /// Hydrates what the server rendered into `main`.
    pub(crate) fn hydrate(model: &Model, words: &Words, main: &Element) -> Option<Self> {
        let cursor = Cursor::new(main.clone());
        let state = card(model, words).into_view().hydrate::<true>(&cursor, &PositionState::default());
        let card = Box::new(Part { view: |model, words| card(model, words).into_view(), state });
        Some(Self { card, texts: texts_in(main), stage: stage(main)?, later: None, dialog: None })
    }

    /// Builds everything from scratch in `main`, which must be empty.
    #[cfg(feature = "mount")]
    pub(crate) fn mount(model: &Model, words: &Words, main: &Element) -> Option<Self> {
        let card = build(|model, words| card(model, words).into_view(), model, words, main);
        Some(Self { card, texts: texts_in(main), stage: stage(main)?, later: None, dialog: None })
    }

    /// Updates the view to the model's current state.
    pub(crate) fn update(&mut self, model: &Model, words: &Words) {
        self.card.update(model, words);
        put_back(&self.texts);
        if self.dialog.is_none() && model.screen.dialog {
            self.dialog = self.stage.parent_element().and_then(|card| Dialog::new(card, &self.stage));
        }
        if let Some(dialog) = &self.dialog {
            dialog.update(model, words);
        }
        let place = place(model);
        if let Some((shown, view, texts)) = &mut self.later
            && *shown == place
        {
            view.update(model, words);
            return put_back(texts);
        }
        self.leave();
        let view = match place {
            Place::Offer => return,
            Place::Form => build(form, model, words, &self.stage),
            Place::Panel => build(panel, model, words, &self.stage),
        };
        self.later = Some((place, view, texts_in(&self.stage)));
    }

    fn leave(&mut self) {
        if let Some((_, mut view, _)) = self.later.take() {
            view.remove();
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.leave();
        self.card.remove();
    }
}

fn build<V: Render + 'static>(
    view: fn(&Model, &Words) -> V,
    model: &Model,
    words: &Words,
    parent: &Element,
) -> Box<dyn Shown> {
    let mut state = view(model, words).build();
    state.mount(parent, None);
    Box::new(Part { view, state })
}

fn stage(main: &Element) -> Option<Element> {
    main.query_selector(".stage").ok().flatten()
}

fn place(model: &Model) -> Place {
    match model.stage {
        Stage::Offer { .. } | Stage::Opening if model.asks_for_seat() => Place::Form,
        Stage::Offer { .. } | Stage::Opening => Place::Offer,
        Stage::Form { .. } | Stage::Paying(_) => Place::Form,
        Stage::Checking { .. }
        | Stage::Processing
        | Stage::Paid { .. }
        | Stage::Granted { .. }
        | Stage::Over(_)
        | Stage::Failed(_) => Place::Panel,
    }
}
