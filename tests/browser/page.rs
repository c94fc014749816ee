//! A course page in a browser, and what a person does on it.
use crate::browser::{Browser, Driver, Started};
use checkout_tests::TestApp;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use thirtyfour::prelude::*;

/// Timeout for anything on a page.
const TIMEOUT: Duration = Duration::from_secs(25);

/// A browser of its own on a course page. If its test fails, a screenshot is kept in `test-artifacts/`.
pub struct Page {
    pub app: TestApp,
    pub driver: WebDriver,
    pub(crate) name: &'static str,
    browser: Browser,
    _process: Driver,
    _profile: TempDir,
}

impl Page {
    /// Opens the course page of `sku`. `name` is the test's name, used for screenshots.
    pub async fn open(name: &'static str, sku: &str) -> Self {
        Self::open_on(name, sku, TestApp::start().await).await
    }

    /// The same on an existing server.
    pub async fn open_on(name: &'static str, sku: &str, app: TestApp) -> Self {
        let browser = Browser::chosen();
        let Started { driver, process, profile } = browser.start(name).await;
        let page = Self { app, driver, name, browser, _process: process, _profile: profile };
        if browser == Browser::Chromium {
            page.note_when_awake().await;
            page.have_the_focus().await;
        }
        page.go(&format!("{}/courses/{sku}", page.app.sandbox.course_url())).await;
        page
    }

    pub async fn go(&self, address: &str) {
        self.driver.goto(address).await.expect("the page");
        self.eval(
            "window.refused = [];
             document.addEventListener('securitypolicyviolation', event => refused.push(event.violatedDirective));",
        )
        .await;
    }

