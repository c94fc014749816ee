//! The payment methods an intent or a session excludes.
use super::form::Params;
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub(crate) struct Offered {
    excluded: Vec<String>,
    /// Id of a payment method configuration from the dashboard.
    configuration: Option<String>,
}

impl Offered {
    pub(crate) fn of(params: &Params) -> Self {
        Self {
            excluded: params.list("excluded_payment_method_types").into_iter().map(str::to_owned).collect(),
            configuration: params.get("payment_method_configuration").map(str::to_owned),
        }
    }

    /// Replaces the excluded methods with those of an update, if it lists any.
    pub(crate) fn updated(self, params: &Params) -> Self {
        let excluded = Self::of(params).excluded;
        if excluded.is_empty() { self } else { Self { excluded, ..self } }
    }

    pub(crate) fn excludes(&self, kind: &str) -> bool {
        self.excluded.iter().any(|name| name == kind)
    }

    /// Adds these to the parameters of a request for an intent.
    pub(crate) fn add_to(&self, params: &mut Params) {
        for name in &self.excluded {
            params.push("excluded_payment_method_types[]", name);
        }
        if let Some(configuration) = &self.configuration {
            params.push("payment_method_configuration", configuration);
        }
    }

    /// The excluded methods; `None` if there are none.
    pub(crate) fn excluded(&self) -> Option<&[String]> {
        (!self.excluded.is_empty()).then_some(&self.excluded)
    }

    /// `payment_method_configuration_details`.
    pub(crate) fn configuration(&self) -> Option<Value> {
        self.configuration.as_ref().map(|id| json!({ "id": id, "parent": null }))
    }
}
