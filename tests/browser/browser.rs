//! The browser that the tests run in, with a driver and a profile of its own for each test.
use checkout_tests::free_address;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use thirtyfour::prelude::*;
use thirtyfour::{Capabilities, ChromeCapabilities, ChromiumLikeCapabilities, LoggingPrefsLogLevel};

/// Timeout for a driver to listen.
const TIMEOUT: Duration = Duration::from_secs(25);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Browser {
    Chromium,
    Firefox,
    WebKit,
}

/// A running browser. Dropping it ends it.
pub(crate) struct Started {
    pub(crate) driver: WebDriver,
    pub(crate) process: Driver,
    pub(crate) profile: TempDir,
}

/// A driver process. Dropping it ends the driver, and with it the browser.
pub(crate) struct Driver(Child);

impl Browser {
    /// The browser that `TEST_BROWSER` names; Chromium by default.
    pub(crate) fn chosen() -> Self {
        match std::env::var("TEST_BROWSER").as_deref() {
            Err(_) | Ok("chromium") => Self::Chromium,
            Ok("firefox") => Self::Firefox,
            Ok("webkit") => Self::WebKit,
            Ok(other) => panic!("TEST_BROWSER is {other}, and may be chromium, firefox or webkit"),
        }
    }

    /// Starts the browser for the test `name`.
    pub(crate) async fn start(self, name: &str) -> Started {
        let profile = TempDir::new().expect("a folder");
        let capabilities = match self {
            Self::Chromium => chromium(&profile).expect("capabilities"),
            Self::Firefox => firefox(&profile),
            Self::WebKit => webkit(),
        };
        let mut tries = 0;
        loop {
            tries += 1;
            let Some((process, address)) = Driver::start(self).await else {
                assert!(tries < 3, "{name}: the driver ends before it says its port");
                continue;
            };
            match WebDriver::new(format!("http://{address}"), capabilities.clone()).await {
                Ok(driver) => return Started { driver, process, profile },
                // A busy machine may fail to start a browser in time, which says nothing about the checkout.
                Err(error) => assert!(tries < 3, "{name}: no browser: {error}"),
            }
        }
    }
}

fn chromium(profile: &TempDir) -> WebDriverResult<Capabilities> {
    let mut capabilities = ChromeCapabilities::new();
    if let Ok(chromium) = std::env::var("CHROMIUM") {
        capabilities.set_binary(&chromium)?;
    }
    for flag in [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1280,1000",
    ] {
        capabilities.add_arg(flag)?;
    }
    capabilities.add_arg(&format!("--user-data-dir={}", profile.path().display()))?;
    capabilities.set_browser_log_level(LoggingPrefsLogLevel::All)?;
    Ok(capabilities.into())
}

fn firefox(profile: &TempDir) -> Capabilities {
    let program = std::env::var("FIREFOX").unwrap_or_else(|_| "firefox".to_owned());
    let arguments = ["-headless", "-profile", &profile.path().display().to_string()].map(str::to_owned);
    capabilities("moz:firefoxOptions", json!({ "binary": program, "args": arguments }))
}

fn webkit() -> Capabilities {
    let program = std::env::var("MINIBROWSER").unwrap_or_else(|_| "MiniBrowser".to_owned());
    capabilities("webkitgtk:browserOptions", json!({ "binary": program, "args": ["--automation"] }))
}

fn capabilities(name: &str, options: Value) -> Capabilities {
    let mut capabilities = Capabilities::new();
    capabilities.set(name, options).expect("a capability");
    capabilities
}

impl Driver {
    /// Returns `None` if the driver ends before it listens.
    async fn start(browser: Browser) -> Option<(Self, SocketAddr)> {
        let (variable, usual) = match browser {
            Browser::Chromium => ("CHROMEDRIVER", "chromedriver"),
            Browser::Firefox => ("GECKODRIVER", "geckodriver"),
            Browser::WebKit => ("WEBKITDRIVER", "WebKitWebDriver"),
        };
        let program = std::env::var(variable).unwrap_or_else(|_| usual.to_owned());
        let spawn = |arguments: &[String]| {
            let mut command = Command::new(&program);
            command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null());
            // Independent of this machine's language and time zone, and of its proxy, which can't reach the test's
            // servers.
            command.envs([("LC_ALL", "C.UTF-8"), ("LANGUAGE", "en"), ("TZ", "UTC")]);
            for proxy in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]
            {
                command.env_remove(proxy);
            }
            let child = command.spawn();
            Self(child.unwrap_or_else(|error| {
                panic!("{program}: {error}: run `cargo xtask test`, which installs it")
            }))
        };
        let says_its_port = match browser {
            Browser::Chromium => Some(["--port=0"].as_slice()),
            Browser::Firefox => Some(["--port=0", "--websocket-port=0"].as_slice()),
            Browser::WebKit => None,
        };
        if let Some(arguments) = says_its_port {
            let mut driver = spawn(&arguments.iter().map(|&text| text.to_owned()).collect::<Vec<_>>());
            // Where IPv6 is off, chromedriver listens on a port that it doesn't know, and reports 0.
            match driver.port().await? {
                0 => drop(driver),
                port => return Some((driver, SocketAddr::from(([127, 0, 0, 1], port)))),
            }
        }
        let address = free_address();
        let mut arguments = vec![format!("--port={}", address.port())];
        if browser == Browser::WebKit {
            // By default it requires IPv6 as well.
            arguments.push("--host=127.0.0.1".to_owned());
        }
        let driver = spawn(&arguments);
        let until = Instant::now() + TIMEOUT;
        let mut looks = tokio::time::interval(Duration::from_millis(20));
        while tokio::net::TcpStream::connect(address).await.is_err() {
            assert!(Instant::now() < until, "{program} does not listen");
            looks.tick().await;
        }
        Some((driver, address))
    }

    /// The port that the driver reports.
    async fn port(&mut self) -> Option<u16> {
        let stdout = self.0.stdout.take().expect("its output");
        let (tell, told) = tokio::sync::oneshot::channel();
        // Reads the output to its end: a driver that can't write any more may die.
        std::thread::spawn(move || {
            let mut tell = Some(tell);
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let listens = ["started successfully on port ", "Listening on 127.0.0.1:"];
                let port = listens.iter().find_map(|words| line.rsplit_once(words));
                let port = port.and_then(|(_, port)| port.trim_end_matches('.').parse::<u16>().ok());
                if let (Some(port), Some(tell)) = (port, tell.take_if(|_| port.is_some())) {
                    // The test may have given up.
                    let _ = tell.send(port);
                }
            }
        });
        told.await.ok()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may already have ended with its browser.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