    /// Opens an address as another tab would: what this one keeps for itself is gone.
    pub async fn go_in_another_tab(&self, address: &str) {
        self.eval("sessionStorage.clear()").await;
        self.go(address).await;
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
        let until = Instant::now() + TIMEOUT;
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        while self.eval(&format!("return Boolean({condition})")).await != true {
            if Instant::now() > until {
                let seen = self.eval("return root ? root.textContent : document.body.textContent").await;
                let complaints = self.complaints().await;
                let loaded = self
                    .eval(
                        "return performance.getEntriesByType('resource')
                             .map(({ name, startTime, responseEnd }) => `${name} ${startTime | 0}–${responseEnd | 0} ms`)",
                    )
                    .await;
                panic!(
                    "{}: never {condition}; the checkout says {seen}; {complaints:?}; loaded: {loaded}",
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

    /// Presses the visible button or link whose text contains `text`.
    pub async fn press(&self, text: &str) {
        let text = serde_json::Value::from(text).to_string();
        let find = format!(
            "[...root.querySelectorAll('button, a')].find(b => b.checkVisibility() && !b.disabled && b.textContent.includes({text}))"
        );
        self.until(&format!("root && {find}")).await;
        self.eval(&format!("{find}.click()")).await;
    }

    /// Presses the button that opens the form, whatever it says.
    pub async fn press_purchase(&self) {
        let button = "root?.querySelector('[data-press=purchase]:not(:disabled)')";
        self.until(&format!("{button}?.checkVisibility()")).await;
        self.eval(&format!("{button}.click()")).await;
    }

    /// Waits until the checkout has a button.
    pub async fn is_ready(&self) {
        self.until("root?.querySelector('button')").await;
    }

    /// Waits until the form shows its field for the email.
    pub async fn form_is_open(&self) {
        self.until("root?.querySelector('input[name=email]')?.checkVisibility()").await;
    }

    /// Waits until Stripe's form is there, with room for a card.
    pub async fn card_form_is_shown(&self) {
        self.until("element.querySelector('[slot=payment] iframe')?.clientHeight > 100").await;
    }

    /// Waits until the bank asks the learner to authenticate (3-D Secure).
    pub async fn bank_asks(&self) {
        self.until("document.querySelector('[data-stripe-overlay] iframe')").await;
    }

    /// Waits until the checkout links to the course.
    pub async fn has_access(&self) {
        self.until(
            "root && [...root.querySelectorAll('a')].some(a => a.checkVisibility() && a.href.includes('/learn/'))",
        )
        .await;
    }

    /// Waits until an error is shown.
    pub async fn alerts(&self) {
        self.until("root.querySelector('[role=alert]')?.textContent.trim()").await;
    }

    /// Waits until the browser has asked for the WASM.
    pub async fn wasm_is_requested(&self) {
        self.until("performance.getEntriesByType('resource').some(e => e.name.endsWith('.wasm'))").await;
    }

    /// Waits until the focus is on the element that `selector` matches inside the checkout.
    pub async fn focus_is(&self, selector: &str) {
        self.until(&format!("root.activeElement?.matches({selector:?})")).await;
    }

    /// Types an email and the card into Stripe's own frame.
    pub async fn fill(&self, email: &str, card: &str) {
        self.form_is_open().await;
        let input = self.eval_element("root.querySelector('input[name=email]')").await;
        input.clear().await.expect("an empty field");
        input.send_keys(email).await.expect("a typed email");
        self.fill_card(card).await;
    }

    /// Presses keys wherever the focus is.
    pub async fn type_keys(&self, keys: &str) {
        self.driver.action_chain().send_keys(keys).perform().await.expect("typed keys");
    }

    /// Types the card into Stripe's cross-origin frame, moving from field to field with Tab: not every driver can click
    /// or type into a field of a frame that is out of view.
    pub async fn fill_card(&self, card: &str) {
        self.card_form_is_shown().await;
        let frame = "element.querySelector('[slot=payment] iframe')";
        self.eval(&format!("{frame}.scrollIntoView({{ block: 'center' }})")).await;
        let frame = self.driver.query(By::Css("redis-checkout [slot=payment] iframe"));
        frame.first().await.expect("the frame").enter_frame().await.expect("to enter it");
        let number = self.driver.query(By::Name("number")).wait(TIMEOUT, Duration::from_millis(50));
        let number = number.first().await.expect("a field for the number");
        number.clear().await.expect("an empty field");
        number.click().await.expect("the focus");
        for (name, text) in [("number", card), ("expiry", "12 / 34"), ("cvc", "123"), ("postalCode", "94107")]
        {
            self.tab_to(name).await;
            self.type_keys(text).await;
        }
        self.driver.enter_default_frame().await.expect("the page");
    }

    /// Runs `script`, a function body, within Stripe's frame.
    pub async fn in_stripes_frame(&self, script: &str) -> serde_json::Value {
        let frame = self.driver.query(By::Css("redis-checkout [slot=payment] iframe"));
        frame.first().await.expect("the frame").enter_frame().await.expect("to enter it");
        let answer = self.driver.execute(script, vec![]).await.expect("an answer").json().clone();
        self.driver.enter_default_frame().await.expect("the page");
        answer
    }

    /// Presses Tab until the field `name` of the entered frame has the focus, which selects its contents.
    async fn tab_to(&self, name: &str) {
        for _ in 0..4 {
            let focused = self.driver.execute("return document.activeElement.name", vec![]).await;
            if focused.expect("a field").json() == name {
                return;
            }
            self.type_keys("\u{e004}").await;
        }
        panic!("{}: Tab does not reach {name}", self.name);
    }

    /// Presses `button` in the 3-D Secure step.
    pub async fn authenticate(&self, button: &str) {
        self.bank_asks().await;
        let frame = self.driver.query(By::Css("[data-stripe-overlay] iframe"));
        frame.first().await.expect("the frame").enter_frame().await.expect("to enter it");
        let button = self.driver.query(By::Id(button)).wait(TIMEOUT, Duration::from_millis(50));
        button.first().await.expect("the button").click().await.expect("a click");
        self.driver.enter_default_frame().await.expect("the page");
    }

    /// Asserts that the learner has access, FlockJay knows it, money was taken once, and the page's policy refused
    /// nothing.
    pub async fn is_in(&self, email: &str) {
        self.has_access().await;
        let grants = self.app.sandbox.flockjay().active_grants();
        assert_eq!(grants.len(), 1);
        assert_eq!(grants[0].learner.email, email);
        let stripe = self.app.sandbox.stripe();
        assert_eq!((stripe.intents().len(), stripe.charges_succeeded().len()), (1, 1));
        assert_eq!(self.complaints().await, Vec::<String>::new(), "{}", self.name);
    }

    /// The browser's complaints: its console messages or, where the driver doesn't report those, violations of the
    /// page's policy.
    async fn complaints(&self) -> Vec<String> {
        match self.browser {
            Browser::Chromium => self.console().await,
            Browser::Firefox | Browser::WebKit => {
                let refused = self.eval("return window.refused").await;
                refused.as_array().into_iter().flatten().map(ToString::to_string).collect()
            }
        }
    }

    /// Keeps a screenshot in `test-artifacts/`.
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
                // The browser may be gone already, which is just as good.
                let _ = self.driver.clone().quit().await;
            });
        });
    }
}
