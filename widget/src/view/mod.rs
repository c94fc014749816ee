//! The card: what is sold, and below it the offer, the form or a panel.
//!
//! Text comes from expressions throughout: Leptos builds elements of literals only by `innerHTML`, which pages that
//! demand Trusted Types refuse.
mod form;
mod offer;
mod panel;

use crate::{checkout::Checkout, dates, model::Stage, words};
use form::Form;
use leptos::{
    html::Div,
    prelude::*,
    tachys::view::{Mountable, Render},
};
use offer::Offer;
use panel::Panel;
use std::any::Any;

#[component]
pub(crate) fn Card(checkout: Checkout) -> impl IntoView {
    let offering = checkout.read(|model| model.screen.offering.clone());
    let dates = offering.starts_at.map(|starts_at| dates::span(starts_at, offering.ends_at));
    let undated = dates.is_none();
    let stage = NodeRef::<Div>::new();
    show_later_stages(checkout, stage);
    view! {
        <article class="card" part="card" lang="en" dir="ltr">
            <header class="head">
                <p class="kind" part="kind">{words::kind(offering.kind)}</p>
                <h2 class="title" part="title" tabindex="-1" data-focus="title">{offering.title}</h2>
                <p class="summary" part="summary">{offering.summary}</p>
                <p class="dates" part="dates" hidden=undated>{dates.unwrap_or_default()}</p>
            </header>
            <div class="terms">
                <p class="price" part="price">{checkout.text(|model| model.due().to_string())}</p>
                <p class="seats" part="seats" hidden=checkout.flag(|model| words::seats(model).is_empty())>
                    {checkout.text(words::seats)}
                </p>
            </div>
            <Offer checkout/>
            <div class="stage" node_ref=stage></div>
            <p class="spoken" role="status">{checkout.text(words::status)}</p>
        </article>
    }
}

/// Builds the form and the panel into `stage` when they are wanted. The server never renders them, and a view that
/// is only built spares every visitor the code to hydrate it.
fn show_later_stages(checkout: Checkout, stage: NodeRef<Div>) {
    let place = Memo::new(move |_| checkout.read(|model| place(&model.stage)));
    Effect::new(move |shown: Option<Option<Box<dyn Any>>>| -> Option<Box<dyn Any>> {
        drop(shown);
        let stage = stage.get()?;
        match place.get() {
            Place::Offer => None,
            Place::Form => Some(Box::new(mount(view! { <Form checkout/> }, &stage))),
            Place::Panel => Some(Box::new(mount(view! { <Panel checkout/> }, &stage))),
        }
    });
}

/// Takes its nodes away when dropped.
pub(crate) struct Mounted<M: Mountable>(pub(crate) M);

impl<M: Mountable> Drop for Mounted<M> {
    fn drop(&mut self) {
        self.0.unmount();
    }
}

fn mount<V: Render>(view: V, parent: &leptos::tachys::renderer::types::Element) -> Mounted<V::State> {
    let mut state = view.build();
    state.mount(parent, None);
    Mounted(state)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Offer,
    Form,
    Panel,
}

const fn place(stage: &Stage) -> Place {
    match stage {
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
