//! Types that the widget and the server share: wire types, money, emails and problem codes.
#![forbid(unsafe_code)]

mod email;
mod money;
mod offering;
pub mod policy;
mod problem;
mod purchase;
mod screen;
mod text_enum;
mod timestamp;

pub use email::{Email, InvalidEmail};
pub use money::{Charges, Currency, InvalidCurrency, Money, Unfit};
pub use offering::{Kind, Offering, Sale, Seats, SeatsNews, Team};
pub use problem::{Challenge, Code, Problem, Reason};
#[cfg(feature = "wire")]
pub use purchase::TokenRefusal;
pub use purchase::{
    ChangePurchase, OpenPurchase, Opened, Pay, PayAnswer, Price, PurchaseView, State, Step, StepState,
    TimelineEntry,
};
pub use screen::Screen;
pub use timestamp::Timestamp;
