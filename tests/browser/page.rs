//! A course page in Chromium, and what a person does on it.
use checkout_tests::TestApp;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use thirtyfour::prelude::*;
use thirtyfour::{ChromeCapabilities, ChromiumLikeCapabilities, LoggingPrefsLogLevel};

/// The longest that anything on a page may take.
const PATIENCE: Duration = Duration::from_secs(25);

/// A browser of its own on a course page. Where its test fails, a screenshot is kept in `test-artifacts/`.
pub struct Page {
    pub app: TestApp,
    pub driver: WebDriver,
    pub(crate) name: &'static str,
    _chromedriver: Driver,
    _profile: TempDir,
}

/// Ends the driver, and with it the browser, when the test does.
struct Driver(Child);

impl Page {
    /// Opens the course page of `sku`. `name` is the test's, for its screenshot.
    pub async fn open(name: &'static str, sku: &str) -> Self {
        Self::open_on(name, sku, TestApp::start().await).await
    }

    /// The same on a server that was set up before.
    pub async fn open_on(name: &'static str, sku: &str, app: TestApp) -> Self {
        let profile = TempDir::new().expect("a folder");
        let mut capabilities = ChromeCapabilities::new();
        if let Ok(chromium) = std::env::var("CHROMIUM") {
            capabilities.set_binary(&chromium).expect("a capability");
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
            capabilities.add_arg(flag).expect("a capability");
        }
        let profile_flag = format!("--user-data-dir={}", profile.path().display());
        capabilities.add_arg(&profile_flag).expect("a capability");
        capabilities.set_browser_log_level(LoggingPrefsLogLevel::All).expect("a capability");
        let mut tries = 0;
        let (driver_process, driver) = loop {
            tries += 1;
            let (driver_process, address) = Driver::start().await;
            match WebDriver::new(format!("http://{address}"), capabilities.clone()).await {
                Ok(driver) => break (driver_process, driver),
                // A busy machine may not bring Chromium up in time; that says nothing of the checkout.
                Err(error) => assert!(tries < 3, "{name}: no browser: {error}"),
            }
        };
        let page = Self { app, driver, name, _chromedriver: driver_process, _profile: profile };
        page.note_when_awake().await;
        page.go(&format!("{}/courses/{sku}", page.app.sandbox.course_url())).await;
        page
    }

    pub async fn go(&self, address: &str) {
        self.driver.goto(address).await.expect("the page");
    }

    /// Runs `script`, a function body, with `element` bound to the checkout and `root` to its shadow root.
    pub async fn eval(&self, script: &str) -> serde_json::Value {
        let whole = format!(
            "const element = document.querySelector('redis-checkout'); const root = element && element.shadowRoot; {script}"
        );
        let outcome = self.driver.execute(whole, vec![]).await;
        outcome.unwrap_or_else(|error| panic!("{}: {script}: {error}", self.name)).json().clone()
    }

    /// Waits until `condition`, an expression over `element` and `root`, holds.
    pub async fn until(&self, condition: &str) {
        let until = Instant::now() + PATIENCE;
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        while self.eval(&format!("return Boolean({condition})")).await != true {
            if Instant::now() > until {
                let seen = self.eval("return root ? root.textContent : document.body.textContent").await;
                let console = self.console().await;
                panic!(
                    "{}: never {condition}; the checkout says {seen}; the console: {console:?}",
                    self.name
                );
            }
            looks.tick().await;
        }
    }

    /// Waits until the checkout shows `text`.
    pub async fn shows(&self, text: &str) {
        let text = serde_json::Value::from(text).to_string();
        self.until(&format!("root && [...root.querySelectorAll('*')].some(e => e.checkVisibility() && [...e.childNodes].some(n => n.nodeType == 3 && n.data.includes({text})))")).await;
    }

    /// Presses the visible button or link whose text holds `text`.
    pub async fn press(&self, text: &str) {
        let text = serde_json::Value::from(text).to_string();
        let find = format!(
            "[...root.querySelectorAll('button, a')].find(b => b.checkVisibility() && !b.disabled && b.textContent.includes({text}))"
        );
        self.until(&format!("root && {find}")).await;
        self.eval(&format!("{find}.click()")).await;
    }

