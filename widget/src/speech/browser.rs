//! The formatters that the loader makes with `Intl` for one language.
use shared::{Money, Timestamp};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// An object with the functions below.
    #[derive(Clone)]
    pub type Speech;
    #[wasm_bindgen(method, js_name = money)]
    fn money_of(this: &Speech, units: f64, currency: &str, decimals: u32) -> String;
    #[wasm_bindgen(method, js_name = date)]
    fn date_of(this: &Speech, millis: f64) -> String;
    #[wasm_bindgen(method, js_name = time)]
    fn time_of(this: &Speech, millis: f64) -> String;
    #[wasm_bindgen(method, js_name = plural)]
    fn plural_of(this: &Speech, number: f64) -> String;
}

#[expect(clippy::cast_precision_loss, reason = "amounts, seats and milliseconds stay far below 2^53")]
impl Speech {
    pub(crate) fn money(&self, money: Money) -> String {
        let decimals = money.currency.decimals();
        let unit = (0..decimals).fold(1.0, |unit, _| unit * 10.0);
        self.money_of(money.amount as f64 / unit, money.currency.as_str(), decimals as u32)
    }

    /// The day in UTC.
    pub(crate) fn date(&self, at: Timestamp) -> String {
        self.date_of(at.as_millis() as f64)
    }

    /// The hour and minute on the learner's clock.
    pub(crate) fn local_time(&self, at: Timestamp) -> String {
        self.time_of(at.as_millis() as f64)
    }

    /// The plural form that `number` takes, such as `one`.
    pub(crate) fn plural(&self, number: i64) -> String {
        self.plural_of(number as f64)
    }
}
