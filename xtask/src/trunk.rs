//! Trunk, for people who have it: `trunk build` and `trunk serve` show the preview while it is being designed.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::process::{self, Running};
use crate::tools::{self, Found};
use crate::{http, interrupt, repo};

/// Timeout for `trunk serve` to serve the page.
const SERVE_TIMEOUT: Duration = Duration::from_secs(300);

/// Trunk in the version of `tools::TRUNK`, if it is installed.
pub(crate) fn find() -> Option<Found> {
    tools::find(&tools::TRUNK)
}

/// Builds the widget and the preview, and serves the preview as `Trunk.toml` says. Fails unless its page names the
/// program.
pub(crate) fn check(trunk: &Found, printed: &mut String) -> Result<()> {
    let widget =
        ["build", "widget/index.html", "--dist=target/trunk-widget", "--no-default-features", "--release"];
    process::run_captured(command(trunk)?.args(widget), printed)?;
    process::run_captured(command(trunk)?.arg("build"), printed)?;
    let page = repo::root().join("target/preview/index.html");
    let html = std::fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
    if !html.contains("preview-") || !html.contains("_bg.wasm") {
        bail!("{} does not name the preview's program", page.display());
    }
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut serve = command(trunk)?;
    serve.args(["serve", "--address=127.0.0.1", "--open=false"]).arg(format!("--port={port}"));
    let mut serving = Running::spawn(serve.stdout(Stdio::null()).stderr(Stdio::null()))?;
    let shown = interrupt::wait_until(SERVE_TIMEOUT, || {
        if let Some(status) = serving.ended()? {
            bail!("`trunk serve` ended with {status}");
        }
        Ok(http::answers(port, "/"))
    })?;
    ensure!(shown, "`trunk serve` shows nothing after {SERVE_TIMEOUT:?}");
    *printed += "trunk build and trunk serve both show the preview\n";
    Ok(())
}

/// A command with the pinned wasm-bindgen on PATH, so that Trunk downloads none.
fn command(trunk: &Found) -> Result<Command> {
    let wasm_bindgen = tools::ensure(&tools::WASM_BINDGEN)?;
    let mut command = process::command("trunk");
    command.env("PATH", tools::path(&[trunk, &wasm_bindgen])?).current_dir(repo::root());
    // Trunk takes NO_COLOR as a flag of its own, and refuses the customary value.
    command.env_remove("NO_COLOR").env("TRUNK_SKIP_VERSION_CHECK", "true");
    Ok(command)
}
