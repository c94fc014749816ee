//! Makes builds and tests independent of the machine's settings: language, time zone, proxy and file modes.

use rustix::fs::Mode;

/// Sets the file mode mask of this process and of everything it starts. Call before starting any thread.
pub(crate) fn pin() {
    // Other users must be able to read what we write: PostgreSQL runs as a user of its own.
    rustix::process::umask(Mode::from_raw_mode(0o022));
}

/// The environment of every program under test, and of every browser.
pub(crate) fn environment() -> Vec<(&'static str, String)> {
    let mut environment =
        vec![("LC_ALL", "C.UTF-8".to_owned()), ("LANGUAGE", "en".to_owned()), ("TZ", "UTC".to_owned())];
    environment.extend(without_proxy());
    environment
}

/// Variables that keep requests to this machine away from the proxy of the person's network.
pub(crate) fn without_proxy() -> [(&'static str, String); 2] {
    ["NO_PROXY", "no_proxy"].map(|name| {
        let others = std::env::var(name).unwrap_or_default();
        (name, format!("127.0.0.1,localhost,{others}").trim_end_matches(',').to_owned())
    })
}
