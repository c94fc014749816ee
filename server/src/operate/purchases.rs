//! `purchases list`, `show`, `refund`, `cancel` and `resend`.
use super::show::{moment, print, print_json, table};
use super::{OperatorArgs, Refused, explain, rules, unknown};
use crate::coupons::CodeState;
use crate::error::Error;
use crate::purchase::{Command, Dispute, Event, IdempotencyKey, IntentId, Purchase};
use crate::store::{OutboxEntry, PurchaseFilter};
use serde_json::{Value, json};
use shared::{Money, State};

/// Lists the newest purchases that match `filter`.
pub async fn list_purchases(args: &OperatorArgs, filter: PurchaseFilter) -> anyhow::Result<()> {
    if let Some(state) = &filter.state
        && State::parse(state).is_none()
    {
        let names = State::ALL.iter().map(|state| state.as_str()).collect::<Vec<_>>().join(", ");
        return Err(
            Refused::Field { field: "--state", detail: format!("{state:?} must be one of {names}") }.into()
        );
    }
    let purchases = args.open().await?.purchases(&filter).await?;
    let data: Vec<_> = purchases.iter().map(summary).collect();
    let row = |purchase: &Purchase| {
        vec![
            purchase.reference().as_str().to_owned(),
            purchase.state().as_str().to_owned(),
            purchase.sku().to_owned(),
            money(purchase, purchase.price().total),
            email(purchase),
            moment(purchase.opened_at()),
        ]
    };
    let header = ["reference", "state", "sku", "total", "email", "opened"];
    table(args.json, &data, &header, purchases.iter().map(row).collect())
}

/// Shows everything about the purchase called `name`.
pub async fn show_purchase(args: &OperatorArgs, name: &str) -> anyhow::Result<()> {
    let store = args.open().await?;
    let purchase = store.purchase_called(name).await.map_err(unknown(name))?;
    let commands = store.commands_of(purchase.id()).await?;
    let acts = store.acts_on(purchase.id()).await?;
    if args.json {
        let mut whole = summary(&purchase);
        whole["timeline"] = serde_json::to_value(purchase.view().timeline)?;
        whole["accounts"] = purchase
            .accounts()
            .map(|(receiver, state, at)| json!({ "receiver": receiver, "state": state, "at": at }))
            .collect();
        whole["outbox"] = serde_json::to_value(&commands)?;
        whole["audit"] = serde_json::to_value(&acts)?;
        return print_json(&whole);
    }
    let facts = [
        ("reference", purchase.reference().as_str().to_owned()),
        ("id", purchase.id().as_str().to_owned()),
        ("state", purchase.state().as_str().to_owned()),
        ("sku", purchase.sku().to_owned()),
        ("email", email(&purchase)),
        ("total", money(&purchase, purchase.price().total)),
        ("left to refund", money(&purchase, purchase.left_to_refund())),
        ("dispute", purchase.dispute().map(Dispute::as_str).unwrap_or_default().to_owned()),
        ("lost to the bank", money(&purchase, purchase.lost())),
        ("payment intent", purchase.intent().map_or("none", IntentId::as_str).to_owned()),
        ("opened", moment(purchase.opened_at())),
    ];
    let facts = facts.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    table(false, &(), &["purchase", ""], facts)?;
    let steps = purchase.view().timeline.into_iter();
    let steps = steps.map(|entry| {
        vec![
            entry.step.as_str().to_owned(),
            entry.state.as_str().to_owned(),
            entry.at.map(moment).unwrap_or_default(),
        ]
    });
    let told = purchase.accounts().map(|(receiver, state, at)| {
        vec![format!("account {receiver}"), state.as_str().to_owned(), at.map(moment).unwrap_or_default()]
    });
    print("");
    table(false, &(), &["step", "state", "at"], steps.chain(told).collect())?;
    let rows = commands.iter().map(super::outbox::row).collect();
    print("");
    table(false, &(), &super::outbox::HEADER, rows)?;
    let rows =
        acts.iter().map(|act| vec![moment(act.at), act.who.clone(), act.act.clone(), act.detail.clone()]);
    print("");
    table(false, &(), &["audit", "who", "act", "detail"], rows.collect())
}

