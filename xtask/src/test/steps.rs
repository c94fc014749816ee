//! The checks and tests.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};

use super::executables::{self, Executable};
use super::previous;
use super::report::Outcome;
use crate::postgres::Cluster;
use crate::process::{self, Running, command};
use crate::tools::browser::Browser;
use crate::{cargo, interrupt, machine, repo, tools, trunk, widget};

/// State shared by the steps of one run.
pub(crate) struct Run {
    fast: bool,
    executables: OnceLock<Vec<Executable>>,
    /// Stripe's description, if it could be installed.
    stripe: OnceLock<PathBuf>,
}

pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// Runs the step, and adds to the text what a person may want to read.
    pub(crate) run: fn(&Run, &mut String) -> Result<Outcome>,
    pub(crate) needs: Needs,
}

/// The condition for a step to be included in a run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    /// More time than `--fast` has.
    Time,
    Chromium,
    OtherBrowsers,
}

/// Steps that fail fastest.
pub(crate) const FIRST: &[Step] = &[
    step("rustfmt", rustfmt),
    step("typos", typos),
    step("types of the loader", loader_types),
    step("unused dependencies", unused_dependencies),
    step("licences, bans and sources of dependencies", deny),
];

pub(crate) const WIDGET: &[Step] = &[step("widget build", build_widget)];

pub(crate) const BUILD: &[Step] = &[step("test build", build_tests)];

/// Steps that wait for answers, timeouts and browsers more than they compute.
pub(crate) const WAITING: &[Step] = &[
    step("Stripe's description", describe_stripe),
    step("unit and black-box tests", tests),
    step("the store on PostgreSQL", postgres_store_tests),
    with("black-box tests on PostgreSQL", postgres_tests, Needs::Time),
    with("the OpenAPI document", document, Needs::Time),
    with("browser tests", browser_tests, Needs::Chromium),
    with("buying in Firefox", firefox_tests, Needs::OtherBrowsers),
    with("buying in WebKit", webkit_tests, Needs::OtherBrowsers),
];

/// Steps that keep a processor busy.
pub(crate) const COMPUTING: &[Step] = &[
    step("clippy for the host", clippy),
    step("clippy for wasm32", clippy_wasm),
    step("rustdoc", rustdoc),
    step("documentation tests", doc_tests),
    step("tests of these tasks", task_tests),
    with("wasm tests", wasm_tests, Needs::Chromium),
    with("every guard is needed", guards, Needs::Time),
    step("simulation", simulation),
    with("beside the release before", upgrade, Needs::Time),
    with("advisories on dependencies", advisories, Needs::Time),
    with("Trunk", trunk_builds, Needs::Time),
];

const WASM: [&str; 2] = ["--target", "wasm32-unknown-unknown"];

/// Test programs with one long test that mostly waits: they run beside the others.
const LONG: [&str; 2] = ["api_crashes", "outage"];

/// Test programs that are steps of their own.
const APART: [&str; 4] = ["beside", "browser", "document", "guards"];

/// How long fetching the advisories may take before we count as offline.
const FETCH_LIMIT: Duration = Duration::from_secs(120);

const fn step(name: &'static str, run: fn(&Run, &mut String) -> Result<Outcome>) -> Step {
    with(name, run, Needs::Nothing)
}

const fn with(name: &'static str, run: fn(&Run, &mut String) -> Result<Outcome>, needs: Needs) -> Step {
    Step { name, run, needs }
}

fn rustfmt(_: &Run, printed: &mut String) -> Result<Outcome> {
    tools::rust::ensure()?;
    pass(process::cargo().args(["fmt", "--all", "--check"]).current_dir(repo::root()), printed)
}

fn typos(_: &Run, printed: &mut String) -> Result<Outcome> {
    pass(&mut tool(&tools::TYPOS, "typos")?, printed)
}

fn loader_types(_: &Run, printed: &mut String) -> Result<Outcome> {
    pass(tool(&tools::TYPESCRIPT, "tsc")?.args(["--project", "widget/loader"]), printed)
}

fn unused_dependencies(_: &Run, printed: &mut String) -> Result<Outcome> {
    // If CARGO is set, it expects its own name as the first argument.
    pass(tool(&tools::CARGO_SHEAR, "cargo-shear")?.env_remove("CARGO"), printed)
}

