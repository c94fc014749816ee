//! The database as the checks read it, cached until another connection commits: most steps of a run change nothing.
use crate::database::LIVE;
use redis_checkout::coupons::Coupon;
use redis_checkout::purchase::Purchase;
use redis_checkout::store::{CouponFilter, PurchaseFilter, Store};
use sqlx::AnyConnection;
use std::sync::Arc;
use tokio::sync::Mutex;

/// The database as of one moment.
#[derive(Default)]
pub(crate) struct Snapshot {
    pub(crate) purchases: Vec<Purchase>,
    pub(crate) coupons: Vec<Coupon>,
    /// Seats of the live training that are counted as taken.
    pub(crate) taken: i64,
}

/// Reads snapshots.
pub(crate) struct Snapshots {
    connection: Arc<Mutex<AnyConnection>>,
    last: Option<(i64, Arc<Snapshot>)>,
}

impl Snapshots {
    /// Nothing else may write through `connection`: SQLite tells a connection only about the commits of others.
    pub(crate) fn by(connection: Arc<Mutex<AnyConnection>>) -> Self {
        Self { connection, last: None }
    }

    /// A number that changes with each commit of another connection.
    pub(crate) async fn version(&self) -> anyhow::Result<i64> {
        let version = sqlx::query_scalar("PRAGMA data_version");
        Ok(version.fetch_one(&mut *self.connection.lock().await).await?)
    }

    /// The database as it is now.
    pub(crate) async fn read(&mut self, store: &Store) -> anyhow::Result<Arc<Snapshot>> {
        // The version comes first: a commit in between is then read twice, but never missed.
        let version = self.version().await?;
        if let Some((known, snapshot)) = &self.last
            && *known == version
        {
            return Ok(snapshot.clone());
        }
        let all = CouponFilter { all: true, most: 1000, ..CouponFilter::default() };
        let snapshot = Arc::new(Snapshot {
            purchases: store.purchases(&PurchaseFilter { most: 1000, ..PurchaseFilter::default() }).await?,
            coupons: store.coupons(&all).await?,
            taken: store.taken_seats(LIVE).await?,
        });
        self.last = Some((version, snapshot.clone()));
        Ok(snapshot)
    }
}
