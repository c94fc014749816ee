//! `outbox list` and `outbox retry`.
use super::show::{moment, print, print_json, table};
use super::{OperatorArgs, Refused};
use crate::store::{OutboxEntry, Retried, Store};
use serde_json::json;

pub(super) const HEADER: [&str; 7] = ["command", "purchase", "state", "attempts", "next", "what", "error"];

/// Lists commands in `state`: `pending`, `needs_person` or `done`.
pub async fn list_commands(args: &OperatorArgs, state: &str, most: i64) -> anyhow::Result<()> {
    if !["pending", "needs_person", "done"].contains(&state) {
        let detail = format!("{state:?} must be pending, needs_person or done");
        return Err(Refused::Field { field: "--state", detail }.into());
    }
    let commands = args.open().await?.commands_in(state, most).await?;
    table(args.json, &commands, &HEADER, commands.iter().map(row).collect())
}

/// Retries a command that needed attention.
pub async fn retry_command(args: &OperatorArgs, id: &str) -> anyhow::Result<()> {
    let who = args.operator()?;
    put_back(&args.open().await?, id, who, "retry").await?;
    say_put_back(args, id)
}

pub(super) async fn put_back(store: &Store, id: &str, who: &str, act: &str) -> anyhow::Result<()> {
    let now = store.now().await?;
    let mut tx = store.begin().await?;
    let retried = tx.retry_command(id, now).await?;
    let purchase = tx.purchase_of_command(id).await?;
    match (retried, purchase) {
        (Retried::Yes, Some(purchase)) => {
            tx.audit(who, act, Some(&purchase), id, now).await?;
            Ok(tx.commit().await?)
        }
        (Retried::Waiting, _) => {
            Err(Refused::Done(format!("{id} is already waiting for its next attempt")).into())
        }
        (Retried::Done, _) => Err(Refused::Done(format!("{id} has already been carried out")).into()),
        (Retried::Unknown | Retried::Yes, _) => Err(Refused::UnknownCommand(id.to_owned()).into()),
    }
}

pub(super) fn say_put_back(args: &OperatorArgs, id: &str) -> anyhow::Result<()> {
    if args.json {
        return print_json(&json!({ "command": id, "state": "pending" }));
    }
    print(&format!("{id} will be retried within a second"));
    Ok(())
}

pub(super) fn row(entry: &OutboxEntry) -> Vec<String> {
    let pending = entry.state == "pending";
    vec![
        entry.id.clone(),
        entry.reference.clone(),
        entry.state.clone(),
        entry.attempts.to_string(),
        if pending { moment(entry.next_attempt_at) } else { String::new() },
        entry.command.clone(),
        entry.last_error.clone().unwrap_or_default(),
    ]
}