fn deny(_: &Run, printed: &mut String) -> Result<Outcome> {
    // It reads each package's licence, so all packages must be here, including those for other systems.
    cargo::fetch_all()?;
    let checks = ["--offline", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"];
    pass(tool(&tools::CARGO_DENY, "cargo-deny")?.args(checks), printed)
}

fn advisories(_: &Run, printed: &mut String) -> Result<Outcome> {
    let mut fetch = tool(&tools::CARGO_DENY, "cargo-deny")?;
    fetch.args(["fetch", "db"]).stdout(Stdio::null()).stderr(Stdio::null());
    let fetched = Running::spawn(&mut fetch)?.wait(Some(FETCH_LIMIT));
    interrupt::check()?;
    if !fetched.is_ok_and(|status| status.success()) {
        return Ok(Outcome::Skipped("the advisory database can't be fetched from here".to_owned()));
    }
    // Not offline: it also asks whether a version has been yanked since.
    pass(tool(&tools::CARGO_DENY, "cargo-deny")?.args(["check", "advisories"]), printed)
}

fn build_widget(_: &Run, _: &mut String) -> Result<Outcome> {
    // Builds the preview, too: tests call every route, and without it one answers 503.
    widget::build()?;
    Ok(Outcome::Passed)
}

fn build_tests(run: &Run, _: &mut String) -> Result<Outcome> {
    let executables = executables::build()?;
    run.executables.get_or_init(|| executables);
    Ok(Outcome::Passed)
}

fn clippy(_: &Run, _: &mut String) -> Result<Outcome> {
    let mut clippy = process::patient_cargo();
    clippy.args(["clippy", "--workspace", "--all-targets", "--features", "checkout-tests/browser"]);
    build("clippy for the host", clippy.args(["--", "-D", "warnings"]))
}

fn clippy_wasm(_: &Run, _: &mut String) -> Result<Outcome> {
    // The preview separately: it has the widget without anything that could take money.
    for packages in [&["-p", "widget", "-p", "shared", "--all-targets"][..], &["-p", "preview"]] {
        let mut clippy = process::patient_cargo();
        clippy.arg("clippy").args(packages).args(WASM).args(["--", "-D", "warnings"]);
        cargo::build("clippy for wasm32", &mut clippy)?;
    }
    Ok(Outcome::Passed)
}

fn rustdoc(_: &Run, _: &mut String) -> Result<Outcome> {
    let mut rustdoc = process::patient_cargo();
    rustdoc.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
    build("rustdoc", &mut rustdoc)
}

fn doc_tests(_: &Run, printed: &mut String) -> Result<Outcome> {
    let mut test = process::patient_cargo();
    test.args(["test", "--workspace", "--exclude", "xtask", "--doc", "--quiet"]);
    // The same features as in the first build.
    test.args(["--features", "checkout-tests/browser"]).current_dir(repo::root());
    pass(&mut test, printed)
}

fn task_tests(_: &Run, printed: &mut String) -> Result<Outcome> {
    pass(process::patient_cargo().args(["test", "-p", "xtask"]).current_dir(repo::root()), printed)
}

/// Installs Stripe's description. Later tests validate the sandbox against it.
fn describe_stripe(run: &Run, _: &mut String) -> Result<Outcome> {
    let found = match tools::ensure(&tools::STRIPE_DESCRIPTION) {
        Ok(found) => found,
        Err(error) => return not_here(&error),
    };
    run.stripe.get_or_init(|| found.bin.join("spec3.json"));
    Ok(Outcome::Passed)
}

fn tests(run: &Run, printed: &mut String) -> Result<Outcome> {
    each(run, &run.executables()?.collect::<Vec<_>>(), &[], None, printed)
}

fn postgres_store_tests(run: &Run, printed: &mut String) -> Result<Outcome> {
    let cluster = Cluster::start()?;
    let lib = run.named(|name| name == "redis_checkout")?;
    each(run, &lib, &["store::"], Some(&cluster), printed)
}

fn postgres_tests(run: &Run, printed: &mut String) -> Result<Outcome> {
    // The last one restarts its database, and gets a cluster for itself.
    for suite in ["api", "outage"] {
        let cluster = Cluster::start()?;
        let programs = run.named(|name| name.starts_with(suite))?;
        let outcome = each(run, &programs, &[], Some(&cluster), printed)?;
        if outcome != Outcome::Passed {
            return Ok(outcome);
        }
    }
    Ok(Outcome::Passed)
}

fn document(run: &Run, printed: &mut String) -> Result<Outcome> {
    let (python, node) = match (tools::ensure(&tools::SCHEMATHESIS), tools::ensure(&tools::OPENAPI_CLIENT)) {
        (Ok(python), Ok(node)) => (python, node),
        (Err(error), _) | (_, Err(error)) => return not_here(&error),
    };
    let packages = node.bin.join("../node_modules");
    let typescript = tools::ensure(&tools::TYPESCRIPT)?.bin.join("tsc");
    let bundler = tools::ensure(&tools::ESBUILD)?.bin.join("esbuild");
    let cluster = Cluster::start()?;
    for postgres in [None, Some(&cluster)] {
        let mut test = run.one("document", true)?.command(threads(1));
        test.arg("--ignored").env("NODE_PACKAGES", &packages);
        test.env("TSC", &typescript).env("ESBUILD", &bundler);
        test.env("SCHEMATHESIS", python.bin.join("schemathesis"));
        test.env("OPENAPI_SPEC_VALIDATOR", python.bin.join("openapi-spec-validator"));
        if let Some(cluster) = postgres {
            test.envs(cluster.environment());
        }
        process::run_captured(&mut test, printed)?;
    }
    Ok(Outcome::Passed)
}

fn upgrade(run: &Run, printed: &mut String) -> Result<Outcome> {
    let Some(previous) = previous::build()? else {
        return Ok(Outcome::Skipped("the history does not reach back to it".to_owned()));
    };
    let cluster = Cluster::start()?;
    for postgres in [None, Some(&cluster)] {
        let mut test = run.one("beside", true)?.patient_command(threads(1));
        test.arg("--ignored").env("PREVIOUS_RELEASE", &previous);
        if let Some(cluster) = postgres {
            test.envs(cluster.environment());
        }
        process::run_captured(&mut test, printed)?;
    }
    Ok(Outcome::Passed)
}

fn guards(run: &Run, printed: &mut String) -> Result<Outcome> {
    pass(&mut run.one("guards", true)?.patient_command(threads(1)), printed)
}

fn simulation(run: &Run, printed: &mut String) -> Result<Outcome> {
    let seeds = if run.fast { "--seeds=500" } else { "--seeds=10000" };
    pass(run.one("simulation", false)?.patient_command(threads(1)).arg(seeds), printed)
}

fn wasm_tests(_: &Run, printed: &mut String) -> Result<Outcome> {
    let browser = tools::browser::chromium()?;
    let runner = tools::ensure(&tools::WASM_BINDGEN)?.bin.join("wasm-bindgen-test-runner");
    let mut test = process::patient_cargo();
    // With the profile that visitors get, whose crates are compiled already, but with overflow checks and debug
    // assertions in our own crates.
    test.args(["test", "-p", "widget", "--profile", "wasm"]).args(WASM).current_dir(repo::root());
    for ours in ["widget", "shared"] {
        for checks in ["overflow-checks", "debug-assertions"] {
            test.args(["--config", &format!("profile.wasm.package.{ours}.{checks}=true")]);
        }
    }
    test.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner);
    test.env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", capabilities(&browser)?).env("CHROMEDRIVER", browser.driver);
    test.envs(machine::environment());
    pass(&mut test, printed)
}

