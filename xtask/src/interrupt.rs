//! Ctrl-C and its relatives, as a flag that every wait looks at.

use std::sync::{Arc, OnceLock, atomic::AtomicBool, atomic::Ordering};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// What a shell reports for a program ended by Ctrl-C.
pub(crate) const EXIT_CODE: u8 = 130;

static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// The person asked us to stop: not a failure, but nothing more is to be done.
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

/// Fails with [`Interrupted`] once a signal has come.
pub(crate) fn check() -> Result<()> {
    match FLAG.get() {
        Some(flag) if flag.load(Ordering::SeqCst) => Err(Interrupted.into()),
        Some(_) | None => Ok(()),
    }
}
