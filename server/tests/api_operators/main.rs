//! The operators' subcommands of the real binary, beside a running server.
mod cli;
mod coupons;
mod mail;
mod packs;
mod purchases;
mod reconcile;
mod tokens;
mod variants;
