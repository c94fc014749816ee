//! Ctrl-C and similar signals, as a flag that every wait checks.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock, atomic::AtomicBool, atomic::Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// The exit code a shell reports for a program ended by Ctrl-C.
pub(crate) const EXIT_CODE: u8 = 130;

const POLL_INTERVAL: Duration = Duration::from_millis(50);

static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();

thread_local! {
    /// Set on a thread of [`both`] once the other one has failed.
    static SIBLING: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

/// The person asked us to stop: not a failure, but no more work is to be done.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// From here on a signal sets the flag and no longer ends this process, so that children are always ended first.
pub(crate) fn listen() -> Result<()> {
    let flag = FLAG.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(flag)).context("cannot listen for Ctrl-C")?;
    }
    Ok(())
}

/// Fails with [`Interrupted`] once a signal has arrived, or once the work beside this thread has failed.
pub(crate) fn check() -> Result<()> {
    let set = |flag: &Arc<AtomicBool>| flag.load(Ordering::SeqCst);
    if FLAG.get().is_some_and(set) || SIBLING.with_borrow(|sibling| sibling.as_ref().is_some_and(set)) {
        return Err(Interrupted.into());
    }
    Ok(())
}

/// Waits, unless interrupted.
pub(crate) fn pause(length: Duration) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < length {
        check()?;
        std::thread::sleep(POLL_INTERVAL);
    }
    Ok(())
}

/// Polls until `holds` is true, unless interrupted or until it fails. Returns false if `limit` passes first.
pub(crate) fn wait_until(limit: Duration, mut holds: impl FnMut() -> Result<bool>) -> Result<bool> {
    let start = Instant::now();
    loop {
        check()?;
        if holds()? {
            return Ok(true);
        }
        if start.elapsed() > limit {
            return Ok(false);
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Runs both at once. If one fails, the other is stopped, and that failure is returned.
pub(crate) fn both<T: Send>(
    left: impl FnOnce() -> Result<T> + Send,
    right: impl FnOnce() -> Result<()> + Send,
) -> Result<T> {
    let failed = Arc::new(AtomicBool::new(false));
    let (left, right) = std::thread::scope(|scope| {
        let left = scope.spawn(|| beside(&failed, left));
        let right = scope.spawn(|| beside(&failed, right));
        (left.join(), right.join())
    });
    let panicked = |_| anyhow::anyhow!("a thread panicked");
    let (left, right) = (left.map_err(panicked)?, right.map_err(panicked)?);
    match (left, right) {
        (Ok(value), Ok(())) => Ok(value),
        // The one that was only stopped has nothing to report.
        (Err(left), Err(right)) => Err(if left.is::<Interrupted>() { right } else { left }),
        (Err(error), Ok(())) | (Ok(_), Err(error)) => Err(error),
    }
}

fn beside<T>(failed: &Arc<AtomicBool>, work: impl FnOnce() -> Result<T>) -> Result<T> {
    SIBLING.set(Some(Arc::clone(failed)));
    let outcome = work();
    if outcome.is_err() {
        failed.store(true, Ordering::SeqCst);
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_stops_what_runs_beside_it() {
        let start = Instant::now();
        let failure = both(|| pause(Duration::from_secs(60)), || anyhow::bail!("no space")).unwrap_err();
        assert_eq!(failure.to_string(), "no space");
        assert!(start.elapsed() < Duration::from_secs(30));
        let failure = both(|| anyhow::bail!("no space") as Result<()>, || pause(Duration::from_secs(60)));
        assert_eq!(failure.unwrap_err().to_string(), "no space");
    }

    #[test]
    fn a_wait_ends_when_it_holds_fails_or_is_over() {
        let mut asked = 0;
        let held = wait_until(Duration::from_secs(60), || {
            asked += 1;
            Ok(asked == 2)
        });
        assert!(held.unwrap());
        assert!(!wait_until(Duration::ZERO, || Ok(false)).unwrap());
        let failure = wait_until(Duration::from_secs(60), || anyhow::bail!("it died")).unwrap_err();
        assert_eq!(failure.to_string(), "it died");
    }

    #[test]
    fn what_both_did_counts_when_both_succeed() {
        assert_eq!(both(|| Ok(1), || Ok(())).unwrap(), 1);
    }
}
