//! Events reach the checkout signed, are retried until accepted, and go astray on demand.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod support;

use sandbox::{Misdelivery, WebhookFault, stripe::DeliveryState, stripe::sign};
use support::{Api, Receiver, start};

#[tokio::test]
async fn an_event_is_signed_and_sent_again_until_it_is_taken() {
    let sandbox = start().await;
    let (receiver, url) = Receiver::start().await;
    receiver.answer_with(500);
    sandbox.connect(&url);
    Api::new(&sandbox).intent().await;
    while sandbox.stripe().deliveries()[0].attempts < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(sandbox.stripe().undelivered().len(), 1);
    receiver.answer_with(204);
    sandbox.stripe().webhooks_settled().await;
    assert!(sandbox.stripe().undelivered().is_empty());
    assert_eq!(sandbox.stripe().deliveries()[0].state, DeliveryState::Delivered);
    let received = receiver.received.lock().unwrap().clone();
    assert!(received.len() >= 3);
    for (signature, body) in received {
        let timestamp = signature[2..].split(',').next().unwrap().parse().unwrap();
        assert_eq!(signature, sign("whsec_sandbox", timestamp, &body));
    }
    sandbox.shutdown().await;
}

#[tokio::test]
async fn paused_webhooks_wait_and_lost_ones_are_sent_again_only_by_hand() {
    let sandbox = start().await;
    let (receiver, url) = Receiver::start().await;
    sandbox.connect(&url);
    let (api, stripe) = (Api::new(&sandbox), sandbox.stripe());
    stripe.pause_webhooks();
    api.intent().await;
    assert_eq!(stripe.undelivered().len(), 1);
    stripe.resume_webhooks();
    stripe.webhooks_settled().await;
    assert_eq!(receiver.types(), ["payment_intent.created"]);

    stripe.never_deliver();
    let intent = api.intent().await;
    stripe.confirm(&intent, "4242424242424242").unwrap();
    stripe.webhooks_settled().await;
    assert_eq!(receiver.types().len(), 1);
    let paid = stripe.events().pop().unwrap();
    assert_eq!(paid["type"], "payment_intent.succeeded");
    assert_eq!(stripe.redeliver(paid["id"].as_str().unwrap()).await.unwrap(), 200);
    assert_eq!(receiver.types().len(), 2);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn events_are_doubled_and_turned_round() {
    let sandbox = start().await;
    let (receiver, url) = Receiver::start().await;
    sandbox.connect(&url);
    let (api, stripe) = (Api::new(&sandbox), sandbox.stripe());
    stripe.webhook_fault(WebhookFault::new(Misdelivery::Reorder { hold: 3 }).times(3));
    let intent = api.intent().await;
    stripe.confirm(&intent, "4242424242424242").unwrap();
    stripe.webhooks_settled().await;
    assert_eq!(receiver.types(), ["payment_intent.succeeded", "charge.succeeded", "payment_intent.created"]);
    stripe
        .webhook_fault(WebhookFault::new(Misdelivery::Duplicate { copies: 1 }).of("payment_intent.created"));
    api.intent().await;
    while receiver.types().len() < 5 {
        tokio::task::yield_now().await;
    }
    sandbox.shutdown().await;
}
