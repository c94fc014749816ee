//! The outbox worker: leases a command, carries it out, and records the outcome in the transaction that closes it.

mod carry_out;
mod circuit;
mod mail;
mod stripe_page;
mod sweep;
mod views;

pub use circuit::{look_first, run_circuit};

pub use mail::run_mail;
pub use sweep::{run_sweep, sweep};
pub use views::run_views;

use crate::checkout::Checkout;
use crate::config::Retry;
use crate::error::Error;
use crate::fault_injection::{Step, reach};
use crate::heartbeat::Heartbeat;
use crate::purchase::{Command, Event, Receiver};
use crate::quiet::Quiet;
use crate::store::{StoreError, Task};
use shared::Timestamp;
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// How long a worker keeps a command without renewing its lease: after a crash, another takes over that soon.
const LEASE: Duration = Duration::from_secs(10);
/// How often a worker renews its lease.
const RENEW_INTERVAL: Duration = Duration::from_secs(3);
/// Timeout of one attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(75);
/// The longest `Retry-After` that is honoured.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(86_400);
/// Lease of an email: enough for the whole exchange with the mail server.
const MAIL_LEASE: Duration = Duration::from_secs(180);
/// The longest sleep: other instances' commands are found by polling.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The longest sleep while the outbox can't be read or written to.
const MAX_BACKOFF: Duration = Duration::from_secs(10);
/// Concurrent commands per receiver, so that one that hangs holds up no other.
const AT_ONCE: usize = 16;

/// How an attempt ended.
#[derive(Debug)]
enum Outcome {
    /// Done, with the events to apply to the purchase.
    Done(Vec<Event>),
    /// Worth a retry; if blocked, only once someone has fixed the cause, such as a wrong key.
    Retry { message: String, after: Option<Duration>, is_blocked: bool },
    /// Refused for good, with the events to apply to the purchase.
    NeedsAttention { message: String, events: Vec<Event> },
}

impl Outcome {
    fn later(message: impl Into<String>, after: Option<Duration>) -> Self {
        Self::Retry { message: message.into(), after, is_blocked: false }
    }

    fn blocked(message: impl Into<String>) -> Self {
        Self::Retry { message: message.into(), after: None, is_blocked: true }
    }
}

/// Runs for one receiver until the checkout stops, then finishes what is under way.
pub async fn run_outbox(checkout: Checkout, receiver: Receiver, retry: Retry, heartbeat: Heartbeat) {
    let tasks = TaskTracker::new();
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let mut work = checkout.store.work();
    // Current backoff while the database can't be used.
    let mut trouble = Duration::ZERO;
    while !checkout.stop.is_cancelled() {
        heartbeat.beat();
        let slot = tokio::select! {
            slot = slots.clone().acquire_owned() => slot,
            () = checkout.stop.cancelled() => break,
        };
        let leased = match checkout.takes_work() {
            true => checkout.store.lease(&receiver, checkout.now(), LEASE).await,
            false => Ok(None),
        };
        match leased {
            Ok(Some(task)) => {
                trouble = Duration::ZERO;
                let checkout = checkout.clone();
                tasks.spawn(async move {
                    carry_out(&checkout, &retry, &task).await;
                    drop(slot);
                });
                continue;
            }
            Ok(None) => {}
            Err(error) => {
                static UNREAD: Quiet = Quiet::new();
                if let Some(more) = UNREAD.speak() {
                    tracing::error!(%error, more, "failed to read the outbox");
                }
                trouble = (trouble * 2).clamp(POLL_INTERVAL, MAX_BACKOFF);
                tokio::select! {
                    () = tokio::time::sleep(trouble) => {}
                    () = checkout.stop.cancelled() => {}
                }
                continue;
            }
        }
        trouble = Duration::ZERO;
        tokio::select! {
            Ok(()) = work.changed() => {}
            () = tokio::time::sleep(wait(&checkout, &receiver).await) => {}
            () = checkout.stop.cancelled() => {}
        }
    }
    tasks.close();
    tasks.wait().await;
}

async fn wait(checkout: &Checkout, receiver: &Receiver) -> Duration {
    match checkout.store.next_due(receiver).await {
        Ok(Some(due)) => due.since(checkout.now()).clamp(Duration::from_millis(10), POLL_INTERVAL),
        Ok(None) | Err(_) => POLL_INTERVAL,
    }
}

/// Leases the next command to `receiver` and carries it out; `false` if none is due.
pub async fn work_once(checkout: &Checkout, receiver: &Receiver, retry: &Retry) -> Result<bool, StoreError> {
    let Some(task) = checkout.store.lease(receiver, checkout.now(), LEASE).await? else { return Ok(false) };
    carry_out(checkout, retry, &task).await;
    Ok(true)
}

