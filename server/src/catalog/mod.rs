//! The catalogue file, which lists everything for sale; read at start and on SIGHUP.

mod read;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use read::parse;
pub use read::{CatalogMistakes, read};

use crate::grants::Resource;
use shared::{Kind, Money, Offering, Sale, Seats, Team, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

/// Maximum number of codes in a pack.
pub const MOST_CODES: i64 = 500;

/// Every offering by its SKU.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    offerings: BTreeMap<String, Item>,
}

/// One entry of the catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub sku: String,
    pub kind: Kind,
    pub title: String,
    pub summary: String,
    pub price: Money,
    pub resource: Resource,
    /// Seats of a live offering; `None` if there is no limit.
    pub capacity: Option<i64>,
    /// How many places a purchase for a team may have; `None` if it isn't sold to teams.
    pub team: Option<Team>,
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub sale_opens_at: Option<Timestamp>,
    pub sale_closes_at: Option<Timestamp>,
}

/// The catalogue in force; a reload replaces it whole.
#[derive(Clone, Debug, Default)]
pub struct CurrentCatalog(Arc<RwLock<Arc<Catalog>>>);

impl Catalog {
    #[must_use]
    pub fn find(&self, sku: &str) -> Option<&Item> {
        self.offerings.get(sku)
    }

    /// Every offering, by SKU.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.offerings.values()
    }
}

impl Item {
    /// Whether it can be bought at `now`, with `taken` seats gone.
    #[must_use]
    pub fn sale(&self, taken: i64, now: Timestamp) -> Sale {
        if self.sale_closes_at.is_some_and(|closes| now >= closes) {
            return Sale::Closed;
        }
        if self.sale_opens_at.is_some_and(|opens| now < opens) {
            return Sale::NotOpen;
        }
        if self.capacity.is_some_and(|capacity| taken >= capacity) { Sale::SoldOut } else { Sale::Open }
    }

    /// The offering as the API shows it.
    #[must_use]
    pub fn offering(&self, taken: i64, now: Timestamp) -> Offering {
        Offering {
            sku: self.sku.clone(),
            kind: self.kind,
            title: self.title.clone(),
            summary: self.summary.clone(),
            price: self.price,
            seats: self.capacity.map(|capacity| Seats { capacity, left: (capacity - taken).max(0) }),
            sale: self.sale(taken, now),
            team: self.team,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            sale_opens_at: self.sale_opens_at,
            sale_closes_at: self.sale_closes_at,
            now: None,
        }
    }
}

impl CurrentCatalog {
    #[must_use]
    pub fn new(catalog: Catalog) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(catalog))))
    }

    /// The catalogue as it stands; a later reload doesn't change what this returned.
    #[must_use]
    pub fn get(&self) -> Arc<Catalog> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    pub fn replace(&self, catalog: Catalog) {
        *self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(catalog);
    }
}
