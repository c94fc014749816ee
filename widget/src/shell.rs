//! Carries the model's commands out, and brings back what came of them.
use crate::{
    checkout::Checkout,
    kept,
    model::{Command, Event},
    platform::{
        challenge::Shown,
        events,
        http::{Api, Refused},
        page,
        stripe::{self, Outcome, Payment},
    },
    words,
};
use js_sys::Function;
use shared::{OpenPurchase, Pay, PayAnswer, Screen};
use std::{cell::RefCell, rc::Rc};
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlElement;

/// Milliseconds after which access is late.
const ACCESS_PATIENCE: u32 = 10_000;

#[derive(Clone)]
pub(crate) struct Shell(Rc<Inner>);

struct Inner {
    host: HtmlElement,
    api: Api,
    sku: String,
    publishable_key: String,
    stripe_js: String,
    trusted: Function,
    /// Makes this element's idempotency keys its own.
    key: String,
    payment: RefCell<Option<Payment>>,
    challenge: RefCell<Option<Shown>>,
}

impl Shell {
    pub(crate) fn new(host: HtmlElement, screen: &Screen, trusted: Function) -> Self {
        Self(Rc::new(Inner {
            host,
            api: Api::new(screen.api.clone()),
            sku: screen.offering.sku.clone(),
            publishable_key: screen.publishable_key.clone(),
            stripe_js: screen.stripe_js.clone(),
            trusted,
            key: page::random_key(),
            payment: RefCell::new(None),
            challenge: RefCell::new(None),
        }))
    }

    pub(crate) fn host(&self) -> &HtmlElement {
        &self.0.host
    }

    pub(crate) fn restyle(&self) {
        if let Some(payment) = &*self.0.payment.borrow() {
            payment.restyle(&self.0.host);
        }
    }

    /// Does at once what can be done at once, and the rest in its own time. What comes of it is an answer in `turn`.
    pub(crate) fn carry_out(&self, checkout: Checkout, turn: u32, command: Command) {
        let shell = &self.0;
        match command {
            Command::ShowPayment { due } => {
                let failed = move || {
                    checkout.send_answer(turn, Event::StripeFailed);
                };
                match Payment::show(&shell.host, &shell.publishable_key, due, failed) {
                    Ok(payment) => drop(shell.payment.replace(Some(payment))),
                    Err(_) => checkout.send(Event::StripeFailed),
                }
            }
            Command::UpdateAmount { amount } => {
                if let Some(payment) = &*shell.payment.borrow() {
                    payment.update_amount(amount);
                }
            }
            Command::HidePayment => {
                drop(shell.payment.take());
                drop(shell.challenge.take());
            }
            Command::ShowChallenge(challenge) => {
                let shell = Rc::clone(shell);
                spawn_local(async move {
                    let passed = move |answer| {
                        checkout.send_answer(turn, Event::ChallengePassed(answer));
                    };
                    match Shown::show(&shell.host, &challenge, &shell.trusted, passed).await {
                        Ok(shown) => drop(shell.challenge.replace(Some(shown))),
                        Err(()) => {
                            checkout.send_answer(turn, Event::ChallengeFailed);
                        }
                    }
                });
            }
            Command::Keep(model) => kept::keep(*model),
            Command::Tell { notice, purchase } => {
                let variant = page::attribute(&shell.host, "variant");
                events::tell(&shell.host, &shell.sku, variant.as_deref(), notice, purchase.as_deref());
            }
            Command::OpenPurchase { .. }
            | Command::LoadStripe
            | Command::CheckDetails
            | Command::PreparePayment { .. }
            | Command::ConfirmPayment { .. }
            | Command::Refresh { .. }
            | Command::Watch { .. }
            | Command::Tick
            | Command::AwaitAccess
            | Command::ClosePurchase { .. }
            | Command::Focus(_) => {
                let shell = Rc::clone(shell);
                // One future for all: each would cost its own machinery.
                spawn_local(async move {
                    let Some(event) = shell.answer(command).await else { return };
                    if let Event::StripeLoaded | Event::StripeFailed | Event::PurchaseClosed = event {
                        checkout.send(event);
                        return;
                    }
                    let opened = if let Event::PurchaseOpened(opened) = &event {
                        Some(opened.id.clone())
                    } else {
                        None
                    };
                    let taken = checkout.send_answer(turn, event);
                    if let (false, Some(id)) = (taken, opened) {
                        // The element went while its seat was being held.
                        _ = shell.api.close(&id).await;
                    }
                });
            }
        }
    }
}

