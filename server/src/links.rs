//! The addresses of our own pages.
use crate::coupons::PackKey;
use crate::purchase::PurchaseId;

/// Makes addresses below the one where browsers reach this server. A `query` is empty or starts with `?`.
#[derive(Clone, Copy, Debug)]
pub struct Links<'a>(&'a str);

impl<'a> Links<'a> {
    #[must_use]
    pub fn new(public_url: &'a str) -> Self {
        Self(public_url.trim_end_matches('/'))
    }

    /// Where an offering is bought.
    #[must_use]
    pub fn buy(self, sku: &str, query: &str) -> String {
        [self.0, "/buy/", sku, query].concat()
    }

    /// The page of a purchase.
    #[must_use]
    pub fn purchase(self, id: &PurchaseId, query: &str) -> String {
        [self.0, "/p/", id.as_str(), query].concat()
    }

    /// The target of one of its buttons, `pay` or `cancel`.
    #[must_use]
    pub fn purchase_button(self, id: &PurchaseId, button: &str, query: &str) -> String {
        [self.0, "/p/", id.as_str(), "/", button, query].concat()
    }

    /// The page on which a company hands out its codes.
    #[must_use]
    pub fn team(self, key: &PackKey, query: &str) -> String {
        [self.0, "/team/", key.as_str(), query].concat()
    }

    /// Those codes as CSV.
    #[must_use]
    pub fn team_csv(self, key: &PackKey, query: &str) -> String {
        [self.0, "/team/", key.as_str(), "/codes.csv", query].concat()
    }

    /// The stylesheet of all pages.
    #[must_use]
    pub fn style(self, version: &str) -> String {
        [self.0, "/page.css?", version].concat()
    }

    /// The loader of the widget.
    #[must_use]
    pub fn loader(self) -> String {
        [self.0, "/embed/v1.js"].concat()
    }

    /// Any other page of ours, by its path.
    #[must_use]
    pub fn path(self, path: &str, query: &str) -> String {
        [self.0, path, query].concat()
    }
}
