//! Buying in a real browser: on a course page of another origin, under its strict content security policy.

mod axe;
mod browser;
mod buying;
mod chromium;
mod coupons;
mod course;
mod diagnosis;
mod everywhere;
mod first_screen;
mod fold;
mod keyboard;
mod kind;
mod languages;
mod modes;
mod own_pages;
mod page;
mod pictures;
mod preview;
mod proxy;
mod reload;
mod seats;
mod signed_in;
mod spoken;
mod states;
mod team;
mod variants;
mod visitors;

pub use page::Page;
