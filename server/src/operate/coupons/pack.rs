//! `coupons pack`: batches of codes for companies.
use super::super::OperatorArgs;
use super::super::show::{moment, print, print_json, table};
use super::create::{parse_moment, wrong};
use crate::catalog;
use crate::coupons::{CodeState, MOST_CODES, Pack, PackCode, PackKey, usable_until};
use crate::links::Links;
use crate::store::Store;
use clap::Subcommand;
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum PackCommand {
    /// Creates a pack of codes for a company. Each code is good for one place.
    Create {
        #[command(flatten)]
        pack: NewPack,
        #[command(flatten)]
        args: OperatorArgs,
    },
    /// Lists the newest packs.
    List {
        /// Maximum number to list.
        #[arg(long, default_value = "50")]
        limit: u32,
        #[command(flatten)]
        args: OperatorArgs,
    },
    /// Shows a pack's codes, who used which, and how many are left.
    Show {
        /// Id of the pack, such as PK-7K3M-92QF.
        pack: String,
        /// Print the codes as CSV.
        #[arg(long)]
        csv: bool,
        #[command(flatten)]
        at: PageAt,
        #[command(flatten)]
        args: OperatorArgs,
    },
    /// Revokes a pack's unused codes, including those applied to unpaid purchases.
    Revoke {
        /// Id of the pack, such as PK-7K3M-92QF.
        pack: String,
        #[command(flatten)]
        args: OperatorArgs,
    },
    /// Changes when a pack's codes expire.
    Extend {
        /// Id of the pack, such as PK-7K3M-92QF.
        pack: String,
        /// New end of validity, such as 2027-06-30T00:00:00Z, or `never`.
        #[arg(long)]
        until: String,
        #[command(flatten)]
        args: OperatorArgs,
    },
    /// Gives the company's page a new address, in case the old one has leaked.
    Renew {
        /// Id of the pack, such as PK-7K3M-92QF.
        pack: String,
        #[command(flatten)]
        at: PageAt,
        #[command(flatten)]
        args: OperatorArgs,
    },
}

/// A pack as an operator requests it.
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub struct NewPack {
    /// SKU of the offering that the codes are for.
    #[arg(long)]
    sku: String,
    /// Number of codes.
    #[arg(long)]
    count: i64,
    /// Company that bought the codes.
    #[arg(long)]
    company: String,
    /// The company's purchase order.
    #[arg(long)]
    po: String,
    /// End of validity, such as 2027-01-01T00:00:00Z; the codes never expire if unset.
    #[arg(long)]
    until: Option<String>,
    /// Reserve a seat of the live training for each code now, instead of when it is used.
    #[arg(long)]
    reserve: bool,
    /// Print the codes as CSV.
    #[arg(long)]
    csv: bool,
    #[command(flatten)]
    at: PageAt,
    /// Path of the catalogue.
    #[arg(long, env = "CATALOG", default_value = "catalog.toml")]
    catalog: PathBuf,
}

/// Where the company's page is.
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub struct PageAt {
    /// Public URL of the servers, for the address of the company's page.
    #[arg(long, env = "PUBLIC_URL", default_value = "")]
    public_url: String,
}

pub(super) async fn pack(command: PackCommand) -> anyhow::Result<()> {
    match command {
        PackCommand::Create { pack, args } => create(&args, pack).await,
        PackCommand::List { limit, args } => list(&args, limit.into()).await,
        PackCommand::Show { pack, csv, at, args } => show(&args, &pack, csv, &at).await,
        PackCommand::Revoke { pack, args } => revoke(&args, &pack).await,
        PackCommand::Extend { pack, until, args } => extend(&args, &pack, &until).await,
        PackCommand::Renew { pack, at, args } => renew(&args, &pack, &at).await,
    }
}

