//! Every answer parses with the client library that the checkout uses.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod support;

use std::time::Duration;

use sandbox::{Fault, Misbehaviour, Sandbox, StripeOperation};
use stripe::{Client, ClientBuilder, IdempotencyKey, RequestStrategy, StripeRequest};
use stripe_checkout::{
    CheckoutSessionMode, CheckoutSessionPaymentStatus, CheckoutSessionStatus,
    checkout_session::{
        CreateCheckoutSession, CreateCheckoutSessionLineItems, CreateCheckoutSessionLineItemsPriceData,
        CreateCheckoutSessionPaymentIntentData, ExpireCheckoutSession, ListCheckoutSession, ProductData,
        RetrieveCheckoutSession,
    },
};
use stripe_core::{
    PaymentIntentStatus,
    payment_intent::{
        CancelPaymentIntent, CreatePaymentIntent, ListPaymentIntent, RetrievePaymentIntent,
        UpdatePaymentIntent,
    },
    refund::{CreateRefund, ListRefund, RetrieveRefund},
};
use stripe_types::Currency;
use stripe_webhook::Webhook;
use support::{Receiver, start};

fn client(sandbox: &Sandbox) -> Client {
    ClientBuilder::new("sk_test_sandbox").url(format!("{}/", sandbox.stripe_url())).build().unwrap()
}

