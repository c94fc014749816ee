//! The operators' subcommands of the real binary, beside a running server.
mod accounts;
mod cli;
mod coupons;
mod disputes;
mod files;
mod help;
mod learner;
mod ledger;
mod limits;
mod mail;
mod orb;
mod packs;
mod purchases;
mod reconcile;
mod tokens;
mod variants;