async fn create(args: &OperatorArgs, asked: NewPack) -> anyhow::Result<()> {
    let who = args.operator()?;
    let catalog = catalog::read(&asked.catalog)?;
    let Some(item) = catalog.find(&asked.sku) else {
        return Err(wrong("--sku", format!("{:?} is not in the catalogue", asked.sku)).into());
    };
    if !(1..=MOST_CODES).contains(&asked.count) {
        return Err(wrong("--count", format!("must be 1 to {MOST_CODES}")).into());
    }
    for (field, text) in [("--company", &asked.company), ("--po", &asked.po)] {
        if text.trim().is_empty() {
            return Err(wrong(field, "must not be empty".to_owned()).into());
        }
    }
    let until = parse_moment("--until", asked.until.as_deref())?;
    if item.capacity.is_none() && asked.reserve {
        return Err(
            wrong("--reserve", format!("{} has no seats to reserve; omit this option", item.sku)).into()
        );
    }
    let store = args.open().await?;
    let now = store.now().await?;
    let random = (rand::random(), rand::random());
    let pack = Pack::new(&item.sku, asked.company.trim(), asked.po.trim(), random, now);
    let codes: Vec<_> = (0..asked.count).map(|_| pack.coupon(rand::random(), until, asked.reserve)).collect();
    let mut tx = store.begin().await?;
    if let Some(capacity) = item.capacity
        && asked.reserve
        && !tx.take_seats(&item.sku, asked.count, capacity).await?
    {
        let left = capacity - store.taken_seats(&item.sku).await?;
        let detail = format!("not enough seats: {} has {} left", item.sku, left.max(0));
        return Err(wrong("--count", detail).into());
    }
    tx.insert_pack(&pack, &codes, now).await?;
    tx.audit(who, "create pack", None, &format!("{} for {}: {}", pack.id, pack.company, pack.order), now)
        .await?;
    tx.commit().await?;
    tell(args, &store, &pack, asked.csv, &asked.at).await
}

async fn list(args: &OperatorArgs, most: i64) -> anyhow::Result<()> {
    let store = args.open().await?;
    let mut data = Vec::new();
    let mut rows = Vec::new();
    for pack in store.packs(most).await? {
        let codes = store.codes_of(&pack.id, store.now().await?).await?;
        let (used, left) = (count(&codes, CodeState::Used), count(&codes, CodeState::Free));
        let row = [
            pack.id.clone(),
            pack.company.clone(),
            pack.order.clone(),
            pack.sku.clone(),
            codes.len().to_string(),
            used.to_string(),
            left.to_string(),
            moment(pack.created_at),
        ];
        rows.push(row.to_vec());
        data.push(summary(&pack, &codes));
    }
    table(args.json, &data, &["pack", "company", "po", "sku", "codes", "used", "left", "created"], rows)
}

async fn show(args: &OperatorArgs, name: &str, csv: bool, at: &PageAt) -> anyhow::Result<()> {
    let store = args.open().await?;
    let pack = find(&store, name).await?;
    tell(args, &store, &pack, csv, at).await
}

async fn tell(args: &OperatorArgs, store: &Store, pack: &Pack, csv: bool, at: &PageAt) -> anyhow::Result<()> {
    let codes = store.codes_of(&pack.id, store.now().await?).await?;
    if csv {
        print(crate::coupons::csv(&codes).trim_end());
        return Ok(());
    }
    if args.json {
        let mut whole = summary(pack, &codes);
        whole["page"] = json!(at.page(&pack.key));
        whole["codes"] = codes.iter().map(code_json).collect();
        return print_json(&whole);
    }
    let facts = [
        ("pack", pack.id.clone()),
        ("company", pack.company.clone()),
        ("po", pack.order.clone()),
        ("sku", pack.sku.clone()),
        ("used", format!("{} of {}", count(&codes, CodeState::Used), codes.len())),
        ("left", count(&codes, CodeState::Free).to_string()),
        ("until", usable_until(&codes).map(moment).unwrap_or_default()),
        ("page", at.page(&pack.key)),
    ];
    let facts = facts.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    table(false, &(), &["pack", ""], facts)?;
    print("");
    let row = |code: &PackCode| {
        let (reference, learner) = code.used_by.clone().unwrap_or_default();
        vec![
            code.coupon.terms.shown.clone(),
            code.state.as_str().to_owned(),
            code.coupon.email.clone().unwrap_or_default(),
            reference,
            learner.unwrap_or_default(),
        ]
    };
    table(false, &(), &["code", "state", "kept for", "used by", "email"], codes.iter().map(row).collect())
}

