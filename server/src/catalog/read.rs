//! Reads `catalog.toml`, and reports every mistake with its line and field.
use super::{Catalog, Item, MOST_CODES};
use crate::grants::Resource;
use serde::Deserialize;
use shared::{Currency, Kind, Money, Team, Timestamp, Unfit};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use toml::Spanned;
use toml::value::Datetime;

/// Every mistake in a file, one per line: `catalog.toml:12: price.amount: …`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct CatalogMistakes(pub Vec<String>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    offering: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    sku: Spanned<String>,
    kind: Spanned<String>,
    title: Spanned<String>,
    summary: Spanned<String>,
    price: Spanned<PriceEntry>,
    flockjay: Spanned<Resource>,
    seats: Option<Spanned<i64>>,
    team: Option<Spanned<Team>>,
    starts_at: Option<Spanned<Datetime>>,
    ends_at: Option<Spanned<Datetime>>,
    sale_opens_at: Option<Spanned<Datetime>>,
    sale_closes_at: Option<Spanned<Datetime>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceEntry {
    amount: i64,
    currency: String,
}

/// Reads the file at `path`, or fails with everything that is wrong with it.
pub fn read(path: &Path) -> Result<Catalog, CatalogMistakes> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| CatalogMistakes(vec![format!("{}: can't be read: {error}", path.display())]))?;
    parse(&path.display().to_string(), &text)
}

/// Parses the catalogue in `text`; `name` is the file's name, for messages.
pub(crate) fn parse(name: &str, text: &str) -> Result<Catalog, CatalogMistakes> {
    let mistake = |error: &toml::de::Error, field: &str| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        CatalogMistakes(vec![format!("{name}:{line}: {field}{}", error.message())])
    };
    let document = toml::Deserializer::parse(text).map_err(|error| mistake(&error, ""))?;
    let file: File = serde_path_to_error::deserialize(document).map_err(|error| {
        let field = field_of(&error.path().to_string());
        mistake(error.inner(), &field)
    })?;
    let mut reader = Reader { name, text, mistakes: Vec::new() };
    let mut offerings = BTreeMap::new();
    for entry in file.offering {
        let start = entry.sku.span().start;
        let item = reader.item(entry);
        let sku = item.sku.clone();
        if offerings.insert(sku.clone(), item).is_some() {
            reader.mistake(
                start,
                "sku",
                &format!("{sku:?} is used more than once; give each offering its own SKU"),
            );
        }
    }
    if reader.mistakes.is_empty() { Ok(Catalog { offerings }) } else { Err(CatalogMistakes(reader.mistakes)) }
}

struct Reader<'a> {
    name: &'a str,
    text: &'a str,
    mistakes: Vec<String>,
}

