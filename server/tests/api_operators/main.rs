//! The operators' subcommands of the real binary, beside a running server.
mod cli;
mod purchases;
mod reconcile;
mod variants;