async fn revoke(args: &OperatorArgs, name: &str) -> anyhow::Result<()> {
    let who = args.operator()?;
    let store = args.open().await?;
    let pack = find(&store, name).await?;
    let now = store.now().await?;
    let mut tx = store.begin().await?;
    let revoked = tx.revoke_pack(&pack, now).await?;
    tx.audit(who, "revoke pack", None, &format!("{}: {revoked} codes", pack.id), now).await?;
    tx.commit().await?;
    let codes = store.codes_of(&pack.id, now).await?;
    let used = count(&codes, CodeState::Used);
    if args.json {
        return print_json(&json!({ "pack": pack.id, "revoked": revoked, "used": used }));
    }
    print(&format!("{}: {revoked} codes revoked; {used} were used, and their learners keep access", pack.id));
    Ok(())
}

async fn extend(args: &OperatorArgs, name: &str, until: &str) -> anyhow::Result<()> {
    let who = args.operator()?;
    let until = if until == "never" { None } else { parse_moment("--until", Some(until))? };
    let store = args.open().await?;
    let pack = find(&store, name).await?;
    let now = store.now().await?;
    let said = until.map_or_else(|| "forever".to_owned(), |until| format!("until {until}"));
    let mut tx = store.begin().await?;
    let extended = tx.extend_pack(&pack, until).await?;
    if extended == 0 {
        tx.rollback().await?;
        return Err(wrong("PACK", format!("all codes of {} are revoked: create a new pack", pack.id)).into());
    }
    tx.audit(who, "extend pack", None, &format!("{} {said}", pack.id), now).await?;
    tx.commit().await?;
    if args.json {
        return print_json(&json!({ "pack": pack.id, "extended": extended, "until": until }));
    }
    print(&format!("{}: {extended} codes are now valid {said}", pack.id));
    Ok(())
}

async fn renew(args: &OperatorArgs, name: &str, at: &PageAt) -> anyhow::Result<()> {
    let who = args.operator()?;
    let store = args.open().await?;
    let pack = find(&store, name).await?;
    let key = PackKey::from_random(rand::random());
    let now = store.now().await?;
    let mut tx = store.begin().await?;
    tx.renew_pack(&pack, &key).await?;
    tx.audit(who, "renew pack", None, &pack.id, now).await?;
    tx.commit().await?;
    if args.json {
        return print_json(&json!({ "pack": pack.id, "page": at.page(&key) }));
    }
    print(&format!("{}: the new address of its page is {}", pack.id, at.page(&key)));
    Ok(())
}

async fn find(store: &Store, name: &str) -> anyhow::Result<Pack> {
    let found = store.pack_called(name).await?;
    let unknown = || wrong("PACK", format!("pack {name:?} not found: see `coupons pack list`"));
    Ok(found.ok_or_else(unknown)?)
}

impl PageAt {
    fn page(&self, key: &PackKey) -> String {
        Links::new(&self.public_url).team(key, "")
    }
}

fn count(codes: &[PackCode], state: CodeState) -> usize {
    codes.iter().filter(|code| code.state == state).count()
}

fn summary(pack: &Pack, codes: &[PackCode]) -> Value {
    json!({
        "pack": pack.id,
        "company": pack.company,
        "po": pack.order,
        "sku": pack.sku,
        "count": codes.len(),
        "used": count(codes, CodeState::Used),
        "left": count(codes, CodeState::Free),
        "purchase": pack.purchase.as_ref().map(|_| &pack.order),
        "created_at": pack.created_at,
    })
}

fn code_json(code: &PackCode) -> Value {
    let (reference, learner) = code.used_by.clone().unzip();
    json!({
        "code": code.coupon.terms.shown,
        "state": code.state,
        "email": code.coupon.email,
        "purchase": reference,
        "used_by": learner.flatten(),
        "mail": code.mail,
        "valid_until": code.coupon.valid_until,
    })
}