impl Reader<'_> {
    fn item(&mut self, entry: Entry) -> Item {
        let kind = self.kind(&entry.kind);
        let capacity = self.capacity(kind, &entry);
        let starts_at = self.moment("starts_at", entry.starts_at.as_ref());
        let ends_at = self.moment("ends_at", entry.ends_at.as_ref());
        let sale_opens_at = self.moment("sale_opens_at", entry.sale_opens_at.as_ref());
        let sale_closes_at = self.moment("sale_closes_at", entry.sale_closes_at.as_ref());
        let start = entry.sku.span().start;
        self.in_order(start, ("starts_at", starts_at), ("ends_at", ends_at));
        self.in_order(start, ("sale_opens_at", sale_opens_at), ("sale_closes_at", sale_closes_at));
        self.sku(&entry.sku);
        self.text("title", &entry.title);
        self.text("summary", &entry.summary);
        let at = entry.flockjay.span().start;
        let resource = entry.flockjay.into_inner();
        if resource.kind.trim().is_empty() || resource.id.trim().is_empty() {
            self.mistake(at, "flockjay", "kind and id must not be empty");
        }
        let price = self.price(&entry.price);
        let team = entry.team.as_ref().and_then(|team| self.team(team, price, capacity));
        Item {
            sku: entry.sku.into_inner(),
            kind,
            title: entry.title.into_inner(),
            summary: entry.summary.into_inner(),
            price,
            resource,
            capacity,
            team,
            starts_at,
            ends_at,
            sale_opens_at,
            sale_closes_at,
        }
    }

    fn kind(&mut self, kind: &Spanned<String>) -> Kind {
        Kind::parse(kind.get_ref()).unwrap_or_else(|| {
            let message = format!("{:?} must be one of course, lab, exam, live", kind.get_ref());
            self.mistake(kind.span().start, "kind", &message);
            Kind::Course
        })
    }

    fn capacity(&mut self, kind: Kind, entry: &Entry) -> Option<i64> {
        match (kind, &entry.seats) {
            (Kind::Live, None) => {
                self.mistake(
                    entry.sku.span().start,
                    "seats",
                    "is required for a live offering: set how many seats it has",
                );
                None
            }
            (Kind::Live, Some(seats)) if *seats.get_ref() < 0 => {
                self.mistake(seats.span().start, "seats", "must not be below zero");
                None
            }
            (Kind::Live, Some(seats)) => Some(*seats.get_ref()),
            (Kind::Course | Kind::Lab | Kind::Exam, Some(seats)) => {
                self.mistake(seats.span().start, "seats", "only live offerings have seats; remove the field");
                None
            }
            (Kind::Course | Kind::Lab | Kind::Exam, None) => None,
        }
    }

    fn price(&mut self, price: &Spanned<PriceEntry>) -> Money {
        let at = price.span().start;
        let PriceEntry { amount, currency } = price.get_ref();
        let known = Currency::parse(currency).ok();
        if known.and_then(|known| known.charges()).is_none() {
            let message =
                format!("{currency:?} must be a lowercase ISO code that Stripe supports, such as \"usd\"");
            self.mistake(at, "price.currency", &message);
        }
        let price = Money { amount: *amount, currency: known.unwrap_or(Currency::USD) };
        if price.amount < 0 {
            self.mistake(at, "price.amount", "must not be below zero");
        } else if price.amount > 0
            && let Err(unfit) = price.fits()
        {
            self.mistake(at, "price.amount", &format!("{amount} {unfit}"));
        }
        price
    }

    fn team(&mut self, team: &Spanned<Team>, price: Money, capacity: Option<i64>) -> Option<Team> {
        let Team { min, max } = *team.get_ref();
        let message = if min < 2 {
            "min must be at least 2; a single place is an ordinary purchase".to_owned()
        } else if max < min {
            format!("max must be at least min ({min})")
        } else if max > MOST_CODES {
            format!("max must be at most {MOST_CODES}")
        } else if price.amount == 0 {
            "a free offering can't be sold to teams; remove this field".to_owned()
        } else if let Err(unfit @ Unfit::Above { .. }) =
            (Money { amount: price.amount.saturating_mul(max), ..price }).fits()
        {
            format!("the price of max places {unfit}")
        } else if capacity.is_some_and(|seats| min > seats) {
            "min must not exceed the number of seats".to_owned()
        } else {
            return Some(Team { min, max });
        };
        self.mistake(team.span().start, "team", &message);
        None
    }

    fn sku(&mut self, sku: &Spanned<String>) {
        let text = sku.get_ref();
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b))
            && !text.starts_with('.');
        if !fits {
            let message =
                format!("{text:?} must be 1 to 64 characters from a-z 0-9 - _ . and not start with a dot");
            self.mistake(sku.span().start, "sku", &message);
        }
    }

    fn text(&mut self, field: &str, text: &Spanned<String>) {
        if text.get_ref().trim().is_empty() {
            self.mistake(text.span().start, field, "must not be empty");
        }
    }

    fn moment(&mut self, field: &str, moment: Option<&Spanned<Datetime>>) -> Option<Timestamp> {
        let moment = moment?;
        let parsed: Result<jiff::Timestamp, _> = moment.get_ref().to_string().parse();
        match parsed {
            Ok(parsed) => Some(Timestamp::from_millis(parsed.as_millisecond())),
            Err(_) => {
                let message = "must have a date, a time and an offset, such as 2026-12-09T15:00:00Z";
                self.mistake(moment.span().start, field, message);
                None
            }
        }
    }

    fn in_order(
        &mut self,
        at: usize,
        (first_name, first): (&str, Option<Timestamp>),
        (second_name, second): (&str, Option<Timestamp>),
    ) {
        if let (Some(first), Some(second)) = (first, second)
            && first >= second
        {
            self.mistake(at, second_name, &format!("must be later than {first_name}"));
        }
    }

    fn mistake(&mut self, at: usize, field: &str, message: &str) {
        self.mistakes.push(format!("{}:{}: {field}: {message}", self.name, line_of(self.text, at)));
    }
}

impl fmt::Display for CatalogMistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

/// The field that a path such as `offering[0].price.amount` ends in, with a colon; empty for the entry itself, whose
/// message names the field.
fn field_of(path: &str) -> String {
    let steps = path.split('.').skip(1).filter(|step| !step.starts_with('$'));
    let field = steps.collect::<Vec<_>>().join(".");
    if field.is_empty() { field } else { field + ": " }
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|&byte| byte == b'\n').count() + 1
}
