//! `coupons`: codes that lower a price.
mod create;
mod pack;

use create::NewCoupon;
pub(super) use create::parse_moment;
use pack::PackCommand;

use super::show::{moment, print, print_json, table};
use super::{OperatorArgs, Refused};
use crate::coupons::{Coupon, CouponCode, Discount};
use crate::store::{CouponFilter, Use};
use clap::Subcommand;
use serde_json::{Value, json};

#[derive(Subcommand)]
pub enum CouponsCommand {
    /// Creates a coupon: a percentage or an amount off, up to the whole price.
    Create {
        #[command(flatten)]
        coupon: Box<NewCoupon>,
        #[command(flatten)]
        args: OperatorArgs,
    },
    /// Lists the newest coupons.
    List {
        /// Maximum number to list.
        #[arg(long, default_value = "50")]
        limit: u32,
        #[command(flatten)]
        args: OperatorArgs,
    },
    /// Shows a coupon and who has used it.
    Show {
        /// Code of the coupon.
        code: String,
        #[command(flatten)]
        args: OperatorArgs,
    },
    /// Manages packs of codes for companies.
    Pack {
        #[command(subcommand)]
        command: PackCommand,
    },
    /// Revokes a coupon. Unpaid purchases that have already applied it keep their discount.
    Revoke {
        /// Code of the coupon.
        code: String,
        #[command(flatten)]
        args: OperatorArgs,
    },
}

/// Runs one of the `coupons` subcommands.
pub async fn coupons(command: CouponsCommand) -> anyhow::Result<()> {
    match command {
        CouponsCommand::Create { coupon, args } => create::create_coupon(&args, *coupon).await,
        CouponsCommand::List { limit, args } => list(&args, limit.into()).await,
        CouponsCommand::Show { code, args } => show(&args, &code).await,
        CouponsCommand::Revoke { code, args } => revoke(&args, &code).await,
        CouponsCommand::Pack { command } => pack::pack(command).await,
    }
}

async fn list(args: &OperatorArgs, most: i64) -> anyhow::Result<()> {
    let store = args.open().await?;
    let now = store.now().await?;
    let coupons = store.coupons(&CouponFilter { most, ..CouponFilter::default() }).await?;
    let data: Vec<_> = coupons.iter().map(summary).collect();
    let row = |coupon: &Coupon| {
        vec![
            coupon.terms.shown.clone(),
            off(coupon),
            scope(coupon),
            uses(coupon),
            coupon.valid_until.map(moment).unwrap_or_default(),
            standing(coupon, now),
            coupon.terms.note.clone(),
        ]
    };
    let header = ["code", "off", "for", "used", "until", "state", "note"];
    table(args.json, &data, &header, coupons.iter().map(row).collect())
}

async fn show(args: &OperatorArgs, text: &str) -> anyhow::Result<()> {
    let store = args.open().await?;
    let coupon = store.coupon(&parse(text)?).await?.ok_or_else(|| unknown(text))?;
    let (users, now) = (store.uses_of(&coupon.code).await?, store.now().await?);
    if args.json {
        let mut whole = summary(&coupon);
        whole["uses"] = serde_json::to_value(&users)?;
        return print_json(&whole);
    }
    let facts = [
        ("code", coupon.terms.shown.clone()),
        ("off", off(&coupon)),
        ("for", scope(&coupon)),
        ("from", coupon.terms.valid_from.map(moment).unwrap_or_default()),
        ("until", coupon.valid_until.map(moment).unwrap_or_default()),
        ("used", uses(&coupon)),
        ("per learner", coupon.terms.per_learner.map(|most| most.to_string()).unwrap_or_default()),
        ("domains", coupon.terms.domains.iter().cloned().collect::<Vec<_>>().join(", ")),
        ("email", coupon.email.clone().unwrap_or_default()),
        ("pack", coupon.pack.clone().unwrap_or_default()),
        ("state", standing(&coupon, now)),
        ("note", coupon.terms.note.clone()),
    ];
    let facts = facts.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    table(false, &(), &["coupon", ""], facts)?;
    print("");
    let row = |used: &Use| {
        vec![
            used.reference.clone(),
            used.state.clone(),
            used.email.clone().unwrap_or_default(),
            moment(used.at),
        ]
    };
    table(false, &(), &["used by", "state", "email", "at"], users.iter().map(row).collect())
}

async fn revoke(args: &OperatorArgs, text: &str) -> anyhow::Result<()> {
    let who = args.operator()?;
    let code = parse(text)?;
    let store = args.open().await?;
    let coupon = store.coupon(&code).await?.ok_or_else(|| unknown(text))?;
    let now = store.now().await?;
    let mut tx = store.begin().await?;
    let sku = coupon.terms.scope.skus.first().map(String::as_str);
    if !tx.revoke_coupon(&code, sku, now).await? {
        return Err(Refused::Done(format!("{} is already revoked", coupon.terms.shown)).into());
    }
    tx.audit(who, "revoke coupon", None, &coupon.terms.shown, now).await?;
    tx.commit().await?;
    if args.json {
        return print_json(&summary(&Coupon { revoked: true, ..coupon }));
    }
    print(&format!(
        "{} is revoked; purchases that have already applied it keep their discount",
        coupon.terms.shown
    ));
    Ok(())
}

fn parse(text: &str) -> Result<CouponCode, Refused> {
    CouponCode::parse(text).map_err(|error| Refused::Field { field: "CODE", detail: error.to_string() })
}

fn unknown(text: &str) -> Refused {
    Refused::Field { field: "CODE", detail: format!("coupon {text:?} not found: see `coupons list`") }
}

/// A coupon as JSON, for programs.
fn summary(coupon: &Coupon) -> Value {
    let terms = &coupon.terms;
    json!({
        "code": terms.shown,
        "discount": terms.discount,
        "skus": terms.scope.skus,
        "kinds": terms.scope.kinds,
        "valid_from": terms.valid_from,
        "valid_until": coupon.valid_until,
        "limit": coupon.limit,
        "used": coupon.used,
        "per_learner": terms.per_learner,
        "domains": terms.domains,
        "email": coupon.email,
        "pack": coupon.pack,
        "revoked": coupon.revoked,
        "note": terms.note,
    })
}

fn off(coupon: &Coupon) -> String {
    match coupon.terms.discount {
        Discount::Percent(percent) => format!("{percent} %"),
        Discount::Amount(money) => money.to_string(),
    }
}

fn scope(coupon: &Coupon) -> String {
    let scope = &coupon.terms.scope;
    let kinds = scope.kinds.iter().map(|kind| format!("every {kind}"));
    let named: Vec<_> = scope.skus.iter().cloned().chain(kinds).collect();
    if named.is_empty() { "everything".to_owned() } else { named.join(", ") }
}

fn uses(coupon: &Coupon) -> String {
    match coupon.limit {
        Some(limit) => format!("{} of {limit}", coupon.used),
        None => coupon.used.to_string(),
    }
}

fn standing(coupon: &Coupon, now: shared::Timestamp) -> String {
    let word = if coupon.revoked {
        "revoked"
    } else if coupon.valid_until.is_some_and(|until| now >= until) {
        "expired"
    } else if coupon.limit.is_some_and(|limit| coupon.used >= limit) {
        "used up"
    } else {
        "open"
    };
    word.to_owned()
}
