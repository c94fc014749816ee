//! The Stripe stand-in is strict where Stripe is strict.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod support;

use sandbox::{Fault, Misbehaviour, StripeOperation};
use support::{Api, start};

#[tokio::test]
async fn what_stripe_would_refuse_is_refused() {
    let sandbox = start().await;
    let api = Api::new(&sandbox);
    let cases = [
        ("currency=usd", "parameter_missing", "amount"),
        ("amount=4900", "parameter_missing", "currency"),
        ("amount=4900&currency=usd&colour=red", "parameter_unknown", "colour"),
        ("amount=49.00&currency=usd", "parameter_invalid_integer", "amount"),
        ("amount=49&currency=usd", "amount_too_small", "amount"),
        ("amount=100000000&currency=usd", "amount_too_large", "amount"),
        ("amount=17499&currency=huf", "amount_too_small", "amount"),
        ("amount=4950&currency=isk", "parameter_invalid_integer", "amount"),
        ("amount=5124&currency=kwd", "parameter_invalid_integer", "amount"),
        ("amount=4900&currency=xyz", "", "currency"),
        ("amount=4900&currency=USD", "", "currency"),
        ("amount=4900&currency=usd&receipt_email=nobody", "email_invalid", "receipt_email"),
    ];
    for (form, code, param) in cases {
        let answer = api.post("/v1/payment_intents", form).await;
        assert_eq!((answer.status, answer.code()), (400, code), "{form}");
        assert_eq!(answer.body["error"]["param"], param, "{form}");
        assert_eq!(answer.body["error"]["type"], "invalid_request_error", "{form}");
    }
    assert_eq!(api.get("/v1/payment_intents/pi_none").await.code(), "resource_missing");
    assert_eq!(api.get("/v1/customers").await.status, 404);
    let url = format!("{}/v1/payment_intents", sandbox.stripe_url());
    let client = reqwest::Client::new();
    for request in [
        client.get(&url),
        client.get(&url).bearer_auth("sk_test_other"),
        client.get(&url).bearer_auth("pk_test_sandbox"),
    ] {
        assert_eq!(request.send().await.unwrap().status(), 401);
    }
    assert_eq!(client.get(&url).basic_auth("sk_test_sandbox", Some("")).send().await.unwrap().status(), 200);
    assert!(sandbox.stripe().intents().is_empty());
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_session_is_refused_where_stripe_would_refuse_it() {
    let sandbox = start().await;
    let api = Api::new(&sandbox);
    let item = "line_items[0][price_data][currency]=usd&line_items[0][price_data][unit_amount]=4900&\
                line_items[0][price_data][product_data][name]=Redis&line_items[0][quantity]=1";
    let good = format!("mode=payment&success_url=https://redis.io/p/1&{item}");
    let now: i64 = api.post("/v1/checkout/sessions", &good).await.body["created"].as_i64().unwrap();
    let cases = [
        (good.replace("mode=payment&", ""), "parameter_missing", "mode"),
        (good.replace("mode=payment", "mode=subscription"), "", "mode"),
        (good.replace("unit_amount]=4900", "unit_amount]=49"), "amount_too_small", "amount"),
        (good.replace("quantity]=1", "quantity]=0"), "parameter_invalid_integer", "line_items[0][quantity]"),
        (good.replace("https://redis.io", "redis"), "url_invalid", "success_url"),
        (format!("{good}&amount=4900"), "parameter_unknown", "amount"),
        (
            format!("{good}&payment_intent_data[colour]=red"),
            "parameter_unknown",
            "payment_intent_data[colour]",
        ),
        (format!("{good}&customer_email=nobody"), "email_invalid", "customer_email"),
        (format!("{good}&locale=he"), "", "locale"),
        (format!("{good}&expires_at={}", now + 1700), "", "expires_at"),
        (format!("{good}&expires_at={}", now + 86_500), "", "expires_at"),
    ];
    for (form, code, param) in &cases {
        let answer = api.post("/v1/checkout/sessions", form).await;
        assert_eq!((answer.status, answer.code()), (400, *code), "{form}: {:?}", answer.body);
        assert_eq!(answer.body["error"]["param"], *param, "{form}");
    }
    assert_eq!(api.get("/v1/checkout/sessions/cs_none").await.code(), "resource_missing");
    let first = api.post_with_key("/v1/checkout/sessions", &good, "key").await;
    let again = api.post_with_key("/v1/checkout/sessions", &good, "key").await;
    assert_eq!((again.id(), again.replayed), (first.id(), true));
    let other = api.post_with_key("/v1/checkout/sessions", &format!("{good}&locale=de"), "key").await;
    assert_eq!((other.status, &other.body["error"]["type"]), (400, &"idempotency_error".into()));

    // Only Stripe's page may change an intent that it created.
    sandbox.stripe().pay_session(&first.id(), "4000000000000002").unwrap_err();
    let intent =
        api.get(&format!("/v1/checkout/sessions/{}", first.id())).await.body["payment_intent"].clone();
    let path = format!("/v1/payment_intents/{}", intent.as_str().unwrap());
    for (action, form) in
        [("/cancel", ""), ("", "amount=5000"), ("/confirm", "payment_method_data[type]=card")]
    {
        let answer = api.post(&format!("{path}{action}"), form).await;
        assert!(
            answer.body["error"]["message"].as_str().unwrap().contains("created by Checkout"),
            "{action}"
        );
    }
    let expired = api.post(&format!("/v1/checkout/sessions/{}/expire", first.id()), "").await;
    assert_eq!(
        (&expired.body["status"], &expired.body["url"]),
        (&"expired".into(), &serde_json::Value::Null)
    );
    let twice = api.post(&format!("/v1/checkout/sessions/{}/expire", first.id()), "").await;
    assert!(twice.body["error"]["message"].as_str().unwrap().contains("has a status of `expired`"));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn each_card_does_what_its_row_says() {
    let sandbox = start().await;
    let api = Api::new(&sandbox);
    let stripe = sandbox.stripe();
    let declines = [
        ("4000000000000002", "card_declined", "generic_decline"),
        ("4000000000009995", "card_declined", "insufficient_funds"),
        ("4000000000000069", "expired_card", "expired_card"),
        ("4000000000000127", "incorrect_cvc", "incorrect_cvc"),
        ("4111111111111111", "card_declined", "test_mode_live_card"),
    ];
    let intent = api.intent().await;
    for (card, code, decline_code) in declines {
        let error = stripe.confirm(&intent, card).unwrap_err();
        assert_eq!(
            (error.status(), error.code(), error.decline_code()),
            (402, Some(code), Some(decline_code))
        );
        let shown = api.get(&format!("/v1/payment_intents/{intent}")).await.body;
        assert_eq!(shown["status"], "requires_payment_method");
        assert_eq!(shown["last_payment_error"]["decline_code"], decline_code);
    }
    assert_eq!(stripe.confirm(&intent, "4242424242424241").unwrap_err().code(), Some("incorrect_number"));
    assert_eq!(stripe.confirm(&intent, "4242424242424242").unwrap()["amount_received"], 4900);
    assert_eq!(stripe.charges_succeeded().len(), 1);

    for (card, pass, status) in [
        ("4000002500003155", true, "succeeded"),
        ("4000000000003220", false, "requires_payment_method"),
        ("4000008400001629", true, "requires_payment_method"),
    ] {
        let intent = api.intent().await;
        assert_eq!(stripe.confirm(&intent, card).unwrap()["status"], "requires_action");
        let _ = stripe.complete_3ds(&intent, pass);
        assert_eq!(stripe.intent(&intent).unwrap()["status"], status, "{card}");
    }

    let intent = api.intent().await;
    assert_eq!(stripe.confirm(&intent, sandbox::stripe::SETTLES_LATER).unwrap()["status"], "processing");
    assert_eq!(stripe.settle(&intent, true).unwrap()["status"], "succeeded");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_payment_that_moves_or_has_moved_is_neither_cancelled_nor_changed() {
    let sandbox = start().await;
    let api = Api::new(&sandbox);
    for card in ["4242424242424242", sandbox::stripe::SETTLES_LATER] {
        let intent = api.intent().await;
        sandbox.stripe().confirm(&intent, card).unwrap();
        let cancel = api.post(&format!("/v1/payment_intents/{intent}/cancel"), "").await;
        assert_eq!((cancel.status, cancel.code()), (400, "payment_intent_unexpected_state"));
        assert_eq!(cancel.body["error"]["payment_intent"]["id"], intent);
        let update = api.post(&format!("/v1/payment_intents/{intent}"), "amount=100").await;
        assert_eq!(update.code(), "payment_intent_unexpected_state");
        assert_eq!(api.post(&format!("/v1/payment_intents/{intent}"), "metadata[a]=b").await.status, 200);
        assert_eq!(
            sandbox.stripe().confirm(&intent, "4242424242424242").unwrap_err().code(),
            Some("payment_intent_unexpected_state")
        );
    }
    let intent = api.intent().await;
    sandbox.stripe().confirm(&intent, "4000000000003220").unwrap();
    assert_eq!(
        api.post(&format!("/v1/payment_intents/{intent}/cancel"), "").await.body["status"],
        "canceled"
    );
    assert!(sandbox.stripe().complete_3ds(&intent, true).is_err());
    sandbox.shutdown().await;
}

#[tokio::test]
async fn the_first_answer_under_a_key_is_replayed() {
    let sandbox = start().await;
    let api = Api::new(&sandbox);
    let (path, form) = ("/v1/payment_intents", "amount=4900&currency=usd");
    let refused = api.post_with_key(path, "amount=1&currency=usd", "k").await;
    assert_eq!(refused.status, 400);
    let first = api.post_with_key(path, form, "k").await;
    assert!(first.status == 200 && !first.replayed, "a validation error is not kept");
    let second = api.post_with_key(path, form, "k").await;
    assert!(second.replayed);
    assert_eq!(first.id(), second.id());
    let reordered = api.post_with_key(path, "currency=usd&amount=4900", "k").await;
    assert!(reordered.replayed, "parameters are compared, not their order");
    let other = api.post_with_key(path, "amount=5000&currency=usd", "k").await;
    assert_eq!((other.status, other.body["error"]["type"].as_str()), (400, Some("idempotency_error")));
    assert_eq!(sandbox.stripe().intents().len(), 1);

    sandbox.stripe().fault(Fault::new(Misbehaviour::error_after(500)).times(1));
    assert_eq!(api.post_with_key(path, form, "five hundred").await.status, 500);
    let replay = api.post_with_key(path, form, "five hundred").await;
    assert!(replay.replayed && replay.status == 500, "a 500 is kept too");

    sandbox.stripe().fault(Fault::new(Misbehaviour::Close { after_work: true }).times(1));
    assert!(api.try_post(path, form, Some("cut")).await.is_err());
    let replay = api.post_with_key(path, form, "cut").await;
    assert!(replay.replayed && replay.status == 200, "the true answer waits under the key");

    sandbox.stripe().fault(Fault::new(Misbehaviour::error_before(503)).times(1));
    assert_eq!(api.post_with_key(path, form, "early").await.status, 503);
    assert!(!api.post_with_key(path, form, "early").await.replayed, "nothing was begun, so nothing was kept");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn two_requests_at_once_under_a_key_make_one_intent() {
    let sandbox = start().await;
    let api = Api::new(&sandbox);
    sandbox
        .stripe()
        .fault(Fault::new(Misbehaviour::Delay { ms: 300 }).on(StripeOperation::CreateIntent).times(1));
    let (path, form) = ("/v1/payment_intents", "amount=4900&currency=usd");
    let (one, two) = tokio::join!(api.post_with_key(path, form, "k"), api.post_with_key(path, form, "k"));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    assert_eq!(sandbox.stripe().intents().len(), 1);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn refunds_never_exceed_what_was_taken() {
    let sandbox = start().await;
    let api = Api::new(&sandbox);
    let intent = api.intent().await;
    let refund = |form: String| {
        let api = &api;
        async move { api.post("/v1/refunds", &form).await }
    };
    assert_eq!(refund(format!("payment_intent={intent}")).await.status, 400, "nothing was taken yet");
    sandbox.stripe().confirm(&intent, "4242424242424242").unwrap();
    assert_eq!(refund(format!("payment_intent={intent}&amount=4901")).await.status, 400);
    assert_eq!(refund(format!("payment_intent={intent}&amount=900")).await.body["amount"], 900);
    assert_eq!(refund(format!("payment_intent={intent}")).await.body["amount"], 4000);
    assert_eq!(refund(format!("payment_intent={intent}")).await.code(), "charge_already_refunded");
    let charge = &sandbox.stripe().charges_succeeded()[0];
    assert_eq!((charge["amount_refunded"].as_i64(), charge["refunded"].as_bool()), (Some(4900), Some(true)));
    let listed = api.get(&format!("/v1/refunds?payment_intent={intent}")).await;
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 2);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_page_confirms_and_reads_only_with_the_client_secret() {
    let sandbox = start().await;
    let api = Api::new(&sandbox);
    let intent = api.post("/v1/payment_intents", "amount=4900&currency=usd&metadata[purchase]=secret").await;
    let (id, secret) = (intent.id(), intent.body["client_secret"].as_str().unwrap().to_owned());
    let client = reqwest::Client::new();
    let url = format!("{}/v1/payment_intents/{id}", sandbox.stripe_url());
    let get = async |query: String| {
        let response = client.get(format!("{url}?{query}")).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(get("key=pk_test_sandbox".to_owned()).await.0, 400);
    assert_eq!(get("key=pk_test_sandbox&client_secret=wrong".to_owned()).await.0, 400);
    let (status, body) = get(format!("key=pk_test_sandbox&client_secret={secret}")).await;
    assert_eq!(status, 200);
    assert!(!body.contains("metadata"));
    let form = format!(
        "key=pk_test_sandbox&client_secret={secret}&payment_method_data[type]=card&payment_method_data[card][number]=\
         4242424242424242&payment_method_data[card][exp_month]=12&payment_method_data[card][exp_year]=40&\
         payment_method_data[card][cvc]=123&return_url=https://redis.io/"
    );
    let response = client.post(format!("{url}/confirm")).body(form).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(sandbox.stripe().charges_succeeded().len(), 1);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn lists_are_paged_newest_first() {
    let sandbox = start().await;
    let api = Api::new(&sandbox);
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(api.intent().await);
    }
    let page = api.get("/v1/payment_intents?limit=2").await.body;
    assert_eq!(
        (page["data"][0]["id"].as_str(), page["has_more"].as_bool()),
        (Some(ids[2].as_str()), Some(true))
    );
    let rest = api.get(&format!("/v1/payment_intents?limit=2&starting_after={}", ids[1])).await.body;
    assert_eq!(
        (rest["data"][0]["id"].as_str(), rest["has_more"].as_bool()),
        (Some(ids[0].as_str()), Some(false))
    );
    assert_eq!(
        api.get("/v1/payment_intents?created[gte]=99999999999").await.body["data"],
        serde_json::json!([])
    );
    sandbox.shutdown().await;
}
