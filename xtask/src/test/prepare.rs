//! Installs in the background what later steps need. A step that gets there first waits for it.

use super::steps::Needs;
use crate::tools::{self, Tool};
use crate::{interrupt, progress};

/// In the order in which they are needed.
const TOOLS: &[(&Tool, Needs)] = &[
    (&tools::TYPOS, Needs::Nothing),
    (&tools::TYPESCRIPT, Needs::Nothing),
    (&tools::CARGO_SHEAR, Needs::Nothing),
    (&tools::CARGO_DENY, Needs::Nothing),
    (&tools::WASM_OPT, Needs::Nothing),
    (&tools::ESBUILD, Needs::Nothing),
    (&tools::AXE, Needs::Chromium),
    (&tools::STRIPE_DESCRIPTION, Needs::Nothing),
    (&tools::SCHEMATHESIS, Needs::Time),
    (&tools::OPENAPI_CLIENT, Needs::Time),
    (&tools::WASM_BINDGEN, Needs::Chromium),
    (&tools::GECKODRIVER, Needs::OtherBrowsers),
];

/// Reports failures, and leaves it to the step that needs a tool to fail or to be skipped.
pub(super) fn install(wants: impl Fn(Needs) -> bool) {
    let mut failures = vec![tools::postgres::ensure().map(drop)];
    if wants(Needs::Chromium) {
        failures.push(tools::browser::chromium().map(drop));
    }
    if wants(Needs::OtherBrowsers) {
        failures.push(tools::browser::firefox_itself().map(drop));
        failures.push(tools::browser::webkit().map(drop));
    }
    for failure in failures.into_iter().filter_map(Result::err) {
        progress::say(&format!("{failure:#}"));
    }
    for (tool, _) in TOOLS.iter().filter(|(_, needs)| wants(*needs)) {
        if interrupt::check().is_err() {
            return;
        }
        if let Err(failure) = tools::ensure(tool) {
            progress::say(&format!("{failure:#}"));
        }
    }
}
