//! SQLite on a disk that fails.
use super::*;
use crate::store::deadline::DEADLINE;
use faulty_disk::{Call, Disk, Failure};
use std::path::PathBuf;

struct OnDisk {
    disk: Disk,
    folder: TempDir,
}

impl OnDisk {
    fn new() -> Self {
        Self { disk: Disk::new(), folder: TempDir::new().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("checkout.db")
    }

    async fn connect(&self) -> Store {
        let url = format!("sqlite://{}?vfs={}", self.path().display(), self.disk.name());
        Store::connect(&url).await.unwrap()
    }
}

async fn use_rate(store: &Store, subject: &str) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    let used = tx.use_rate(subject, "2/1h".parse().unwrap(), NOW).await?;
    assert_eq!(used, Ok(()));
    tx.commit().await
}

async fn is_used(store: &Store, subject: &str) -> bool {
    let row = sqlx::query("SELECT 1 AS one FROM rates WHERE subject = $1").bind(subject);
    row.fetch_optional(store.pool()).await.unwrap().is_some()
}

#[tokio::test]
async fn whoever_is_told_that_it_is_kept_finds_it_after_a_power_cut() {
    let on_disk = OnDisk::new();
    on_disk.disk.set_losing_power(true);
    let store = on_disk.connect().await;
    use_rate(&store, "kept").await.unwrap();
    let after = OnDisk::new();
    on_disk.disk.cut_power(&on_disk.path(), &after.path(), || false).unwrap();
    use_rate(&store, "not kept").await.unwrap_err();
    let store = after.connect().await;
    assert!(is_used(&store, "kept").await && !is_used(&store, "not kept").await);
}

#[tokio::test]
async fn a_write_that_fails_is_said_to_and_the_next_one_goes_on() {
    for failure in [Failure::Full, Failure::Broken] {
        for (call, syncs) in [(Call::Write, 0), (Call::Sync, 0), (Call::Write, 1)] {
            let on_disk = OnDisk::new();
            let store = on_disk.connect().await;
            on_disk.disk.fail_at(call, syncs, failure);
            let outcome = use_rate(&store, "first").await;
            let failed = on_disk.disk.heal();
            assert_eq!(
                (outcome.is_err(), failed),
                (syncs == 0, syncs == 0),
                "{failure:?} at {call:?}: {outcome:?}"
            );
            assert_eq!(is_used(&store, "first").await, outcome.is_ok(), "{failure:?} at {call:?}");
            use_rate(&store, "second").await.unwrap();
            assert!(is_used(&store, "second").await);
        }
    }
}

#[tokio::test]
async fn a_disk_that_does_not_answer_holds_nobody_up_for_long() {
    let on_disk = OnDisk::new();
    let store = on_disk.connect().await;
    let mut tx = store.begin().await.unwrap();
    tx.use_rate("slow", "2/1h".parse().unwrap(), NOW).await.unwrap().unwrap();
    on_disk.disk.set_hanging(true);
    let start = std::time::Instant::now();
    for outcome in <[_; 2]>::from(tokio::join!(tx.commit(), use_rate(&store, "next"))) {
        assert!(matches!(&outcome, Err(error) if error.is_passing()), "{outcome:?}");
    }
    assert!(start.elapsed() < DEADLINE + Duration::from_secs(5), "{:?}", start.elapsed());
    on_disk.disk.set_hanging(false);
    use_rate(&store, "last").await.unwrap();
    assert!(is_used(&store, "slow").await && is_used(&store, "last").await);
}
