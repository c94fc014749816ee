//! One checkout on the page: its model, its view, and the shell that executes its commands.
use crate::{
    model::{Command, Event, Model},
    shell::Shell,
    view::Screen,
    words::Words,
};
use std::{
    cell::RefCell,
    rc::{Rc, Weak},
};

/// Owns a checkout, which ends when this is dropped.
pub(crate) struct Owner(Rc<Parts>);

/// A weak reference to a checkout, which may have ended.
#[derive(Clone)]
pub(crate) struct Checkout(Weak<Parts>);

struct Parts {
    model: RefCell<Model>,
    words: RefCell<Words>,
    screen: RefCell<Screen>,
    shell: Shell,
}

impl Owner {
    pub(crate) fn new(model: Model, words: Words, screen: Screen, shell: Shell) -> Self {
        Self(Rc::new(Parts {
            model: RefCell::new(model),
            words: RefCell::new(words),
            screen: RefCell::new(screen),
            shell,
        }))
    }

    pub(crate) fn checkout(&self) -> Checkout {
        Checkout(Rc::downgrade(&self.0))
    }

    /// Switches all texts to `words`.
    pub(crate) fn speak(&self, words: Words) {
        self.0.words.replace(words);
        self.0.screen.borrow_mut().update(&self.0.model.borrow(), &self.0.words.borrow());
    }

    pub(crate) fn shell(&self) -> &Shell {
        &self.0.shell
    }
}

impl Checkout {
    /// Passes `event` to the model, updates the view and executes the commands. Does nothing once the element is gone.
    pub(crate) fn send(&self, event: Event) {
        self.step(|model| model.handle(event));
    }

    /// Handles the answer to a request made in `turn`; false once the element is gone.
    pub(crate) fn send_answer(&self, turn: u32, event: Event) -> bool {
        self.step(|model| model.handle_answer(turn, event))
    }

    fn step(&self, step: impl FnOnce(&mut Model) -> Vec<Command>) -> bool {
        let Some(parts) = self.0.upgrade() else { return false };
        let (commands, turn) = {
            let mut model = parts.model.borrow_mut();
            let commands = step(&mut model);
            parts.screen.borrow_mut().update(&model, &parts.words.borrow());
            (commands, model.turn())
        };
        for command in commands {
            parts.shell.carry_out(self, turn, command);
        }
        true
    }
}