impl Inner {
    async fn answer(&self, command: Command) -> Option<Event> {
        match command {
            Command::OpenPurchase { turn, request } => Some(self.open(turn, &request).await),
            Command::LoadStripe => {
                let loaded = stripe::load(&self.stripe_js, &self.trusted).await;
                Some(loaded.map_or(Event::StripeFailed, |()| Event::StripeLoaded))
            }
            Command::CheckDetails => {
                let checking = self.payment.borrow().as_ref().map(Payment::check);
                let Some(checking) = checking else { return Some(Event::DetailsRefused(None)) };
                Some(checking.await.map_or_else(Event::DetailsRefused, |()| Event::DetailsAccepted))
            }
            Command::PreparePayment { id, request, answer } => {
                // It counts once.
                drop(self.challenge.take());
                Some(self.prepare(&id, &request, answer.as_deref()).await)
            }
            Command::ConfirmPayment { id, client_secret } => {
                let return_url = self.api.status_page(&id);
                let confirm = |payment: &Payment| payment.confirm(&client_secret, &return_url);
                let confirming = self.payment.borrow().as_ref().map(confirm);
                let Some(confirming) = confirming else { return Some(Event::PaymentLost) };
                Some(told_by(confirming.await))
            }
            Command::Refresh { id } => {
                // A lost request costs only time: the server asks Stripe by itself, too.
                _ = self.api.refresh(&id).await;
                None
            }
            Command::Watch { id, after, delay } => {
                page::sleep(delay).await;
                let seen = self.api.look(&id, after).await;
                Some(seen.map_or_else(Event::WatchingFailed, Event::PurchaseSeen))
            }
            Command::Tick => {
                page::sleep(1000).await;
                Some(Event::ClockRead(page::now()))
            }
            Command::AwaitAccess => {
                page::sleep(ACCESS_PATIENCE).await;
                Some(Event::AccessTookLong)
            }
            Command::ClosePurchase { id } => {
                // Where this fails, the hold runs out by itself.
                _ = self.api.close(&id).await;
                Some(Event::PurchaseClosed)
            }
            Command::Focus(target) => {
                page::settle().await;
                page::focus(&self.host, target);
                None
            }
            Command::ShowPayment { .. }
            | Command::UpdateAmount { .. }
            | Command::HidePayment
            | Command::ShowChallenge(_)
            | Command::Keep(_)
            | Command::Tell { .. } => None,
        }
    }

    async fn open(&self, turn: u32, request: &OpenPurchase) -> Event {
        let key = [&self.key, "-", &turn.to_string()].concat();
        self.api.open(&key, request).await.map_or_else(Event::OpeningFailed, Event::PurchaseOpened)
    }

    async fn prepare(&self, id: &str, request: &Pay, answer: Option<&str>) -> Event {
        match self.api.pay(id, request, answer).await {
            Ok(PayAnswer::Confirm { client_secret, price, .. }) => {
                Event::PaymentPrepared { client_secret, total: price.total }
            }
            Ok(PayAnswer::Settled { .. }) => Event::PaymentSettled,
            Err(Refused { challenge: Some(challenge), .. }) => Event::ChallengeAsked(challenge),
            Err(Refused { trouble, challenge: None }) => Event::PreparingFailed(trouble),
        }
    }
}

fn told_by(outcome: Outcome) -> Event {
    match outcome {
        Outcome::Confirmed => Event::PaymentConfirmed,
        Outcome::Declined(words) => Event::PaymentDeclined(words),
        Outcome::Unauthenticated => Event::PaymentDeclined(words::UNAUTHENTICATED.to_owned()),
        Outcome::Unknown => Event::PaymentLost,
    }
}
