//! Waits, with a timeout, for what the server does by itself.
use crate::{Answer, TestApp};
use reqwest::RequestBuilder;
use sandbox::Sandbox;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Timeout for anything.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Timeout where a timeout of the server itself must pass first.
const DEADLINES: Duration = Duration::from_secs(90);

impl TestApp {
    /// Repeats `request` until `found` returns something for the answer, and returns that.
    #[track_caller]
    pub fn answers<T>(
        &self,
        request: impl Fn() -> RequestBuilder,
        found: impl Fn(&Answer) -> Option<T>,
    ) -> impl Future<Output = T> {
        let caller = std::panic::Location::caller();
        async move {
            let until = Instant::now() + TIMEOUT;
            let mut looks = tokio::time::interval(Duration::from_millis(20));
            loop {
                let answer = self.send(request()).await.expect(200);
                if let Some(found) = found(&answer) {
                    return found;
                }
                assert!(Instant::now() < until, "{caller}: not in {answer:?}");
                looks.tick().await;
            }
        }
    }

    /// Waits until the answer to `request` has this status.
    #[track_caller]
    pub fn until_answered(
        &self,
        request: impl Fn() -> RequestBuilder,
        status: u16,
    ) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let until = Instant::now() + TIMEOUT;
            let mut looks = tokio::time::interval(Duration::from_millis(50));
            loop {
                let answer = self.send(request()).await;
                if answer.status == status {
                    return;
                }
                assert!(Instant::now() < until, "{caller}: not {status}: {answer:?}");
                looks.tick().await;
            }
        }
    }

    /// Waits until the purchase is in `state`, and returns it.
    #[track_caller]
    pub fn reaches(&self, id: &str, state: &str) -> impl Future<Output = Value> {
        let (id, state) = (id.to_owned(), state.to_owned());
        let caller = std::panic::Location::caller();
        async move {
            let until = Instant::now() + TIMEOUT;
            let mut version = 0;
            loop {
                let path = format!("/v1/purchases/{id}?wait=5&after={version}");
                let purchase = self.get(&path).await.expect(200).json();
                if purchase["state"] == state.as_str() {
                    return purchase;
                }
                assert!(Instant::now() < until, "{caller}: not {state}: {purchase}");
                version = purchase["version"].as_i64().expect("a version");
            }
        }
    }

    /// Waits for `condition`.
    #[track_caller]
    pub fn until(&self, what: &str, condition: impl Fn(&Sandbox) -> bool) -> impl Future<Output = ()> {
        let what = what.to_owned();
        let caller = std::panic::Location::caller();
        async move {
            let until = Instant::now() + TIMEOUT;
            let mut looks = tokio::time::interval(Duration::from_millis(10));
            while !condition(&self.sandbox) {
                assert!(Instant::now() < until, "{caller}: {what} has not happened");
                looks.tick().await;
            }
        }
    }

    /// Waits until `/readyz` answers with this status, for longer than the server's own timeouts take, and returns the
    /// answer.
    #[track_caller]
    pub fn until_ready(&self, status: u16) -> impl Future<Output = Answer> {
        let caller = std::panic::Location::caller();
        async move {
            let until = Instant::now() + DEADLINES;
            let mut looks = tokio::time::interval(Duration::from_millis(200));
            loop {
                let answer = self.get("/readyz").await;
                if answer.status == status {
                    return answer;
                }
                assert!(Instant::now() < until, "{caller}: {answer:?}");
                looks.tick().await;
            }
        }
    }

    /// Waits until this many commands of the outbox are pending, and this many need attention.
    #[track_caller]
    pub fn outbox_is(&self, pending: i64, stuck: i64) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let until = Instant::now() + TIMEOUT;
            let mut looks = tokio::time::interval(Duration::from_millis(10));
            loop {
                let depth = self.outbox_depth().await;
                if depth == (pending, stuck) {
                    return;
                }
                assert!(
                    Instant::now() < until,
                    "{caller}: the outbox is {depth:?}, not {:?}",
                    (pending, stuck)
                );
                looks.tick().await;
            }
        }
    }
}
