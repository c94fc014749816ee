//! What only Chromium can be asked for, by its own protocol.
use crate::Page;
use serde_json::{Value, json};

impl Page {
    /// A command of Chromium's protocol, such as `Emulation.setDeviceMetricsOverride`, and its answer.
    pub async fn emulate(&self, method: &str, params: Value) -> Value {
        let outcome = self.driver.cdp().send_raw(method, params).await;
        outcome.unwrap_or_else(|error| panic!("{}: {method}: {error}", self.name))
    }

    /// The value of `expression`, awaited, in a world beside the page's: the nodes are the same, the globals are others,
    /// and the page's policy says nothing there.
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

    /// Has every page that comes note when its checkout has been brought to life.
    pub(crate) async fn note_when_awake(&self) {
        let source = "addEventListener('redis-checkout:ready', () => { window.awake = true })";
        self.emulate("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await;
    }

    /// Has the page take itself for the one that a person looks at. Some versions (148, say) think so under a driver only
    /// where they have no profile folder of their own, and without it `:focus` and `focusin` never come.
    pub(crate) async fn have_the_focus(&self) {
        self.emulate("Emulation.setFocusEmulationEnabled", json!({ "enabled": true })).await;
    }

    /// Comes near the checkout, and waits until it has been brought to life.
    pub async fn wake(&self) {
        self.until("root && root.querySelector('[data-press]')").await;
        self.eval("root.querySelector('[data-press]').dispatchEvent(new PointerEvent('pointerover', { bubbles: true }))").await;
        self.until("window.awake").await;
    }

    /// What the console has said since it was asked last. Left out: favicons, and the 402 that Stripe's own frame gets
    /// for a declined card.
    pub async fn console(&self) -> Vec<String> {
        let entries = self.driver.get_log("browser").await.unwrap_or_default();
        entries
            .into_iter()
            .map(|entry| entry.message)
            .filter(|entry| !entry.contains("favicon") && !entry.contains("402 (Payment Required)"))
            // Its own first page, which misses its fonts where there is no network.
            .filter(|entry| !entry.starts_with("chrome://"))
            .collect()
    }
}
