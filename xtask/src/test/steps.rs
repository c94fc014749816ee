//! The checks and tests, in the order in which they run: what fails soonest comes first.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Result;

use super::report::Outcome;
use crate::postgres::Cluster;
use crate::process::{self, Running, cargo, command};
use crate::{interrupt, repo, tools, widget};

pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) run: fn() -> Result<Outcome>,
    pub(crate) needs: Needs,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    NoBrowser,
    Chromium,
    OtherBrowsers,
}

pub(crate) const ALL: &[Step] = &[
    without_browser("rustfmt", rustfmt),
    without_browser("typos", typos),
    without_browser("types of the loader", loader_types),
    without_browser("unused dependencies", machete),
    without_browser("licences, bans and sources of dependencies", deny),
    without_browser("advisories on dependencies", advisories),
    without_browser("clippy for the host", clippy),
    without_browser("clippy for wasm32", clippy_wasm),
    without_browser("rustdoc", rustdoc),
    without_browser("widget build", build_widget),
    without_browser("unit and black-box tests", tests),
    without_browser("store and black-box tests on PostgreSQL", postgres_tests),
    without_browser("simulation of 10,000 seeds", simulation),
    without_browser("documentation tests", doc_tests),
    with_browser("wasm tests", wasm_tests),
    with_browser("browser tests", browser_tests),
    with_others("buying in Firefox", firefox_tests),
    with_others("buying in WebKit", webkit_tests),
];

const WASM: [&str; 2] = ["--target", "wasm32-unknown-unknown"];

const BROWSER_TESTS: [&str; 6] =
    ["test", "--workspace", "--features", "checkout-tests/browser", "--test", "browser*"];

/// How long fetching the advisories may take before we count as offline.
const FETCH_LIMIT: Duration = Duration::from_secs(120);

const fn without_browser(name: &'static str, run: fn() -> Result<Outcome>) -> Step {
    Step { name, run, needs: Needs::NoBrowser }
}

const fn with_browser(name: &'static str, run: fn() -> Result<Outcome>) -> Step {
    Step { name, run, needs: Needs::Chromium }
}

const fn with_others(name: &'static str, run: fn() -> Result<Outcome>) -> Step {
    Step { name, run, needs: Needs::OtherBrowsers }
}

fn rustfmt() -> Result<Outcome> {
    tools::rust::ensure()?;
    pass(cargo().args(["fmt", "--all", "--check"]))
}

fn typos() -> Result<Outcome> {
    pass(&mut tool(&tools::TYPOS, "typos")?)
}

fn loader_types() -> Result<Outcome> {
    pass(tool(&tools::TYPESCRIPT, "tsc")?.args(["--project", "widget/loader"]))
}

fn machete() -> Result<Outcome> {
    // Metadata tells it the names of libraries that are not called like their package. Seeing CARGO, it would expect
    // its own name as the first argument.
    pass(tool(&tools::CARGO_MACHETE, "cargo-machete")?.arg("--with-metadata").env_remove("CARGO"))
}

