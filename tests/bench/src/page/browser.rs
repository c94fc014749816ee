//! One visit: a page in a fresh Chromium, on a given network and processor.
use anyhow::Context;
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use thirtyfour::prelude::*;
use thirtyfour::{ChromeCapabilities, ChromiumLikeCapabilities};

/// Timeout of a visit.
const SCRIPT_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    /// As fast as this machine.
    Unthrottled,
    /// 1.6 Mbit/s, 150 ms round trip, and a processor at a quarter of its speed.
    Slow,
}

/// Measurements of one visit. Times are milliseconds since the navigation began.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Seen {
    pub(crate) price: f64,
    /// Only on visits that buy, like the next field.
    pub(crate) email: Option<f64>,
    pub(crate) payment: Option<f64>,
    /// Sum of the layout shifts.
    pub(crate) shift: f64,
    /// Milliseconds of the longest task over 50 ms; the next field sums the time beyond 50 ms of every task.
    pub(crate) longest: f64,
    pub(crate) blocked: f64,
    /// Bytes transferred, heads and bodies, from the origins of the page and the checkout.
    #[serde(default)]
    pub(crate) bytes: f64,
}

pub(crate) struct Browser<'a> {
    pub(crate) chromium: &'a Path,
    pub(crate) chromedriver: &'a Path,
    /// The origin whose bytes are left out: Stripe's.
    pub(crate) not_counted: &'a str,
}

struct Driver(Child);

impl Browser<'_> {
    pub(crate) async fn visit(&self, address: &str, network: Network) -> anyhow::Result<Seen> {
        let profile = TempDir::new()?;
        let mut capabilities = ChromeCapabilities::new();
        capabilities.set_binary(&self.chromium.display().to_string())?;
        for flag in
            ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        {
            capabilities.add_arg(flag)?;
        }
        for flag in
            ["--disable-background-networking", "--disable-component-update", "--window-size=1280,1000"]
        {
            capabilities.add_arg(flag)?;
        }
        capabilities.add_arg(&format!("--user-data-dir={}", profile.path().display()))?;
        capabilities.set("goog:loggingPrefs", json!({ "performance": "ALL" }))?;
        let (_process, driver) = self.start(&capabilities).await?;
        let seen = self.look(&driver, address, network).await;
        driver.quit().await?;
        seen
    }

    /// Tries several times: a busy machine may fail to start a driver or its browser.
    async fn start(&self, capabilities: &ChromeCapabilities) -> anyhow::Result<(Driver, WebDriver)> {
        let mut tries = 0;
        loop {
            tries += 1;
            let started = match Driver::start(self.chromedriver) {
                Ok((process, port)) => {
                    let driver =
                        WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities.clone()).await;
                    driver.map(|driver| (process, driver)).map_err(anyhow::Error::from)
                }
                Err(error) => Err(error),
            };
            match started {
                Err(_) if tries < 3 => {}
                outcome => return outcome,
            }
        }
    }

    async fn look(&self, driver: &WebDriver, address: &str, network: Network) -> anyhow::Result<Seen> {
        let cdp = driver.cdp();
        driver.set_script_timeout(SCRIPT_TIMEOUT).await?;
        let probe = json!({ "source": include_str!("probe.js") });
        cdp.send_raw("Page.addScriptToEvaluateOnNewDocument", probe).await?;
        if network == Network::Slow {
            let bytes_per_second = 1.6e6 / 8.0;
            cdp.send_raw("Network.enable", json!({})).await?;
            cdp.send_raw(
                "Network.emulateNetworkConditions",
                json!({
                    "offline": false, "latency": 150, "downloadThroughput": bytes_per_second,
                    "uploadThroughput": bytes_per_second / 2.0,
                }),
            )
            .await?;
            cdp.send_raw("Emulation.setCPUThrottlingRate", json!({ "rate": 4 })).await?;
        }
        driver.goto(address).await?;
        let script = "const done = arguments[arguments.length - 1]; window.measured.then(done)";
        let seen = match driver.execute_async(script, vec![]).await {
            Ok(seen) => seen,
            Err(error) => {
                let text = "return document.querySelector('redis-checkout')?.shadowRoot?.textContent";
                let shown = driver.execute(text, vec![]).await?;
                return Err(error).context(format!("{address}, {network:?}: never ready: {}", shown.json()));
            }
        };
        let mut seen: Seen = serde_json::from_value(seen.json().clone())?;
        seen.bytes = self.bytes(driver).await?;
        Ok(seen)
    }

    /// Bytes received over the network so far.
    async fn bytes(&self, driver: &WebDriver) -> anyhow::Result<f64> {
        let mut counted = std::collections::HashSet::new();
        let mut bytes = 0.0;
        for entry in driver.get_log("performance").await? {
            let event: Value = serde_json::from_str(&entry.message)?;
            let (method, params) = (&event["message"]["method"], &event["message"]["params"]);
            let id = params["requestId"].as_str().unwrap_or_default().to_owned();
            if method == "Network.requestWillBeSent" {
                let address = params["request"]["url"].as_str().unwrap_or_default();
                if address.starts_with("http") && !address.starts_with(self.not_counted) {
                    counted.insert(id);
                }
            } else if method == "Network.loadingFinished" && counted.contains(&id) {
                bytes += params["encodedDataLength"].as_f64().unwrap_or_default();
            }
        }
        anyhow::ensure!(bytes > 0.0, "the browser tells of no transfers");
        Ok(bytes)
    }
}

impl Driver {
    fn start(program: &Path) -> anyhow::Result<(Self, u16)> {
        let mut child = Command::new(program)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{} does not start", program.display()))?;
        let stdout = child.stdout.take().context("its output")?;
        let driver = Self(child);
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            if let Some((_, port)) = line.rsplit_once("started successfully on port ") {
                return Ok((driver, port.trim_end_matches('.').parse()?));
            }
        }
        anyhow::bail!("{} does not say its port", program.display())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may already have ended with its browser.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