/// Writes a file with the capabilities that the runner asks the driver for: the browser of the driver's version. The
/// driver itself would take the first browser that it finds.
fn capabilities(browser: &Browser) -> Result<PathBuf> {
    let ours = repo::root().join("widget/webdriver.json");
    let text = std::fs::read_to_string(&ours).with_context(|| format!("cannot read {}", ours.display()))?;
    let mut capabilities: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("{} is no JSON", ours.display()))?;
    capabilities["goog:chromeOptions"]["binary"] = browser.program.to_string_lossy().into();
    let file = repo::scratch("wasm-tests")?.join("webdriver.json");
    std::fs::write(&file, capabilities.to_string())
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

fn browser_tests(run: &Run, printed: &mut String) -> Result<Outcome> {
    let browser = tools::browser::chromium()?;
    let axe = tools::ensure(&tools::AXE)?.bin.join("axe.min.js");
    let mut test = run.one("browser", true)?.command(threads(1));
    pass(test.env("CHROMIUM", browser.program).env("CHROMEDRIVER", browser.driver).env("AXE", axe), printed)
}

fn firefox_tests(run: &Run, printed: &mut String) -> Result<Outcome> {
    let browser = match tools::browser::firefox() {
        Ok(browser) => browser,
        Err(error) => return not_here(&error),
    };
    let mut test = run.one("browser", true)?.command(threads(1));
    test.arg("everywhere::").env("TEST_BROWSER", "firefox");
    pass(test.env("FIREFOX", browser.program).env("GECKODRIVER", browser.driver), printed)
}

