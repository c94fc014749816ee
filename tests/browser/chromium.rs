//! Abilities of Chromium alone, through its debugging protocol (CDP).
use crate::Page;
use serde_json::{Value, json};

impl Page {
    /// Sends a CDP command, such as `Emulation.setDeviceMetricsOverride`, and returns its answer.
    pub async fn emulate(&self, method: &str, params: Value) -> Value {
        let outcome = self.driver.cdp().send_raw(method, params).await;
        outcome.unwrap_or_else(|error| panic!("{}: {method}: {error}", self.name))
    }

    /// Awaits and returns the value of `expression` in an isolated world: it shares the page's nodes, but has its own
    /// globals and is not subject to the page's policy.
    pub async fn eval_apart(&self, expression: &str) -> Value {
        let tree = self.emulate("Page.getFrameTree", json!({})).await;
        let world = json!({ "frameId": tree["frameTree"]["frame"]["id"], "worldName": "apart" });
        let world = self.emulate("Page.createIsolatedWorld", world).await;
        let answer = self
            .emulate(
                "Runtime.evaluate",
                json!({
                    "expression": expression, "contextId": world["executionContextId"], "awaitPromise": true,
                    "returnByValue": true,
                }),
            )
            .await;
        assert_eq!(answer["exceptionDetails"], Value::Null, "{}", self.name);
        answer["result"]["value"].clone()
    }

    /// Makes every later page record when its checkout is ready.
    pub(crate) async fn note_when_awake(&self) {
        let source = "addEventListener('redis-checkout:ready', () => { window.awake = true })";
        self.emulate("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await;
    }

    /// Makes the page behave as the focused one. Some versions (such as 148) do so under a driver only without a
    /// profile folder of their own, and otherwise `:focus` and `focusin` never fire.
    pub(crate) async fn have_the_focus(&self) {
        self.emulate("Emulation.setFocusEmulationEnabled", json!({ "enabled": true })).await;
    }

    /// Simulates a pointer over the checkout, and waits until it is ready.
    pub async fn wake(&self) {
        self.until("root && root.querySelector('[data-press]')").await;
        self.eval("root.querySelector('[data-press]').dispatchEvent(new PointerEvent('pointerover', { bubbles: true }))").await;
        self.until("window.awake").await;
    }

    /// Console messages since the last call, except about favicons and the 402 that Stripe's own frame gets for a
    /// declined card.
    pub async fn console(&self) -> Vec<String> {
        let entries = self.driver.get_log("browser").await.unwrap_or_default();
        entries
            .into_iter()
            .map(|entry| entry.message)
            .filter(|entry| !entry.contains("favicon") && !entry.contains("402 (Payment Required)"))
            // Chromium's own start page, which lacks its fonts when there is no network.
            .filter(|entry| !entry.starts_with("chrome://"))
            .collect()
    }
}