#[tokio::test]
async fn intents_are_created_retrieved_updated_listed_and_cancelled() {
    let sandbox = start().await;
    let client = client(&sandbox);
    let key = RequestStrategy::Idempotent(IdempotencyKey::new("purchase-1").unwrap());
    let intent = CreatePaymentIntent::new(4900, Currency::USD)
        .metadata([("purchase".to_owned(), "abc".to_owned())])
        .receipt_email("ada@example.com")
        .customize()
        .request_strategy(key)
        .timeout(Duration::from_secs(5))
        .send(&client)
        .await
        .unwrap();
    assert_eq!(intent.status, PaymentIntentStatus::RequiresPaymentMethod);
    assert_eq!(intent.metadata["purchase"], "abc");
    let updated = UpdatePaymentIntent::new(intent.id.clone()).amount(3900).send(&client).await.unwrap();
    assert_eq!(updated.amount, 3900);
    let listed = ListPaymentIntent::new().limit(3).send(&client).await.unwrap();
    assert_eq!(listed.data.len(), 1);
    let cancelled = CancelPaymentIntent::new(intent.id.clone()).send(&client).await.unwrap();
    assert_eq!(cancelled.status, PaymentIntentStatus::Canceled);
    let again = CancelPaymentIntent::new(intent.id).send(&client).await.unwrap_err();
    assert!(matches!(again, stripe::StripeError::Stripe(_, 400)), "{again:?}");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn an_intent_parses_in_every_state() {
    let sandbox = start().await;
    let client = client(&sandbox);
    let cards = [
        ("4242424242424242", PaymentIntentStatus::Succeeded),
        ("4000000000009995", PaymentIntentStatus::RequiresPaymentMethod),
        ("4000000000003220", PaymentIntentStatus::RequiresAction),
        (sandbox::stripe::SETTLES_LATER, PaymentIntentStatus::Processing),
    ];
    for (card, status) in cards {
        let intent = CreatePaymentIntent::new(4900, Currency::USD).send(&client).await.unwrap();
        let _ = sandbox.stripe().confirm(intent.id.as_str(), card);
        let intent = RetrievePaymentIntent::new(intent.id)
            .expand(["latest_charge".to_owned()])
            .send(&client)
            .await
            .unwrap();
        assert_eq!(intent.status, status, "{card}");
    }
    let failed = CreatePaymentIntent::new(4900, Currency::USD).send(&client).await.unwrap();
    let _ = sandbox.stripe().confirm(failed.id.as_str(), "4000000000003220");
    let _ = sandbox.stripe().complete_3ds(failed.id.as_str(), false);
    let failed = RetrievePaymentIntent::new(failed.id).send(&client).await.unwrap();
    assert!(failed.last_payment_error.is_some());
    let bank = CreatePaymentIntent::new(4900, Currency::EUR).send(&client).await.unwrap();
    sandbox.stripe().confirm_by_bank(bank.id.as_str(), "https://redis.io/back?a=1").unwrap();
    let bank = RetrievePaymentIntent::new(bank.id).send(&client).await.unwrap();
    assert!(bank.next_action.unwrap().redirect_to_url.is_some());
    sandbox.shutdown().await;
}

fn session() -> CreateCheckoutSession {
    let mut unit = CreateCheckoutSessionLineItemsPriceData::new(Currency::USD);
    (unit.unit_amount, unit.product_data) = (Some(4900), Some(ProductData::new("Redis")));
    let mut item = CreateCheckoutSessionLineItems::new();
    (item.price_data, item.quantity) = (Some(unit), Some(1));
    let mut payment = CreateCheckoutSessionPaymentIntentData::new();
    payment.metadata = Some([("purchase".to_owned(), "abc".to_owned())].into());
    CreateCheckoutSession::new()
        .mode(CheckoutSessionMode::Payment)
        .line_items(vec![item])
        .payment_intent_data(payment)
        .client_reference_id("abc")
        .customer_email("ada@example.com")
        .success_url("https://redis.io/p/1")
}

#[tokio::test]
async fn sessions_are_created_paid_listed_and_expired() {
    let sandbox = start().await;
    let client = client(&sandbox);
    let made = session().send(&client).await.unwrap();
    assert_eq!((made.status, made.payment_intent.is_none()), (Some(CheckoutSessionStatus::Open), true));
    assert!(made.url.unwrap().ends_with(&format!("/c/pay/{}", made.id)));
    sandbox.stripe().pay_session(made.id.as_str(), "4000000000000002").unwrap_err();
    let tried = RetrieveCheckoutSession::new(made.id.clone()).send(&client).await.unwrap();
    assert_eq!(tried.payment_status, CheckoutSessionPaymentStatus::Unpaid);
    let intent = tried.payment_intent.unwrap().id().to_string();
    CancelPaymentIntent::new(intent.as_str()).send(&client).await.map(|intent| intent.id).unwrap_err();
    sandbox.stripe().pay_session(made.id.as_str(), "4242424242424242").unwrap();
    let paid = RetrievePaymentIntent::new(intent.as_str()).send(&client).await.unwrap();
    assert_eq!((paid.amount_received, paid.metadata["purchase"].as_str()), (4900, "abc"));
    let listed = ListCheckoutSession::new().payment_intent(intent).send(&client).await.unwrap();
    assert_eq!(listed.data[0].status, Some(CheckoutSessionStatus::Complete));
    let late = ExpireCheckoutSession::new(made.id).send(&client).await.map(|session| session.id).unwrap_err();
    assert!(matches!(late, stripe::StripeError::Stripe(_, 400)), "{late:?}");

    let other = session().send(&client).await.unwrap();
    let asked = sandbox.stripe().pay_session(other.id.as_str(), "4000002500003155").unwrap();
    let expired = ExpireCheckoutSession::new(other.id).send(&client).await.unwrap();
    assert_eq!((expired.status, expired.url), (Some(CheckoutSessionStatus::Expired), None));
    let left = RetrievePaymentIntent::new(asked["id"].as_str().unwrap()).send(&client).await.unwrap();
    assert_eq!(left.status, PaymentIntentStatus::Canceled);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn refunds_are_created_retrieved_and_listed() {
    let sandbox = start().await;
    let client = client(&sandbox);
    let intent = CreatePaymentIntent::new(4900, Currency::USD).send(&client).await.unwrap();
    sandbox.stripe().confirm(intent.id.as_str(), "4242424242424242").unwrap();
    let refund =
        CreateRefund::new().payment_intent(intent.id.as_str()).amount(900).send(&client).await.unwrap();
    assert_eq!(refund.status.as_deref(), Some("succeeded"));
    RetrieveRefund::new(refund.id).send(&client).await.unwrap();
    let listed = ListRefund::new().payment_intent(intent.id.as_str()).send(&client).await.unwrap();
    assert_eq!(listed.data.len(), 1);
    let pending = CreatePaymentIntent::new(4900, Currency::USD).send(&client).await.unwrap();
    sandbox.stripe().confirm(pending.id.as_str(), "4000000000007726").unwrap();
    let refund = CreateRefund::new().payment_intent(pending.id.as_str()).send(&client).await.unwrap();
    assert_eq!(refund.status.as_deref(), Some("pending"));
    sandbox.stripe().settle_refund(refund.id.as_str()).unwrap();
    let refund = RetrieveRefund::new(refund.id).send(&client).await.unwrap();
    assert_eq!(refund.status.as_deref(), Some("succeeded"));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn every_event_parses_and_its_signature_holds() {
    let sandbox = start().await;
    let (receiver, url) = Receiver::start().await;
    sandbox.connect(&url);
    let client = client(&sandbox);
    let cards = ["4242424242424242", "4000000000000002", "4000000000003220", "4000000000005126"];
    for card in cards.into_iter().chain([sandbox::stripe::SETTLES_LATER]) {
        let intent = CreatePaymentIntent::new(4900, Currency::USD).send(&client).await.unwrap();
        let _ = sandbox.stripe().confirm(intent.id.as_str(), card);
        let _ = sandbox.stripe().complete_3ds(intent.id.as_str(), true);
        let _ = sandbox.stripe().settle(intent.id.as_str(), true);
        if let Ok(refund) = sandbox.stripe().refund(intent.id.as_str(), Some(100)) {
            sandbox.stripe().settle_refund(refund["id"].as_str().unwrap()).unwrap();
        }
        if let Ok(dispute) = sandbox.stripe().open_dispute(intent.id.as_str()) {
            let status = sandbox::stripe::DisputeStatus::Won;
            sandbox.stripe().move_dispute(dispute["id"].as_str().unwrap(), status).unwrap();
        }
        let _ = sandbox.stripe().cancel(intent.id.as_str());
    }
    for card in ["4000000000000002", sandbox::stripe::SETTLES_LATER] {
        let made = session().send(&client).await.unwrap();
        let _ = sandbox.stripe().pay_session(made.id.as_str(), card);
        let sessions = sandbox.stripe().sessions();
        let intent = sessions.last().unwrap()["payment_intent"].as_str().unwrap().to_owned();
        let _ = sandbox.stripe().settle(&intent, true);
        let _ = sandbox.stripe().expire_session(made.id.as_str());
    }
    sandbox.stripe().webhooks_settled().await;
    let received = receiver.received.lock().unwrap().clone();
    assert!(received.len() > 20);
    for kind in ["completed", "async_payment_succeeded", "expired"] {
        assert!(receiver.types().contains(&format!("checkout.session.{kind}")), "{kind}");
    }
    for (signature, body) in received {
        Webhook::construct_event(&body, &signature, "whsec_sandbox")
            .unwrap_or_else(|error| panic!("{error:?}\n{body}"));
    }
    sandbox.shutdown().await;
}

#[tokio::test]
async fn what_goes_wrong_reaches_the_client_as_it_should() {
    let sandbox = start().await;
    let client = client(&sandbox);
    let create =
        || CreatePaymentIntent::new(4900, Currency::USD).customize().timeout(Duration::from_millis(500));
    let faults = [
        Misbehaviour::Close { after_work: true },
        Misbehaviour::Hang { after_work: true },
        Misbehaviour::Garbage,
        Misbehaviour::MissingField { field: "status".to_owned() },
        Misbehaviour::error_after(500),
    ];
    for (count, fault) in faults.into_iter().enumerate() {
        sandbox.stripe().fault(Fault::new(fault).on(StripeOperation::CreateIntent).times(1));
        create().send(&client).await.map(|intent| intent.id).unwrap_err();
        assert_eq!(sandbox.stripe().intents().len(), count + 1, "the work was done");
    }
    for fault in [Misbehaviour::Close { after_work: false }, Misbehaviour::Down, Misbehaviour::throttled(1)] {
        sandbox.stripe().fault(Fault::new(fault).times(1));
        create().send(&client).await.map(|intent| intent.id).unwrap_err();
        assert_eq!(sandbox.stripe().intents().len(), 5, "the work was not done");
    }
    create().send(&client).await.unwrap();
    sandbox.shutdown().await;
}
