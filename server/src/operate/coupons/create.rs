//! `coupons create`: catches mistakes before anybody gets the code.
use super::super::show::{print, print_json};
use super::super::{OperatorArgs, Refused};
use crate::catalog::{self, Catalog, Item};
use crate::coupons::{Coupon, CouponCode, CouponRefusal, Discount, Scope, Terms};
use crate::email::{normalized_domain, plain};
use shared::{Currency, Email, Kind, Money, Timestamp};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A coupon as an operator requests it.
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub struct NewCoupon {
    /// Code that learners type. Case, spaces and dashes don't matter.
    code: String,
    /// Percent off, 1 to 100.
    #[arg(long, conflicts_with = "amount", required_unless_present = "amount")]
    percent: Option<i64>,
    /// Amount off in minor units, such as cents.
    #[arg(long, requires = "currency")]
    amount: Option<i64>,
    /// Currency of the amount, such as usd.
    #[arg(long, requires = "amount")]
    currency: Option<String>,
    /// Only this offering; repeat for several.
    #[arg(long = "sku")]
    skus: Vec<String>,
    /// Only offerings of this kind: course, lab, exam or live; repeat for several.
    #[arg(long = "kind")]
    kinds: Vec<String>,
    /// Start of validity, such as 2026-12-01T00:00:00Z.
    #[arg(long)]
    from: Option<String>,
    /// End of validity, such as 2027-01-01T00:00:00Z.
    #[arg(long)]
    until: Option<String>,
    /// Maximum uses in total.
    #[arg(long)]
    limit: Option<i64>,
    /// Maximum uses by one learner.
    #[arg(long)]
    per_learner: Option<i64>,
    /// Only emails at this domain, such as example.com; repeat for several.
    #[arg(long = "domain")]
    domains: Vec<String>,
    /// Note for operators.
    #[arg(long, default_value = "")]
    note: String,
    /// Path of the catalogue to check the coupon against.
    #[arg(long, env = "CATALOG", default_value = "catalog.toml")]
    catalog: PathBuf,
}

pub(super) async fn create_coupon(args: &OperatorArgs, asked: NewCoupon) -> anyhow::Result<()> {
    let who = args.operator()?;
    let catalog = catalog::read(&asked.catalog)?;
    let coupon = asked.check(&catalog)?;
    let store = args.open().await?;
    let now = store.now().await?;
    let mut tx = store.begin().await?;
    if !tx.insert_coupon(&coupon, now).await? {
        let detail = format!("coupon {} already exists: choose another code", coupon.code);
        return Err(Refused::Field { field: "CODE", detail }.into());
    }
    tx.audit(who, "create coupon", None, &coupon.terms.shown, now).await?;
    tx.commit().await?;
    if args.json {
        return print_json(&super::summary(&coupon));
    }
    print(&format!("{}: {} off {}", coupon.terms.shown, super::off(&coupon), super::scope(&coupon)));
    Ok(())
}

impl NewCoupon {
    fn check(self, catalog: &Catalog) -> Result<Coupon, Refused> {
        let code = CouponCode::parse(&self.code).map_err(|error| wrong("CODE", error.to_string()))?;
        if code.is_made_like() {
            return Err(wrong(
                "CODE",
                "must not have 15 to 17 characters, so that it isn't mistaken for a mistyped code of a pack"
                    .to_owned(),
            ));
        }
        let discount = discount(self.percent, self.amount, self.currency.as_deref())?;
        let scope = Scope { skus: skus(self.skus, catalog)?, kinds: kinds(&self.kinds)? };
        let valid_from = parse_moment("--from", self.from.as_deref())?;
        let valid_until = parse_moment("--until", self.until.as_deref())?;
        if let (Some(from), Some(until)) = (valid_from, valid_until)
            && from >= until
        {
            return Err(wrong("--until", "must be later than --from".to_owned()));
        }
        let terms = Terms {
            shown: self.code.trim().to_uppercase(),
            discount,
            scope,
            valid_from,
            per_learner: at_least_one("--per-learner", self.per_learner)?,
            domains: self.domains.iter().map(|domain| parse_domain(domain)).collect::<Result<_, _>>()?,
            note: self.note,
        };
        fits(&terms, catalog)?;
        Ok(Coupon {
            code,
            terms,
            valid_until,
            limit: at_least_one("--limit", self.limit)?,
            used: 0,
            email: None,
            pack: None,
            brings_seat: false,
            revoked: false,
        })
    }
}