/// Refunds `amount` minor units, or all that is left. A running server asks Stripe for it within a second.
pub async fn refund_purchase(
    args: &OperatorArgs,
    name: &str,
    amount: Option<i64>,
    reason: &str,
) -> anyhow::Result<()> {
    let who = args.operator()?;
    let store = args.open().await?;
    let purchase = store.purchase_called(name).await.map_err(unknown(name))?;
    let key = format!("{}-refund-{:016x}", purchase.reference().as_str(), rand::random::<u64>());
    let key = IdempotencyKey::new(key);
    let now = store.now().await?;
    let mut tx = store.begin().await?;
    let request = Event::RefundRequested { amount, key };
    let refunded = match rules().apply_in(&mut tx, purchase.id(), request, now).await {
        Err(Error::Refused(refusal)) => {
            return Err(explain(&refusal, |amount| money(&purchase, amount)).into());
        }
        outcome => outcome?,
    };
    // What was left is certain only now that nobody else can change it.
    let asked = match amount {
        Some(amount) => money(&refunded, amount),
        None => "all that is left".to_owned(),
    };
    let detail = if reason.is_empty() { asked.clone() } else { format!("{asked}: {reason}") };
    tx.audit(who, "refund", Some(purchase.id()), &detail, now).await?;
    tx.commit().await?;
    let codes = match store.pack_of(purchase.id()).await? {
        Some(pack) => store.codes_of(&pack.id, now).await?,
        None => Vec::new(),
    };
    let count = |state| codes.iter().filter(|code| code.state == state).count();
    let (gone, used) = (count(CodeState::Revoked) + count(CodeState::Expired), count(CodeState::Used));
    if args.json {
        let mut whole = summary(&refunded);
        if !codes.is_empty() {
            whole["codes"] = json!({ "taken_back": gone, "used": used, "good": codes.len() - gone - used });
        }
        return print_json(&whole);
    }
    print(&format!(
        "{}: refunding {asked}; `purchases show` says when Stripe has completed the refund",
        purchase.reference().as_str()
    ));
    let keep = if used == 1 {
        "1 was used, and its learner keeps access"
    } else {
        &*format!("{used} were used, and their learners keep access")
    };
    match refunded.state() {
        _ if codes.is_empty() => {}
        State::Refunding | State::Refunded => print(&format!("{gone} codes are revoked or expired; {keep}")),
        State::Held
        | State::Paying
        | State::Processing
        | State::Paid
        | State::Granted
        | State::Expired
        | State::Canceled => print("its codes stay valid: only a full refund revokes them"),
    }
    Ok(())
}

/// Cancels an unpaid purchase, as the learner could. Its seat is freed once Stripe has confirmed that nothing will be
/// paid, which a running server asks within a second.
pub async fn cancel_purchase(args: &OperatorArgs, name: &str, reason: &str) -> anyhow::Result<()> {
    let who = args.operator()?;
    let store = args.open().await?;
    let purchase = store.purchase_called(name).await.map_err(unknown(name))?;
    let reference = purchase.reference().as_str().to_owned();
    let now = store.now().await?;
    let mut tx = store.begin().await?;
    let canceled = match rules().apply_in(&mut tx, purchase.id(), Event::CancelRequested, now).await {
        Err(Error::Refused(_)) => {
            let state = purchase.state();
            let detail = format!("{reference} is {state}: to return a payment, use `purchases refund`");
            return Err(Refused::Purchase(detail).into());
        }
        outcome => outcome?,
    };
    tx.audit(who, "cancel", Some(purchase.id()), reason, now).await?;
    tx.commit().await?;
    if args.json {
        return print_json(&summary(&canceled));
    }
    print(&match canceled.state() {
        State::Canceled | State::Expired => format!("{reference} is {}", canceled.state()),
        State::Held
        | State::Paying
        | State::Processing
        | State::Paid
        | State::Granted
        | State::Refunding
        | State::Refunded => {
            format!(
                "{reference} will be cancelled once Stripe confirms that nothing will be paid; check `purchases show`"
            )
        }
    });
    Ok(())
}

/// Retries a grant that FlockJay refused.
pub async fn resend_grant(args: &OperatorArgs, name: &str) -> anyhow::Result<()> {
    let who = args.operator()?;
    let store = args.open().await?;
    let purchase = store.purchase_called(name).await.map_err(unknown(name))?;
    let reference = purchase.reference().as_str();
    match purchase.state() {
        State::Paid => {}
        State::Granted => return Err(Refused::Done(format!("{reference} already has access")).into()),
        state @ (State::Held
        | State::Paying
        | State::Processing
        | State::Expired
        | State::Canceled
        | State::Refunding
        | State::Refunded) => {
            return Err(
                Refused::Purchase(format!("{reference} is {state}: it has no grant to resend")).into()
            );
        }
    }
    let is_grant = |entry: &OutboxEntry| {
        serde_json::from_str::<Command>(&entry.command).is_ok_and(|command| command == Command::CreateGrant)
    };
    let commands = store.commands_of(purchase.id()).await?;
    let Some(grant) = commands.iter().rfind(|entry| is_grant(entry)) else {
        return Err(Refused::Purchase(format!(
            "{reference} is paid, but no grant is queued: run `reconcile` to repair it"
        ))
        .into());
    };
    super::outbox::put_back(&store, &grant.id, who, "resend").await?;
    super::outbox::say_put_back(args, &grant.id)
}

/// A purchase as JSON, for programs, with the unmasked email.
fn summary(purchase: &Purchase) -> Value {
    let view = purchase.view();
    json!({
        "id": view.id,
        "reference": view.reference,
        "sku": view.sku,
        "state": view.state,
        "version": view.version,
        "price": view.price,
        "refundable": purchase.refundable(),
        "dispute": purchase.dispute(),
        "disputed": purchase.lost(),
        "dispute_forbids_refund": purchase.dispute_forbids_refund(),
        "email": purchase.learner().map(|learner| learner.email.as_str()),
        "payment_intent": purchase.intent(),
        "access_url": view.access_url,
        "opened_at": purchase.opened_at(),
    })
}

fn money(purchase: &Purchase, amount: i64) -> String {
    Money { amount, currency: purchase.price().currency }.to_string()
}

fn email(purchase: &Purchase) -> String {
    purchase.learner().map(|learner| learner.email.as_str().to_owned()).unwrap_or_default()
}