fn deny() -> Result<Outcome> {
    // It reads each package's licence, so all must be here, also those for other systems.
    process::run(cargo().arg("fetch").current_dir(repo::root()))?;
    let checks = ["--offline", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"];
    pass(tool(&tools::CARGO_DENY, "cargo-deny")?.args(checks))
}

fn advisories() -> Result<Outcome> {
    let mut fetch = tool(&tools::CARGO_DENY, "cargo-deny")?;
    fetch.args(["fetch", "db"]).current_dir(repo::root()).stdout(Stdio::null()).stderr(Stdio::null());
    let fetched = Running::spawn(&mut fetch)?.wait(Some(FETCH_LIMIT));
    interrupt::check()?;
    if !fetched.is_ok_and(|status| status.success()) {
        return Ok(Outcome::Skipped("the advisory database can't be fetched from here".to_owned()));
    }
    // Not offline: it also asks whether a version was withdrawn since.
    pass(tool(&tools::CARGO_DENY, "cargo-deny")?.args(["check", "advisories"]))
}

fn clippy() -> Result<Outcome> {
    let browser = ["--features", "checkout-tests/browser"];
    pass(
        cargo().args(["clippy", "--workspace", "--all-targets"]).args(browser).args(["--", "-D", "warnings"]),
    )
}

fn clippy_wasm() -> Result<Outcome> {
    // The preview apart: it has the widget without what could take money.
    for packages in [&["-p", "widget", "-p", "shared", "--all-targets"][..], &["-p", "preview"]] {
        pass(cargo().arg("clippy").args(packages).args(WASM).args(["--", "-D", "warnings"]))?;
    }
    Ok(Outcome::Passed)
}

fn rustdoc() -> Result<Outcome> {
    pass(cargo().args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn build_widget() -> Result<Outcome> {
    widget::build()?;
    Ok(Outcome::Passed)
}

// Each of the following names the whole workspace and then some kind of target: naming packages would compile their
// dependencies once more for each choice, since the choice decides which features are on.

fn tests() -> Result<Outcome> {
    pass(cargo().args(["test", "--workspace", "--tests", "--no-fail-fast"]))
}

fn postgres_tests() -> Result<Outcome> {
    // The last restarts its database, and has one for itself.
    for suite in [&["--lib", "--", "store::"][..], &["--test", "api*"], &["--test", "outage"]] {
        let cluster = Cluster::start()?;
        let mut test = cargo();
        test.args(["test", "--workspace", "--no-fail-fast"]).args(suite);
        pass(test.env("TEST_POSTGRES", cluster.url("postgres")))?;
    }
    Ok(Outcome::Passed)
}

fn simulation() -> Result<Outcome> {
    pass(cargo().args(["test", "--workspace", "--test", "seeds", "--", "--seeds=10000"]))
}

fn doc_tests() -> Result<Outcome> {
    pass(cargo().args(["test", "--workspace", "--doc"]))
}

fn wasm_tests() -> Result<Outcome> {
    let browser = tools::browser::chromium()?;
    let runner = tools::ensure(&tools::WASM_BINDGEN)?.bin.join("wasm-bindgen-test-runner");
    let mut test = cargo();
    test.args(["test", "-p", "widget"]).args(WASM);
    pass(test.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner).env("CHROMEDRIVER", browser.driver))
}

fn browser_tests() -> Result<Outcome> {
    let browser = tools::browser::chromium()?;
    let axe = tools::ensure(&tools::AXE)?.bin.join("axe.min.js");
    let mut test = cargo();
    test.args(BROWSER_TESTS);
    pass(test.env("CHROMIUM", browser.program).env("CHROMEDRIVER", browser.driver).env("AXE", axe))
}

fn firefox_tests() -> Result<Outcome> {
    let browser = match tools::browser::firefox() {
        Ok(browser) => browser,
        Err(error) => return not_here(&error),
    };
    let mut test = cargo();
    test.args(BROWSER_TESTS).args(["--", "everywhere::"]).env("TEST_BROWSER", "firefox");
    pass(test.env("FIREFOX", browser.program).env("GECKODRIVER", browser.driver))
}

fn webkit_tests() -> Result<Outcome> {
    let browser = match tools::browser::webkit() {
        Ok(browser) => browser,
        Err(error) => return not_here(&error),
    };
    let mut test = command("xvfb-run");
    test.arg("--auto-servernum").arg(cargo().get_program());
    // One at a time: of several that start at once, one has been seen to load nothing for a while.
    test.args(BROWSER_TESTS).args(["--", "everywhere::", "--test-threads=1"]).env("TEST_BROWSER", "webkit");
    pass(test.env("MINIBROWSER", browser.program).env("WEBKITDRIVER", browser.driver))
}

/// What can't be installed can't be tested in, and is not passed either.
fn not_here(error: &anyhow::Error) -> Result<Outcome> {
    interrupt::check()?;
    Ok(Outcome::Skipped(format!("{error:#}")))
}

fn tool(tool: &tools::Tool, program: &str) -> Result<Command> {
    Ok(command(tools::ensure(tool)?.bin.join(program)))
}

fn pass(command: &mut Command) -> Result<Outcome> {
    process::run(command.current_dir(repo::root()))?;
    Ok(Outcome::Passed)
}
