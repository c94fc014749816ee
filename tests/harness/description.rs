//! Stripe's own description of its API. If `STRIPE_DESCRIPTION` names its file, as in `cargo xtask test`, every request
//! of the server and every answer and event of the sandbox is validated against it.
use jsonschema::Validator;
use sandbox::stripe::RequestRecord;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

static DESCRIPTION: LazyLock<Option<Description>> = LazyLock::new(|| {
    let file = std::env::var_os("STRIPE_DESCRIPTION")?;
    let text = std::fs::read_to_string(file).expect("Stripe's description");
    Some(Description::new(serde_json::from_str(&text).expect("JSON")))
});

/// Panics if a request, an answer or an event doesn't match Stripe's description. Does nothing without the description.
pub(crate) fn hold(requests: &[RequestRecord], events: &[Value]) {
    if let Some(description) = &*DESCRIPTION {
        for request in requests {
            description.hold(request);
        }
        for event in events {
            description.hold_event(event);
        }
    }
}

struct Description {
    paths: Map<String, Value>,
    components: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Description {
    fn new(mut whole: Value) -> Self {
        let components = json!({ "schemas": schema(whole["components"]["schemas"].take(), false) });
        let Value::Object(paths) = whole["paths"].take() else { panic!("no paths") };
        Self { paths, components, validators: Mutex::default() }
    }

    fn hold(&self, request: &RequestRecord) {
        // A server that was gone took no answer.
        let (Some(answer), Some(status)) = (&request.answer, request.status) else { return };
        let (name, path) = self
            .paths
            .iter()
            .filter(|(path, _)| fits(path, &request.path))
            .min_by_key(|(path, _)| path.matches('{').count())
            .unwrap_or_else(|| panic!("Stripe has no {}", request.path));
        let operation = &path[request.method.to_lowercase()];
        assert!(operation.is_object(), "Stripe has no {} {name}", request.method);
        let taken = status == 200;
        if taken && request.method == "POST" {
            let described =
                &operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"];
            let sent = coerced(tree(&request.form), described);
            self.check(&format!("the request POST {name}"), described, true, &sent);
        }
        let told = if taken { "200" } else { "default" };
        let described = &operation["responses"][told]["content"]["application/json"]["schema"];
        self.check(&format!("the answer to {} {name}", request.method), described, false, answer);
    }

    /// Checks the event's envelope and its object, by the schema that Stripe has for its answers.
    fn hold_event(&self, event: &Value) {
        let kind = event["type"].as_str().expect("a type");
        let endpoints = &self.paths["/v1/webhook_endpoints"]["post"]["requestBody"]["content"];
        let wanted =
            &endpoints["application/x-www-form-urlencoded"]["schema"]["properties"]["enabled_events"];
        let kinds = wanted["items"]["enum"].as_array().expect("the types of events");
        assert!(kinds.contains(&event["type"]), "Stripe has no event {kind}");
        let object = &event["data"]["object"];
        let of = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
        self.check(&format!("the event {kind}"), &of("event"), false, event);
        let name = object["object"].as_str().expect("what it is");
        self.check(&format!("what the event {kind} is about"), &of(name), false, object);
    }

    fn check(&self, what: &str, described: &Value, is_request: bool, value: &Value) {
        let validator = self.validator(what, described, is_request);
        let wrong: Vec<_> =
            validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{what} is not as Stripe describes it: {wrong:#?}\n{value:#}");
    }

    fn validator(&self, what: &str, described: &Value, is_request: bool) -> Arc<Validator> {
        let mut known = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let mut whole = schema(described.clone(), is_request);
            whole["components"] = self.components.clone();
            Arc::new(
                jsonschema::options()
                    .with_draft(jsonschema::Draft::Draft202012)
                    .build(&whole)
                    .expect("a schema"),
            )
        };
        known.entry(format!("{what} {}", described["$ref"])).or_insert_with(make).clone()
    }
}

/// Whether `called` matches the template `path`; a part in braces matches anything.
fn fits(path: &str, called: &str) -> bool {
    path.split('/').count() == called.split('/').count()
        && path.split('/').zip(called.split('/')).all(|(part, of)| part == of || part.starts_with('{'))
}

/// Converts an OpenAPI 3.0 schema to JSON Schema: `nullable` becomes a type. A request may contain only what is
/// described.
fn schema(described: Value, is_request: bool) -> Value {
    match described {
        Value::Array(all) => all.into_iter().map(|one| schema(one, is_request)).collect(),
        Value::Object(members) => {
            let properties = members.get("properties").cloned();
            let mut members: Map<_, _> = members
                .into_iter()
                .filter(|(name, _)| name != "properties" && name != "format")
                .map(|(name, value)| (name, schema(value, is_request)))
                .collect();
            if let Some(Value::Object(properties)) = properties {
                let properties: Map<_, _> =
                    properties.into_iter().map(|(name, value)| (name, schema(value, is_request))).collect();
                if is_request && !members.contains_key("additionalProperties") {
                    members.insert("additionalProperties".to_owned(), json!(false));
                }
                members.insert("properties".to_owned(), Value::Object(properties));
            }
            match members.remove("nullable") {
                Some(Value::Bool(true)) => json!({ "anyOf": [{ "type": "null" }, members] }),
                _ => Value::Object(members),
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => described,
    }
}

/// Converts parameters such as `a[b][c]` and `a[]` to the objects and lists that they stand for.
fn tree(form: &[(String, String)]) -> Value {
    let mut root = json!({});
    for (name, value) in form {
        let mut place = &mut root;
        for step in name
            .split(['[', ']'])
            .enumerate()
            .filter(|(n, step)| *n == 0 || !step.is_empty())
            .map(|(_, step)| step)
        {
            place = &mut place[step];
        }
        match (name.ends_with("[]"), place) {
            (true, Value::Array(list)) => list.push(value.as_str().into()),
            (true, place) => *place = json!([value]),
            (false, place) => *place = value.as_str().into(),
        }
    }
    root
}

/// Converts values that are sent as text to the numbers, booleans and lists that `described` takes.
fn coerced(value: Value, described: &Value) -> Value {
    if let Some(choices) = described["anyOf"].as_array() {
        let tried = choices.iter().map(|choice| coerced(value.clone(), choice));
        return tried.rev().find(|coerced| *coerced != value).unwrap_or(value);
    }
    match (described["type"].as_str(), value) {
        (Some("integer"), Value::String(text)) => {
            text.parse::<i64>().map_or(Value::String(text.clone()), Into::into)
        }
        (Some("boolean"), Value::String(text)) => {
            text.parse::<bool>().map_or(Value::String(text.clone()), Into::into)
        }
        (Some("array"), Value::Object(numbered)) => {
            numbered.into_iter().map(|(_, item)| coerced(item, &described["items"])).collect()
        }
        (_, Value::Object(members)) => {
            let of = |name: &str| {
                let property = &described["properties"][name];
                if property.is_null() { &described["additionalProperties"] } else { property }
            };
            members
                .into_iter()
                .map(|(name, value)| {
                    let value = coerced(value, of(&name));
                    (name, value)
                })
                .collect()
        }
        (_, other) => other,
    }
}