    /// Waits until the focus is on what `selector` names inside the checkout.
    pub async fn focus_is(&self, selector: &str) {
        self.until(&format!("root.activeElement?.matches({selector:?})")).await;
    }

    /// Types an email and the card into Stripe's own frame.
    pub async fn fill(&self, email: &str, card: &str) {
        self.until("root && root.querySelector('input[name=email]')?.checkVisibility()").await;
        let input = self.eval_element("root.querySelector('input[name=email]')").await;
        input.clear().await.expect("an empty field");
        input.send_keys(email).await.expect("a typed email");
        self.fill_card(card).await;
    }

    /// Presses keys wherever the focus is.
    pub async fn type_keys(&self, keys: &str) {
        self.driver.action_chain().send_keys(keys).perform().await.expect("typed keys");
    }

    /// Types the card into Stripe's frame, which has an origin of its own.
    pub async fn fill_card(&self, card: &str) {
        self.until("element.querySelector('[slot=payment] iframe')").await;
        let frame = self.driver.query(By::Css("redis-checkout [slot=payment] iframe"));
        frame.first().await.expect("the frame").enter_frame().await.expect("to enter it");
        for (name, text) in [("number", card), ("expiry", "12 / 34"), ("cvc", "123"), ("postalCode", "94107")]
        {
            let field = self.driver.query(By::Name(name)).wait(PATIENCE, Duration::from_millis(50));
            let field = field.first().await.expect("a field of the card");
            field.clear().await.expect("an empty field");
            field.send_keys(text).await.expect("a typed card");
        }
        self.driver.enter_default_frame().await.expect("the page");
    }

    /// Presses `button` in the 3-D Secure step.
    pub async fn authenticate(&self, button: &str) {
        self.until("document.querySelector('[data-stripe-overlay] iframe')").await;
        let frame = self.driver.query(By::Css("[data-stripe-overlay] iframe"));
        frame.first().await.expect("the frame").enter_frame().await.expect("to enter it");
        let button = self.driver.query(By::Id(button)).wait(PATIENCE, Duration::from_millis(50));
        button.first().await.expect("the button").click().await.expect("a click");
        self.driver.enter_default_frame().await.expect("the page");
    }

    /// Keeps a picture in `test-artifacts/`.
    pub async fn screenshot(&self, what: &str) {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../test-artifacts");
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join(format!("{}-{what}.png", self.name));
        if let Err(error) = self.driver.screenshot(&file).await {
            std::fs::write(file.with_extension("txt"), error.to_string()).expect("a note");
        }
    }

    async fn eval_element(&self, expression: &str) -> WebElement {
        let script = format!(
            "return document.querySelector('redis-checkout').shadowRoot && (root => {expression})(document.querySelector('redis-checkout').shadowRoot)"
        );
        self.driver.execute(script, vec![]).await.expect("an element").element().expect("an element")
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                if std::thread::panicking() {
                    self.screenshot("failed").await;
                }
                // A browser that is gone already is as good as one that quits.
                let _ = self.driver.clone().quit().await;
            });
        });
    }
}

impl Driver {
    async fn start() -> (Self, SocketAddr) {
        let program = std::env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".to_owned());
        let mut child = Command::new(&program)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}: run `cargo xtask test`, which installs it"));
        let stdout = child.stdout.take().expect("its output");
        let port = tokio::task::spawn_blocking(move || {
            let lines = BufReader::new(stdout).lines().map_while(Result::ok);
            let mut ports = lines.filter_map(|line| {
                let (_, port) = line.rsplit_once("started successfully on port ")?;
                port.trim_end_matches('.').parse::<u16>().ok()
            });
            ports.next()
        });
        let port = port.await.expect("a reader").expect("the driver says its port");
        (Self(child), SocketAddr::from(([127, 0, 0, 1], port)))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may have ended with its browser.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
