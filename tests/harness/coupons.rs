//! Coupons and team offerings for tests that can't run the operators' program.
use crate::TestApp;
use redis_checkout::coupons::{Coupon, CouponCode, Discount, Scope, Terms};
use redis_checkout::store::Store;
use std::collections::BTreeSet;

/// A coupon with this code that takes `percent` percent off, for everybody and everything.
pub fn percent_off(code: &str, percent: i64) -> Coupon {
    Coupon {
        code: CouponCode::parse(code).expect("a code"),
        terms: Terms {
            shown: code.to_owned(),
            discount: Discount::Percent(percent),
            scope: Scope::default(),
            valid_from: None,
            per_learner: None,
            domains: BTreeSet::new(),
            note: String::new(),
        },
        valid_until: None,
        limit: None,
        used: 0,
        email: None,
        pack: None,
        brings_seat: false,
        revoked: false,
    }
}

impl TestApp {
    /// Stores `coupon` as operators do: directly in the database, beside the server.
    pub async fn add_coupon(&self, coupon: &Coupon) {
        let store = Store::connect_existing(self.database_url()).await.expect("the database");
        let mut tx = store.begin().await.expect("a transaction");
        let is_new = tx.insert_coupon(coupon, redis_checkout::clock::now()).await.expect("a stored coupon");
        assert!(is_new, "there is a coupon {}", coupon.code);
        tx.commit().await.expect("a commit");
    }

    /// A server that sells the course to teams of 2 to 10, and a live training with 3 seats to teams of 2 or 3.
    pub async fn with_teams() -> Self {
        Self::with_teams_and(&[]).await
    }

    /// The same, with flags.
    pub async fn with_teams_and(flags: &[&str]) -> Self {
        let app = Self::with(flags).await;
        app.change_catalog(|catalog| {
            let course = "flockjay = { kind = \"course\", id = \"101\" }";
            let catalog = catalog.replace(course, &[course, "\nteam = { min = 2, max = 10 }"].concat());
            catalog.replace("seats = 1\n", "seats = 3\nteam = { min = 2, max = 3 }\n")
        })
        .await;
        app
    }
}
