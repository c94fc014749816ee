//! Waiting for what the server comes to by itself, with an end.
use crate::{Answer, TestApp};
use reqwest::RequestBuilder;
use sandbox::Sandbox;
use serde_json::Value;
use std::time::{Duration, Instant};

/// The longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The longest where the server itself has to give up waiting first.
const DEADLINES: Duration = Duration::from_secs(90);

impl TestApp {
    /// What is `found` in an answer to `request`, once it is.
    #[track_caller]
    pub fn answers<T>(
        &self,
        request: impl Fn() -> RequestBuilder,
        found: impl Fn(&Answer) -> Option<T>,
    ) -> impl Future<Output = T> {
        let caller = std::panic::Location::caller();
        async move {
            let until = Instant::now() + PATIENCE;
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
            let until = Instant::now() + PATIENCE;
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

    /// The purchase, once it is in `state`.
    #[track_caller]
    pub fn reaches(&self, id: &str, state: &str) -> impl Future<Output = Value> {
        let (id, state) = (id.to_owned(), state.to_owned());
        let caller = std::panic::Location::caller();
        async move {
            let until = Instant::now() + PATIENCE;
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
            let until = Instant::now() + PATIENCE;
            let mut looks = tokio::time::interval(Duration::from_millis(10));
            while !condition(&self.sandbox) {
                assert!(Instant::now() < until, "{caller}: {what} has not happened");
                looks.tick().await;
            }
        }
    }

    /// Waits until `/readyz` answers this status, within what a deadline of ours takes, and returns the answer.
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

    /// Waits until so many commands of the outbox wait, and so many need a person.
    #[track_caller]
    pub fn outbox_is(&self, pending: i64, stuck: i64) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let until = Instant::now() + PATIENCE;
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