fn discount(percent: Option<i64>, amount: Option<i64>, currency: Option<&str>) -> Result<Discount, Refused> {
    match (percent, amount) {
        (Some(percent), _) if (1..=100).contains(&percent) => Ok(Discount::Percent(percent)),
        (Some(percent), _) => Err(wrong("--percent", format!("{percent} must be 1 to 100"))),
        (None, Some(amount)) if amount >= 1 => {
            let text = currency.unwrap_or_default();
            let currency = Currency::parse(text).map_err(|_| {
                wrong("--currency", format!("{text:?} must be a lowercase ISO code, such as usd"))
            })?;
            Ok(Discount::Amount(Money { amount, currency }))
        }
        (None, _) => Err(wrong("--amount", "must be at least 1 minor unit, such as a cent".to_owned())),
    }
}

fn skus(named: Vec<String>, catalog: &Catalog) -> Result<BTreeSet<String>, Refused> {
    if let Some(unknown) = named.iter().find(|sku| catalog.find(sku).is_none()) {
        return Err(wrong("--sku", format!("{unknown:?} is not in the catalogue")));
    }
    Ok(named.into_iter().collect())
}

fn kinds(named: &[String]) -> Result<Vec<Kind>, Refused> {
    let parse = |kind: &String| {
        Kind::parse(kind)
            .ok_or_else(|| wrong("--kind", format!("{kind:?} must be course, lab, exam or live")))
    };
    named.iter().map(parse).collect()
}

/// Parses a domain: the part of an email after the `@`.
fn parse_domain(text: &str) -> Result<String, Refused> {
    let domain = normalized_domain(plain(text).trim().trim_start_matches('@'));
    match Email::parse(&format!("a@{domain}")) {
        Ok(_) => Ok(domain),
        Err(_) => Err(wrong("--domain", format!("{text:?} must be a domain, such as example.com"))),
    }
}

/// Rejects a coupon that fits nothing or leaves less than Stripe's minimum, since it would disappoint its holder.
fn fits(terms: &Terms, catalog: &Catalog) -> Result<(), Refused> {
    let included: Vec<&Item> = catalog.items().filter(|item| terms.scope.includes(item)).collect();
    let mut lowers = false;
    for item in &included {
        match terms.price(item) {
            Ok(_) => lowers = true,
            Err(CouponRefusal::BelowMinimum { least }) => {
                let detail = format!(
                    "leaves less than {least} of {}, which costs {}, and less than that can't be charged: take off the \
                     full price or less, or choose other offerings with --sku",
                    item.sku, item.price
                );
                let field =
                    if matches!(terms.discount, Discount::Percent(_)) { "--percent" } else { "--amount" };
                return Err(wrong(field, detail));
            }
            Err(_) => {}
        }
    }
    match (lowers, included.is_empty()) {
        (true, _) => Ok(()),
        (false, true) => Err(wrong("--sku, --kind", "no offering in the catalogue matches".to_owned())),
        (false, false) => {
            Err(wrong("--currency", "no offering of this coupon is sold in this currency".to_owned()))
        }
    }
}

pub(in super::super) fn parse_moment(
    field: &'static str,
    text: Option<&str>,
) -> Result<Option<Timestamp>, Refused> {
    let Some(text) = text else { return Ok(None) };
    match text.parse() {
        Ok(moment) => Ok(Some(moment)),
        Err(_) => {
            let detail =
                format!("{text:?} must be a date and time with an offset, such as 2026-12-09T15:00:00Z");
            Err(wrong(field, detail))
        }
    }
}

fn at_least_one(field: &'static str, number: Option<i64>) -> Result<Option<i64>, Refused> {
    match number {
        Some(number) if number < 1 => Err(wrong(field, format!("{number} must be at least 1"))),
        number => Ok(number),
    }
}

pub(super) fn wrong(field: &'static str, detail: String) -> Refused {
    Refused::Field { field, detail }
}
