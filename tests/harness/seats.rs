//! One page's connection to `GET /v1/offerings/{sku}/seats`.
use serde_json::Value;
use std::time::Duration;

/// Timeout for a change to arrive.
const TIMEOUT: Duration = Duration::from_secs(10);

pub struct SeatStream {
    answer: reqwest::Response,
    text: String,
}

impl SeatStream {
    /// Connects to the instance at `base`.
    pub async fn open(base: &str, sku: &str) -> Self {
        let address = format!("{base}/v1/offerings/{sku}/seats");
        let answer = reqwest::get(address).await.expect("an answer");
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self { answer, text: String::new() }
    }

    /// The data of the next event.
    pub async fn next(&mut self) -> Value {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let event = event.to_owned();
                self.text = rest.to_owned();
                // Other events are comments that keep the connection alive.
                if let Some(data) = event.lines().find_map(|line| line.strip_prefix("data:")) {
                    assert!(event.lines().any(|line| line.trim() == "event: seats"), "{event}");
                    return serde_json::from_str(data.trim()).expect("JSON");
                }
            } else {
                let chunk = tokio::time::timeout(TIMEOUT, self.answer.chunk()).await.expect("news of seats");
                let chunk = chunk.expect("a connection").expect("more");
                self.text.push_str(&String::from_utf8_lossy(&chunk));
            }
        }
    }
}
