//! Black-box tests over HTTP and webhooks, against the real server and the sandbox.
#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]

mod abuse;
mod accounts;
mod crowd;
mod disputes;
mod documents;
mod expectations;
mod failures;
mod faults;
mod feed;
mod funnel;
mod fuzz;
mod grants;
mod hosted;
mod hosted_again;
mod hosted_coupons;
mod hosted_endings;
mod hosted_team;
mod identity;
mod lifecycle;
mod offerings;
mod orb;
mod pages;
mod payment;
mod postgres;
mod purchases;
mod salesforce;
mod seats;
mod silence;
mod totals;
mod upgrade;
mod webhooks;
