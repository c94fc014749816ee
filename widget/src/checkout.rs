//! One checkout on the page: its model as a signal, and the shell that carries its commands out.
use crate::model::{Event, Model};
#[cfg(target_arch = "wasm32")]
use crate::shell::Shell;
use leptos::prelude::*;

#[derive(Clone, Copy)]
pub(crate) struct Checkout {
    model: RwSignal<Model>,
    #[cfg(target_arch = "wasm32")]
    shell: StoredValue<Shell, LocalStorage>,
}

impl Checkout {
    /// Belongs to the current owner, and ends with it.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn new(model: Model, shell: Shell) -> Self {
        Self { model: RwSignal::new(model), shell: StoredValue::new_local(shell) }
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn new(model: Model) -> Self {
        Self { model: RwSignal::new(model) }
    }

    /// Reads the model, and again whenever it changes.
    pub(crate) fn read<T>(self, read: impl FnOnce(&Model) -> T) -> T {
        self.model.with(read)
    }

    /// A text of the view. One type for all of them, like `flag`: each further type would cost every visitor its own
    /// copy of Leptos's machinery.
    pub(crate) fn text(self, read: fn(&Model) -> String) -> Signal<String> {
        Signal::derive(move || self.read(read))
    }

    pub(crate) fn flag(self, read: fn(&Model) -> bool) -> Signal<bool> {
        Signal::derive(move || self.read(read))
    }

    /// Tells the model what happened, and does what follows from it. Nothing once the element is gone.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn send(self, event: Event) {
        self.step(|model| model.handle(event));
    }

    /// Nobody presses anything on the server.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn send(self, event: Event) {
        self.model.update(|model| drop(model.handle(event)));
    }

    /// Takes an answer that was asked for in `turn`; false once the element is gone.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn send_answer(self, turn: u32, event: Event) -> bool {
        self.step(|model| model.handle_answer(turn, event))
    }

    #[cfg(target_arch = "wasm32")]
    fn step(self, step: impl FnOnce(&mut Model) -> Vec<crate::model::Command>) -> bool {
        let done = self.model.try_update(|model| (step(model), model.turn()));
        let (Some((commands, turn)), Some(shell)) = (done, self.shell.try_get_value()) else { return false };
        for command in commands {
            shell.carry_out(self, turn, command);
        }
        true
    }
}
