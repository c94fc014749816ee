//! A database that one run after another uses, in memory if the system has a place for it.
use crate::snapshot::Snapshots;
use faulty_disk::Disk;
use redis_checkout::catalog::{self, CurrentCatalog};
use redis_checkout::checkout::Rules;
use redis_checkout::coupons::{Coupon, CouponCode, Discount, Scope, Terms};
use redis_checkout::fault_injection::Guards;
use redis_checkout::purchase::Limits;
use redis_checkout::store::Store;
use shared::Timestamp;
use sqlx::{AnyConnection, Connection, Executor};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::Mutex;

/// The offering with seats.
pub(crate) const LIVE: &str = "ru-live";

const SEATS: i64 = 2;

/// Half the price, usable twice.
const HALF: &str = "HALF";
/// All of the price, usable once.
const FREE: &str = "FREE";
/// All of the price, usable once, with a seat kept for it.
pub(crate) const SEAT: &str = "SEAT";
pub(crate) const COUPONS: [&str; 3] = [HALF, FREE, SEAT];

pub(crate) struct Database {
    store: Store,
    rules: Rules,
    connection: Arc<Mutex<AnyConnection>>,
    folder: TempDir,
    disk: Disk,
    /// How many power cuts it had. After each one it continues as another file.
    power_cuts: u32,
}

impl Database {
    pub(crate) async fn create() -> anyhow::Result<Self> {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { TempDir::new_in(memory)? } else { TempDir::new()? };
        let disk = Disk::new();
        let (store, connection) = connect(&path(&folder, 0), &disk).await?;
        let rules = Rules::new(limits(), CurrentCatalog::default());
        Ok(Self { store, rules, connection, folder, disk, power_cuts: 0 })
    }

    /// The disk under the database.
    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Cuts the power and restores it: of the unsynced writes, those for which `survives` returns true remain. All
    /// clients must reconnect.
    pub(crate) async fn cut_power(&mut self, survives: impl FnMut() -> bool) -> anyhow::Result<()> {
        let (before, after) = (path(&self.folder, self.power_cuts), path(&self.folder, self.power_cuts + 1));
        self.disk.cut_power(&before, &after, survives)?;
        std::fs::remove_file(before)?;
        self.disk = Disk::new();
        self.power_cuts += 1;
        (self.store, self.connection) = connect(&after, &self.disk).await?;
        Ok(())
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Snapshots for the checks of one run. Nothing else may write through their connection meanwhile.
    pub(crate) fn snapshots(&self) -> Snapshots {
        Snapshots::by(self.connection.clone())
    }

    /// Deletes every purchase, and sells [`SEATS`] seats and the coupons again.
    pub(crate) async fn clear(&mut self) -> anyhow::Result<()> {
        let tables = [
            "ledger",
            "outbox",
            "purchases",
            "seats",
            "stripe_events",
            "idempotency_keys",
            "audit",
            "coupons",
            "redemptions",
            "packs",
        ];
        let statements = tables.map(|table| format!("DELETE FROM {table};")).concat();
        // Keeps the marks of what migrations have filled in.
        let jobs = "DELETE FROM jobs WHERE name NOT LIKE 'filled %';";
        let all = format!("BEGIN IMMEDIATE; {statements} {jobs} COMMIT;");
        self.connection.lock().await.execute(sqlx::AssertSqlSafe(all)).await?;
        self.sell(SEATS)?;
        let mut tx = self.store.begin().await?;
        for (name, percent, limit) in [(HALF, 50, 2), (FREE, 100, 1)] {
            anyhow::ensure!(tx.insert_coupon(&coupon(name, percent, limit)?, BEGIN).await?, "a new coupon");
        }
        Ok(tx.commit().await?)
    }

    /// Switches to a catalogue whose live training has `seats` seats.
    pub(crate) fn sell(&self, seats: i64) -> anyhow::Result<()> {
        let path = self.folder.path().join("catalog.toml");
        std::fs::write(&path, catalog_text(seats))?;
        self.rules.catalog.replace(catalog::read(&path)?);
        Ok(())
    }
}

/// Without the guard that this thread has disabled, if any.
fn limits() -> Limits {
    Limits {
        hold: Duration::from_secs(600),
        payment: Duration::from_secs(1200),
        check: Duration::from_secs(15),
        partial_dispute_ends_access: false,
        guards: Guards::of_this_thread(),
    }
}

fn path(folder: &TempDir, power_cuts: u32) -> PathBuf {
    folder.path().join(format!("simulation-{power_cuts}.db"))
}

async fn connect(path: &Path, disk: &Disk) -> anyhow::Result<(Store, Arc<Mutex<AnyConnection>>)> {
    let url = format!("sqlite://{}?vfs={}", path.display(), disk.name());
    let store = Store::connect(&url).await?;
    let mut connection = AnyConnection::connect(&url).await?;
    connection.execute("PRAGMA busy_timeout = 10000").await?;
    Ok((store, Arc::new(Mutex::new(connection))))
}

const BEGIN: Timestamp = Timestamp::from_millis(0);

pub(crate) fn coupon(name: &str, percent: i64, limit: i64) -> anyhow::Result<Coupon> {
    let brings_seat = name == SEAT;
    let scope = Scope { skus: brings_seat.then(|| LIVE.to_owned()).into_iter().collect(), kinds: Vec::new() };
    let terms = Terms {
        shown: name.to_owned(),
        discount: Discount::Percent(percent),
        scope,
        valid_from: None,
        per_learner: None,
        domains: Default::default(),
        note: String::new(),
    };
    Ok(Coupon {
        code: CouponCode::parse(name)?,
        terms,
        valid_until: None,
        limit: Some(limit),
        used: 0,
        email: None,
        pack: None,
        brings_seat,
        revoked: false,
    })
}

fn catalog_text(seats: i64) -> String {
    let offering = |sku: &str, kind: &str, amount: i64, more: &str| {
        format!(
            "[[offering]]\nsku = \"{sku}\"\nkind = \"{kind}\"\ntitle = \"{sku}\"\nsummary = \"{sku}\"\n\
             price = {{ amount = {amount}, currency = \"usd\" }}\nflockjay = {{ kind = \"{kind}\", id = \"1\" }}\n{more}\n"
        )
    };
    let team = if seats < 2 { "" } else { "team = { min = 2, max = 2 }" };
    [
        offering(LIVE, "live", 49000, &format!("seats = {seats}\n{team}")),
        offering("ru-course", "course", 4900, "team = { min = 2, max = 3 }"),
        offering("ru-free", "lab", 0, ""),
    ]
    .concat()
}
