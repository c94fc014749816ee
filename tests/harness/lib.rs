//! The test harness: a server on a port of its own, with a fresh database and a sandbox.

mod answer;
mod app;
mod browser;
mod coupons;
mod description;
mod logs;
mod ports;
mod seats;
mod wait;

pub use answer::Answer;
pub use app::{COURSE, LAUNCH_SECRET, Setup, TestApp, intent_of};
pub use browser::{HtmlForm, PlainBrowser, purchase_of};
pub use coupons::percent_off;
pub use logs::logged;
pub use ports::free_address;
pub use seats::SeatStream;
