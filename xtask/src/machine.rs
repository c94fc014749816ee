//! Makes builds and tests the same whatever the machine has set: its language, time zone, proxy and file modes.

use rustix::fs::Mode;

/// For this process and all that it starts. Called before any thread is started.
pub(crate) fn pin() {
    // Others must be able to read what we write: PostgreSQL runs as a user of its own.
    rustix::process::umask(Mode::from_raw_mode(0o022));
}

/// What every program that is tested, and every browser, is told.
pub(crate) fn environment() -> Vec<(&'static str, String)> {
    let mut environment =
        vec![("LC_ALL", "C.UTF-8".to_owned()), ("LANGUAGE", "en".to_owned()), ("TZ", "UTC".to_owned())];
    environment.extend(without_proxy());
    environment
}

/// What keeps a proxy of the person's network from being asked for this machine.
pub(crate) fn without_proxy() -> [(&'static str, String); 2] {
    ["NO_PROXY", "no_proxy"].map(|name| {
        let others = std::env::var(name).unwrap_or_default();
        (name, format!("127.0.0.1,localhost,{others}").trim_end_matches(',').to_owned())
    })
}
