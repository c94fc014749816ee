//! Buying in a real browser: the course page of another origin, under its strict page policy.

mod axe;
mod buying;
mod chromium;
mod course;
mod first_screen;
mod kind;
mod languages;
mod page;
mod pictures;
mod proxy;
mod seats;
mod variants;

pub use page::Page;
