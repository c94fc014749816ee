//! The backend of Redis University Checkout: holds seats, takes payments through Stripe and grants access in FlockJay.
#![forbid(unsafe_code)]

pub mod abuse;
pub mod account;
pub mod admission;
mod app;
pub mod catalog;
pub mod checkout;
pub mod clock;
pub mod config;
pub mod coupons;
pub mod csv;
pub mod email;
pub mod error;
pub mod fault_injection;
pub mod funnel;
pub mod grants;
pub mod heartbeat;
pub mod http;
pub mod identity;
pub mod links;
pub mod mail;
pub mod operate;
mod outbound;
pub mod payments;
pub mod purchase;
mod quiet;
pub mod reconcile;
pub mod store;
pub mod timekeeping;
pub mod worker;

pub use app::App;
