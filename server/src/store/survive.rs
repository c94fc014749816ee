//! Preserves what a later release has added to a purchase when this one writes it: during a rollout, servers of both
//! work on the same purchases.
use serde_json::{Map, Value};

/// Fields that this release leaves out if they are empty: if one is missing, it was cleared.
const LEFT_OUT: [&str; 1] = ["coupon"];
/// Fields that identify an object. If one differs, it is another object, and nothing of the old one is kept.
const IDENTITY: [&str; 3] = ["code", "email", "key"];

/// `now` with all fields of `before` that it lacks.
pub(super) fn with_unknown(before: &str, now: Value) -> Value {
    match serde_json::from_str(before) {
        Ok(before) => merged(before, now),
        Err(_) => now,
    }
}

fn merged(before: Value, now: Value) -> Value {
    match (before, now) {
        (Value::Object(before), Value::Object(now)) if is_same(&before, &now) => {
            let mut all = now;
            for (name, value) in before {
                match all.remove(&name) {
                    Some(known) => all.insert(name, merged(value, known)),
                    None if LEFT_OUT.contains(&name.as_str()) => None,
                    None => all.insert(name, value),
                };
            }
            Value::Object(all)
        }
        (_, now) => now,
    }
}

fn is_same(before: &Map<String, Value>, now: &Map<String, Value>) -> bool {
    IDENTITY.iter().all(|name| match (before.get(*name), now.get(*name)) {
        (Some(before), Some(now)) => before == now,
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_known_stays_and_what_is_known_is_as_it_was_written() {
        let before = json!({
            "id": "a", "later": { "x": 1 },
            "price": { "total": 5, "coupon": "SAVE", "later": 2 },
            "learner": { "email": "a@b.co", "later": 3 },
            "redemption": { "code": "SAVE", "later": 4 },
            "attempt": { "key": "k" },
        });
        let now = json!({
            "id": "a", "price": { "total": 9 }, "learner": { "email": "a@b.co", "name": null },
            "redemption": { "code": "OTHER" }, "attempt": null,
        });
        let both = json!({
            "id": "a", "later": { "x": 1 },
            "price": { "total": 9, "later": 2 },
            "learner": { "email": "a@b.co", "name": null, "later": 3 },
            "redemption": { "code": "OTHER" }, "attempt": null,
        });
        assert_eq!(with_unknown(&before.to_string(), now), both);
    }
}