async fn carry_out(checkout: &Checkout, retry: &Retry, task: &Task) {
    reach(Step::OutboxLeased, task.command.name());
    let tried = tokio::select! {
        tried = tokio::time::timeout(ATTEMPT_TIMEOUT, checkout.carry_out(task)) => tried,
        never = keep_lease(checkout, task) => match never {},
    };
    let outcome = match tried {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => Outcome::later(error.to_string(), None),
        Err(_) => Outcome::later("took too long", None),
    };
    reach(Step::OutboxCarriedOut, task.command.name());
    if let Err(error) = record(checkout, retry, task, outcome).await {
        // Nothing is lost: the lease expires, and the command is carried out again.
        static LOST: Quiet = Quiet::new();
        if let Some(more) = LOST.speak() {
            tracing::error!(%error, more, outbox.id = task.id, outbox.command = task.command.name(), "failed to record a command's outcome");
        }
    }
}

async fn keep_lease(checkout: &Checkout, task: &Task) -> Infallible {
    loop {
        tokio::time::sleep(RENEW_INTERVAL).await;
        if let Err(error) = checkout.store.renew(task, checkout.now().plus(LEASE)).await {
            static UNRENEWED: Quiet = Quiet::new();
            if let Some(more) = UNRENEWED.speak() {
                tracing::warn!(%error, more, outbox.id = task.id, "failed to renew a command's lease");
            }
        }
    }
}

async fn record(checkout: &Checkout, retry: &Retry, task: &Task, outcome: Outcome) -> Result<(), Error> {
    let now = checkout.now();
    let command = task.command.name();
    let (events, failure) = match outcome {
        Outcome::Done(events) => (events, None),
        Outcome::NeedsAttention { message, events } => (events, Some(message)),
        Outcome::Retry { message, .. } if now.since(task.tried_since) >= retry.give_up => {
            (given_up(&task.command), Some(message))
        }
        Outcome::Retry { message, after, is_blocked } => {
            // Alert operators now, not only when the retries end.
            static BLOCKED: Quiet = Quiet::new();
            if is_blocked && let Some(more) = BLOCKED.speak() {
                tracing::error!(
                    alert = true,
                    outbox.id = task.id,
                    outbox.command = command,
                    error = message,
                    more,
                    "command blocked until someone fixes the cause"
                );
            }
            let wait = after.unwrap_or_default().min(MAX_RETRY_AFTER).max(backoff(
                retry,
                task.tried_since,
                task.attempts,
            ));
            // The last attempt is at the very end of the retry period, so that there always is one.
            let next = now.plus(wait).min(task.tried_since.plus(retry.give_up));
            tracing::warn!(
                outbox.id = task.id,
                outbox.command = command,
                outbox.attempts = task.attempts,
                error = message,
                "command failed; will retry"
            );
            return Ok(checkout.store.retry(task, &message, next).await?);
        }
    };
    let mut tx = checkout.store.begin().await?;
    for event in events {
        checkout.rules.apply_in(&mut tx, &task.purchase, event, now).await?;
    }
    if let (None, Command::ReturnStray { intent, .. }) = (&failure, &task.command) {
        tx.book_return(&task.purchase, intent, now).await?;
    }
    let closed = match &failure {
        None => tx.finish(task, now).await?,
        Some(message) => {
            tracing::error!(
                alert = true,
                outbox.command = command,
                error = message,
                "command needs attention"
            );
            tx.give_to_person(task, message, now).await?
        }
    };
    // What was done is recorded, even if another worker has taken over meanwhile.
    if closed || failure.is_none() {
        reach(Step::OutboxStored, command);
        tx.commit().await?;
        reach(Step::OutboxCommitted, command);
        tracing::info!(outbox.command = command, outbox.attempts = task.attempts, "command closed");
    }
    Ok(())
}

/// The events for the purchase once retries have ended, so that its timeline doesn't wait.
fn given_up(command: &Command) -> Vec<Event> {
    match command {
        Command::CreateGrant => vec![Event::GrantRefused],
        Command::NotifyAccount { receiver, .. } => {
            vec![Event::AccountAnswered { receiver: receiver.clone(), took: false }]
        }
        Command::AskStripe
        | Command::CancelIntent
        | Command::CreateRefund { .. }
        | Command::CancelStray { .. }
        | Command::ReturnStray { .. }
        | Command::Escalate { .. }
        | Command::RevokeGrant
        | Command::NotifyAccounts { .. } => vec![],
    }
}

/// Doubles with each attempt up to the cap. Jitter keeps many commands from retrying at once; it is derived from the
/// command, so that a simulation is reproducible.
fn backoff(retry: &Retry, tried_since: Timestamp, attempts: u32) -> Duration {
    let doubled = retry.base.saturating_mul(1 << attempts.saturating_sub(1).min(24));
    let mut hasher = DefaultHasher::new();
    (tried_since, attempts).hash(&mut hasher);
    let share = f64::from(hasher.finish() as u32) / f64::from(u32::MAX);
    doubled.min(retry.cap).mul_f64(0.5 + share / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap() {
        let retry = Retry {
            base: Duration::from_secs(1),
            cap: Duration::from_secs(60),
            give_up: Duration::from_secs(3600),
        };
        for (attempts, most) in [(1, 1), (2, 2), (3, 4), (7, 60), (40, 60)] {
            let wait = backoff(&retry, Timestamp::from_millis(0), attempts).as_secs_f64();
            assert!((f64::from(most) / 2.0..=f64::from(most)).contains(&wait), "{attempts}: {wait}");
        }
    }
}