fn webkit_tests(run: &Run, printed: &mut String) -> Result<Outcome> {
    let browser = match tools::browser::webkit() {
        Ok(browser) => browser,
        Err(error) => return not_here(&error),
    };
    let program = run.one("browser", true)?;
    let mut test = command("xvfb-run");
    test.arg("--auto-servernum").arg(&program.program).current_dir(&program.folder);
    // One at a time: when several started at once, one has been seen to load nothing for a while.
    test.args(["everywhere::", "--test-threads=1"]).env("TEST_BROWSER", "webkit");
    test.envs(machine::environment());
    pass(test.env("MINIBROWSER", browser.program).env("WEBKITDRIVER", browser.driver), printed)
}

fn trunk_builds(_: &Run, printed: &mut String) -> Result<Outcome> {
    match trunk::find() {
        Some(found) => trunk::check(&found, printed).map(|()| Outcome::Passed),
        None => Ok(Outcome::Skipped(format!(
            "Trunk {} is not on PATH, and only `trunk serve` and `trunk build` need it",
            tools::TRUNK.version
        ))),
    }
}

/// A tool that can't be installed skips the step: nothing was tested, so nothing has passed either.
fn not_here(error: &anyhow::Error) -> Result<Outcome> {
    interrupt::check()?;
    Ok(Outcome::Skipped(format!("{error:#}")))
}

impl Run {
    pub(super) fn new(fast: bool) -> Self {
        Self { fast, executables: OnceLock::new(), stripe: OnceLock::new() }
    }

    /// All tests but those that are steps of their own.
    fn executables(&self) -> Result<impl Iterator<Item = &Executable>> {
        let all = self.executables.get().context("the tests were not built")?;
        let tests = all.iter().filter(|executable| executable.is_test);
        Ok(tests.filter(|executable| !APART.contains(&executable.name.as_str())))
    }

    fn named(&self, is: impl Fn(&str) -> bool) -> Result<Vec<&Executable>> {
        Ok(self.executables()?.filter(|executable| is(&executable.name)).collect())
    }

    fn one(&self, name: &str, is_test: bool) -> Result<&Executable> {
        let all = self.executables.get().context("the tests were not built")?;
        let found = all.iter().find(|executable| executable.name == name && executable.is_test == is_test);
        found.with_context(|| format!("cargo built no {name}"))
    }
}

/// Runs each to its end, even if an earlier one failed.
fn each(
    run: &Run,
    executables: &[&Executable],
    arguments: &[&str],
    postgres: Option<&Cluster>,
    printed: &mut String,
) -> Result<Outcome> {
    ensure!(!executables.is_empty(), "there is nothing to run");
    let one_after_another = |executables: &[&Executable]| {
        let (mut printed, mut failed) = (String::new(), Vec::new());
        for executable in executables {
            let mut test = executable.command(threads(4));
            test.envs(run.stripe.get().map(|file| ("STRIPE_DESCRIPTION", file)));
            if let Some(cluster) = postgres {
                test.envs(cluster.environment());
            }
            printed += &format!("--- {} in {}\n", executable.name, executable.folder.display());
            if let Err(error) = pass(test.args(arguments), &mut printed) {
                interrupt::check()?;
                failed.push(format!("{}: {error:#}", executable.name));
            }
        }
        Ok::<_, anyhow::Error>((printed, failed))
    };
    let (long, others): (Vec<_>, Vec<_>) =
        executables.iter().partition(|executable| LONG.contains(&executable.name.as_str()));
    let (beside, rest) = std::thread::scope(|scope| {
        let beside = scope.spawn(|| one_after_another(&long));
        let rest = one_after_another(&others);
        (beside.join().unwrap_or_else(|_| Err(anyhow!("a thread panicked"))), rest)
    });
    let mut failed = Vec::new();
    for outcome in [rest, beside] {
        let (text, failures) = outcome?;
        *printed += &text;
        failed.extend(failures);
    }
    Ok(if failed.is_empty() { Outcome::Passed } else { Outcome::Failed(failed.join(", ")) })
}

/// Runs `each` tests at a time per processor, within what open files and PostgreSQL's connections allow.
fn threads(each: usize) -> usize {
    (std::thread::available_parallelism().map_or(1, usize::from) * each).min(16)
}

fn tool(tool: &tools::Tool, program: &str) -> Result<Command> {
    let mut tool = command(tools::ensure(tool)?.bin.join(program));
    tool.current_dir(repo::root());
    Ok(tool)
}

fn build(text: &str, command: &mut Command) -> Result<Outcome> {
    cargo::build(text, command)?;
    Ok(Outcome::Passed)
}

fn pass(command: &mut Command, printed: &mut String) -> Result<Outcome> {
    process::run_captured(command, printed)?;
    Ok(Outcome::Passed)
}
