//! Architecture invariants: which names may appear where.
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// Every Rust file below `folder`, with its path relative to the workspace.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.strip_prefix(root()).expect("below the workspace").display().to_string();
                found.push((name, fs::read_to_string(&path).expect("text")));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has sources");
    found
}

/// The files below `folder` whose code, comments aside, contains one of `words`.
fn naming(folder: &str, words: &[&str]) -> Vec<String> {
    let names = |text: &str| {
        let ours = |line: &&str| line.starts_with("pub use stripe::") || line.trim_start().starts_with("//");
        let code = text.lines().filter(|line| !ours(line));
        code.clone().any(|line| words.iter().any(|word| line.contains(word)))
    };
    let mut files: Vec<_> =
        sources(folder).into_iter().filter(|(_, text)| names(text)).map(|(name, _)| name).collect();
    files.sort();
    files
}

#[test]
fn only_one_module_names_stripes_types() {
    let words = [
        "stripe::",
        "stripe_checkout::",
        "stripe_core::",
        "stripe_types::",
        "stripe_webhook::",
        "stripe_shared::",
    ];
    let files = naming("server/src", &words);
    let others: Vec<_> =
        files.iter().filter(|file| !file.starts_with("server/src/payments/stripe/")).collect();
    assert!(files.len() > 1 && others.is_empty(), "{others:?}");
}

#[test]
fn only_one_file_speaks_to_each_system() {
    let files = naming("server/src", &["reqwest::"]);
    let others = [
        "server/src/abuse/challenge.rs",
        "server/src/account/orb/api.rs",
        "server/src/account/salesforce.rs",
        "server/src/account/webhook.rs",
        "server/src/grants/flockjay.rs",
        "server/src/identity/keys.rs",
        "server/src/outbound.rs",
    ];
    assert_eq!(files, others);
    assert_eq!(naming("server/src", &["\"grants\"", "\"resources\""]), ["server/src/grants/flockjay.rs"]);
    assert_eq!(
        naming("server/src", &["/services/oauth2", "/sobjects/"]),
        ["server/src/account/salesforce.rs"]
    );
    assert_eq!(
        naming("server/src", &["\"credit_notes\"", "\"mark_paid\""]),
        ["server/src/account/orb/api.rs"]
    );
}

#[test]
fn only_one_file_of_the_widget_names_stripe_js() {
    let files = naming("widget/src", &["confirmPayment", "js_name = Stripe"]);
    assert_eq!(files, ["widget/src/platform/stripe.rs"]);
}

/// The server's modules, each above those that it may use.
const LAYERS: &[&str] = &[
    "csv",
    "clock",
    "email",
    "fault_injection",
    "funnel",
    "heartbeat",
    "quiet",
    "admission",
    "outbound",
    "purchase",
    "abuse",
    "identity",
    "grants",
    "payments",
    "catalog",
    "coupons",
    "links",
    "store",
    "account",
    "mail",
    "error",
    "config",
    "checkout",
    "timekeeping",
    "worker",
    "reconcile",
    "http",
    "app",
    "operate",
    "main",
    "lib",
];

#[test]
fn no_module_of_the_server_uses_one_above_it() {
    let place = |module: &str| LAYERS.iter().position(|known| *known == module);
    let mut wrong = Vec::new();
    for (name, text) in sources("server/src") {
        let module = name.trim_start_matches("server/src/").split(['/', '.']).next().unwrap_or_default();
        let own = place(module).unwrap_or_else(|| panic!("{name} has no place in LAYERS"));
        // Tests may use everything.
        if name.contains("/tests") || name.ends_with("/table.rs") || name.ends_with("/properties.rs") {
            continue;
        }
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        for used in code.split("crate::").skip(1) {
            let used =
                used.split(|char: char| !char.is_alphanumeric() && char != '_').next().unwrap_or_default();
            if place(used).is_some_and(|used| used > own) {
                wrong.push(format!("{name} uses {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_machines_do_no_io_and_read_no_clock() {
    let words = [
        "std::time::Instant",
        "SystemTime",
        "clock::",
        "tokio",
        "sqlx",
        "rand::",
        "reqwest",
        "web_sys",
        "spawn",
    ];
    for machine in ["server/src/purchase", "widget/src/model"] {
        assert_eq!(naming(machine, &words), Vec::<String>::new(), "{machine}");
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for folder in ["shared", "widget", "server", "sandbox", "tests", "xtask"] {
        for (name, text) in sources(folder) {
            assert!(text.starts_with("//!") || text.starts_with("#!["), "{name} begins with one sentence");
        }
    }
}

/// Phrases of earlier releases that puzzled people: what shows one again is to say it in the new words.
const RETIRED: &[&str] = &[
    "tied to this address",
    "held for another",
    "reservation expired",
    "reservation is about to",
    "Choose these places",
    "Only for me",
    "Buy for a team",
    "Have a code?",
    "that it is you who pays",
    "connection broke off",
    "asking Stripe what happened",
    "received your payment, and your access",
    "You already have this",
    "with your bank soon",
    "couldn't find this coupon",
    "A letter of this code",
    "has been used up",
    "takes too long to answer",
    "taking too long to respond",
    "could not be opened",
    "couldn't open the checkout",
    "Back to the offer",
    "Look for news",
    "Check again",
    "Hand out codes",
    "Assign codes",
    "{all} in all",
    "Keep it to yourselves",
    "has a place for you",
    "becomes free",
];

#[test]
fn retired_phrases_are_shown_nowhere() {
    let shown =
        ["widget/locales/en.toml", "widget/loader", "style/variants", "server/tests/api_operators/help.txt"];
    let code = ["widget/src", "widget/preview/src", "server/src", "sandbox/src", "xtask/src", "shared/src"];
    let mut texts: Vec<(String, String)> = code.iter().flat_map(|folder| sources(folder)).collect();
    for place in shown {
        let path = root().join(place);
        let files = match fs::read_dir(&path) {
            Ok(entries) => entries.map(|entry| entry.expect("an entry").path()).collect(),
            Err(_) => vec![path],
        };
        for file in files {
            texts.push((file.display().to_string(), fs::read_to_string(&file).expect("text")));
        }
    }
    let texts: Vec<_> = texts.into_iter().filter(|(name, _)| !name.contains("/tests")).collect();
    for phrase in RETIRED {
        let found: Vec<_> = texts
            .iter()
            .filter(|(_, text)| {
                text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(phrase))
            })
            .map(|(name, _)| name)
            .collect();
        assert!(found.is_empty(), "{phrase:?}: {found:?}");
    }
}
