//! Purchases as they are stored, by this release and by earlier ones.
use super::examples::*;
use super::*;
use serde_json::{Value, json};
use shared::State;
use std::collections::HashMap;

/// `stored.txt` has a purchase of every state as an earlier release stored it. It is only added to: each line must be
/// read as the same purchase, and its fields be written the same.
#[test]
fn what_an_earlier_release_stored_is_read() {
    let inline = State::ALL.iter().map(|&state| (state.to_string(), in_state(state)));
    let disputed = [pay(), succeeded(4900, SeatFound::Yes), asked(), disputed(Dispute::Lost)];
    let others = [("refunded, disputed".to_owned(), purchase(&disputed))];
    let all: HashMap<_, _> = inline.chain(hosted()).chain(others).collect();
    let stored = include_str!("stored.txt");
    assert_eq!(stored.lines().count(), all.len());
    for (name, body) in stored.lines().filter_map(|line| line.split_once(": ")) {
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(serde_json::from_value::<Purchase>(body.clone()).unwrap(), all[name], "{name}");
        let written = serde_json::to_value(&all[name]).unwrap();
        for (field, value) in body.as_object().unwrap() {
            assert_eq!(&written[field], value, "{name}: {field}");
        }
    }
}

#[test]
fn a_purchase_without_the_fields_of_later_releases_still_reads() {
    let before = in_state(State::Held);
    let mut stored = serde_json::to_value(&before).unwrap();
    let later = [
        "least_writer",
        "redemption",
        "team",
        "signed_in",
        "hosted",
        "hold_extended",
        "refund_asked",
        "refunds_failed",
        "dispute",
        "disputed",
        "dispute_forbids_refund",
        "dispute_regained",
        "told",
    ];
    for field in later {
        assert!(stored.as_object_mut().unwrap().remove(field).is_some(), "{field}");
    }
    assert_eq!(serde_json::from_value::<Purchase>(stored).unwrap(), before);
}

#[test]
fn a_refused_grant_is_stored() {
    let mut refused = in_state(State::Paid);
    refused.handle(Event::GrantRefused, SOON, &LIMITS).unwrap();
    let stored = serde_json::to_value(&refused).unwrap();
    assert_eq!(stored["grant_refused"], json!(true));
    assert_eq!(serde_json::from_value::<Purchase>(stored).unwrap(), refused);
}

#[test]
fn a_purchase_that_is_over_says_since_when() {
    let mut stored = serde_json::to_value(in_state(State::Expired)).unwrap();
    stored["ended_at"] = Value::Null;
    let error = serde_json::from_value::<Purchase>(stored).unwrap_err();
    assert_eq!(error.to_string(), "a purchase that is expired needs ended_at");
}
