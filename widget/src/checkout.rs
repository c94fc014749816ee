//! One checkout on the page: its model, its view, and the shell that executes its commands and reports back.
use crate::text::concat;
use crate::{
    dates::decimal,
    kept,
    model::{Command, Event, Model},
    platform::{
        challenge::Shown,
        dom, events,
        http::{self, Call, Refused},
        json, page, script,
        stripe::{self, Outcome, Payment},
    },
    view,
    words::Words,
};
use js_sys::{Function, Promise};
use shared::{PayAnswer, Screen};
use std::{
    cell::RefCell,
    rc::{Rc, Weak},
};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::HtmlElement;

/// Milliseconds after which access counts as late.
const ACCESS_TIMEOUT: u32 = 10_000;

/// Owns a checkout, which ends when this is dropped.
pub(crate) struct Owner(Rc<Parts>);

/// A weak reference to a checkout, which may have ended.
#[derive(Clone)]
pub(crate) struct Checkout(Weak<Parts>);

struct Parts {
    model: RefCell<Model>,
    words: RefCell<Words>,
    screen: RefCell<view::Screen>,
    shell: Shell,
}

impl Owner {
    pub(crate) fn new(model: Model, words: Words, screen: view::Screen, shell: Shell) -> Self {
        Self(Rc::new(Parts {
            model: RefCell::new(model),
            words: RefCell::new(words),
            screen: RefCell::new(screen),
            shell,
        }))
    }

    pub(crate) fn checkout(&self) -> Checkout {
        Checkout(Rc::downgrade(&self.0))
    }

    /// Switches all texts to `words`.
    pub(crate) fn speak(&self, words: Words) {
        self.0.words.replace(words);
        self.0.screen.borrow_mut().update(&self.0.model.borrow(), &self.0.words.borrow());
    }

    pub(crate) fn shell(&self) -> &Shell {
        &self.0.shell
    }

    /// Fetches the purchase that this tab had opened before a reload. If that fails, the offer stays.
    pub(crate) fn find(&self, id: &str) {
        let work = Work::Call(0, Call::look(id, None), |answer| found(answer, false));
        self.0.shell.begin(&self.checkout(), self.0.model.borrow().turn(), work);
    }
}

impl Checkout {
    /// Passes `event` to the model, updates the view and executes the commands. Does nothing once the element is gone.
    pub(crate) fn send(&self, event: Event) {
        self.step(|model| model.handle(event));
    }

    /// Handles the answer to a request made in `turn`; false once the element is gone.
    pub(crate) fn send_answer(&self, turn: u32, event: Event) -> bool {
        self.step(|model| model.handle_answer(turn, event))
    }

    fn step(&self, step: impl FnOnce(&mut Model) -> Vec<Command>) -> bool {
        let Some(parts) = self.0.upgrade() else { return false };
        let (commands, turn) = {
            let mut model = parts.model.borrow_mut();
            let commands = step(&mut model);
            parts.screen.borrow_mut().update(&model, &parts.words.borrow());
            let Inner { host, sku, .. } = &*parts.shell.0;
            dom::show_progress(host, model.stage.is_form(), sku, model.kept());
            (commands, model.turn())
        };
        for command in commands {
            parts.shell.carry_out(self, turn, command);
        }
        true
    }
}

/// Executes the model's commands, and reports the results back to it.
pub(crate) struct Shell(Rc<Inner>);

struct Inner {
    host: HtmlElement,
    /// Origin of our API, without a trailing slash.
    api: String,
    sku: String,
    publishable_key: String,
    stripe_js: String,
    /// Options of Stripe's form: which payment methods it offers.
    offered: JsValue,
    trusted: Function,
    /// Makes this element's idempotency keys unique.
    key: String,
    payment: RefCell<Option<Payment>>,
    challenge: RefCell<Option<Shown>>,
}

/// Asynchronous work. All of it is awaited in one place, because each place would cost its own machinery.
enum Work {
    /// A delay in milliseconds, the request that follows it, and how to read the answer.
    Call(u32, Call, fn(Result<String, Refused>) -> Option<Event>),
    Promise(Promise, Read),
}

type Read = Box<dyn FnOnce(Result<JsValue, JsValue>) -> Option<Event>>;

impl Shell {
    pub(crate) fn new(host: HtmlElement, screen: &Screen, offered: JsValue, trusted: Function) -> Self {
        Self(Rc::new(Inner {
            host,
            api: screen.api.clone(),
            sku: screen.offering.sku.clone(),
            publishable_key: screen.publishable_key.clone(),
            stripe_js: screen.stripe_js.clone(),
            offered,
            trusted,
            key: dom::random_key(),
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

    /// Executes synchronous commands at once, and the rest in the background. Their results are answers in `turn`.
    pub(crate) fn carry_out(&self, checkout: &Checkout, turn: u32, command: Command) {
        let shell = &self.0;
        let work = match command {
            Command::ShowPayment { due } => return shell.show_payment(checkout, turn, due),
            Command::HidePayment => {
                drop(shell.payment.take());
                drop(shell.challenge.take());
                return;
            }
            Command::Keep(model) => return kept::keep(*model),
            Command::Tell { notice, variant, purchase } => {
                return events::tell(
                    &shell.host,
                    &shell.sku,
                    variant.as_deref(),
                    notice,
                    purchase.as_deref(),
                );
            }
            Command::RememberPurchase { bought } => return dom::remember_purchase(&bought),
            Command::Focus(target) => return dom::focus_on(&shell.host, target.name()),
            Command::ShowChallenge(challenge) => {
                let (loading, loaded) = script::load(&challenge.script, &challenge.provider, &shell.trusted);
                let (shell, told) = (Rc::clone(shell), checkout.clone());
                Work::Promise(
                    loading,
                    Box::new(move |answer| {
                        let passed = move |answer| {
                            told.send_answer(turn, Event::ChallengePassed(answer));
                        };
                        let shown = loaded(answer.is_ok())
                            .then(|| Shown::render(&shell.host, &challenge, passed).ok())
                            .flatten();
                        let failed = shown.is_none().then_some(Event::ChallengeFailed);
                        drop(shell.challenge.replace(shown));
                        failed
                    }),
                )
            }
            Command::LoadStripe => {
                let (loading, loaded) = script::load(&shell.stripe_js, stripe::GLOBAL, &shell.trusted);
                Work::Promise(
                    loading,
                    Box::new(move |answer| {
                        let is_there = loaded(answer.is_ok());
                        Some(if is_there { Event::StripeLoaded } else { Event::StripeFailed })
                    }),
                )
            }
            Command::CheckDetails { bought } => {
                match shell.payment.borrow().as_ref().and_then(Payment::check) {
                    Some(checking) => Work::Promise(
                        checking,
                        Box::new(move |answer| {
                            let accepted = || Event::DetailsAccepted { bought: dom::was_bought(&bought) };
                            Some(stripe::fault(answer).map_or_else(accepted, Event::DetailsRefused))
                        }),
                    ),
                    None => {
                        checkout.send_answer(turn, Event::DetailsRefused(None));
                        return;
                    }
                }
            }
            Command::ConfirmPayment { id, client_secret } => {
                let return_url = concat(&[&shell.api, "/p/", &id]);
                let confirm = |payment: &Payment| payment.confirm(&client_secret, &return_url);
                match shell.payment.borrow().as_ref().and_then(confirm) {
                    Some(confirming) => {
                        Work::Promise(confirming, Box::new(|answer| Some(told_by(stripe::outcome(answer)))))
                    }
                    None => {
                        checkout.send_answer(turn, Event::PaymentLost);
                        return;
                    }
                }
            }
            Command::OpenPurchase { turn, request } => {
                let key = concat(&[&shell.key, "-", &decimal(i64::from(turn))]);
                Work::Call(0, Call::open(key, &request), |answer| {
                    Some(http::read(answer).map_or_else(Event::OpeningFailed, Event::PurchaseOpened))
                })
            }
            // If this fails, the offer stays: what is bought twice can be refunded.
            Command::FindAccess { request } => {
                Work::Call(0, Call::mine(&request), |answer| found(answer, true))
            }
            Command::ChangeCoupon { id, coupon } => Work::Call(0, Call::change(&id, coupon), |answer| {
                Some(http::read(answer).map_or_else(Event::PreparingFailed, Event::Repriced))
            }),
            Command::PreparePayment { id, request, answer } => {
                // A challenge's answer counts only once.
                drop(shell.challenge.take());
                Work::Call(0, Call::pay(&id, &request, answer), |answer| Some(prepared(answer)))
            }
            // A lost request only costs time: the server also asks Stripe by itself.
            Command::Refresh { id } => Work::Call(0, Call::refresh(&id), |_| None),
            Command::ExtendHold { id } => Work::Call(0, Call::extend(&id), |answer| {
                Some(http::read(answer).map_or_else(Event::ExtendingFailed, Event::PurchaseSeen))
            }),
            Command::Watch { id, after, delay } => Work::Call(delay, Call::look(&id, after), |answer| {
                Some(http::read(answer).map_or_else(Event::WatchingFailed, Event::PurchaseSeen))
            }),
            // If this fails, the hold expires by itself.
            Command::ClosePurchase { id } => Work::Call(0, Call::close(&id), |_| Some(Event::PurchaseClosed)),
            Command::Tick => {
                Work::Promise(dom::sleep(1000), Box::new(|_| Some(Event::ClockRead(page::now()))))
            }
            Command::AwaitAccess => {
                Work::Promise(dom::sleep(ACCESS_TIMEOUT), Box::new(|_| Some(Event::AccessTookLong)))
            }
        };
        self.begin(checkout, turn, work);
    }

    /// Does `work` in the background.
    fn begin(&self, checkout: &Checkout, turn: u32, work: Work) {
        let (shell, checkout) = (Self(Rc::clone(&self.0)), checkout.clone());
        spawn_local(async move {
            if let Some(event) = work.done(&shell.0.api).await {
                shell.pass_on(&checkout, turn, event);
            }
        });
    }

    fn pass_on(&self, checkout: &Checkout, turn: u32, event: Event) {
        if let Event::StripeLoaded | Event::StripeFailed | Event::PurchaseClosed = event {
            return checkout.send(event);
        }
        let opened = if let Event::PurchaseOpened(opened) = &event { Some(opened.id.clone()) } else { None };
        let taken = checkout.send_answer(turn, event);
        if let (false, Some(id)) = (taken, opened) {
            // The element was removed while its seat was being held.
            self.carry_out(checkout, turn, Command::ClosePurchase { id });
        }
    }
}

impl Work {
    async fn done(self, api: &str) -> Option<Event> {
        match self {
            Self::Call(delay, call, read) => {
                if delay > 0 {
                    _ = JsFuture::from(dom::sleep(delay)).await;
                }
                read(call.send(api).await)
            }
            Self::Promise(promise, read) => read(JsFuture::from(promise).await),
        }
    }
}

impl Inner {
    fn show_payment(&self, checkout: &Checkout, turn: u32, due: shared::Money) {
        if let Some(payment) = &*self.payment.borrow() {
            return payment.update_amount(due.amount);
        }
        let told = checkout.clone();
        let failed = move || {
            told.send_answer(turn, Event::StripeFailed);
        };
        let told = checkout.clone();
        let removed = move || {
            told.send_answer(turn, Event::PaymentRemoved);
        };
        match Payment::show(&self.host, &self.publishable_key, &self.offered, due, failed, removed) {
            Ok(payment) => drop(self.payment.replace(Some(payment))),
            Err(_) => checkout.send(Event::StripeFailed),
        }
    }
}

fn prepared(answer: Result<String, Refused>) -> Event {
    let text = match answer {
        Ok(text) => text,
        Err(Refused { challenge: Some(challenge), .. }) => return Event::ChallengeAsked(challenge),
        Err(Refused { trouble, challenge: None }) => return Event::PreparingFailed(trouble),
    };
    match json::parse(&text) {
        Some(PayAnswer::Confirm { client_secret, price, .. }) => {
            Event::PaymentPrepared { client_secret, total: price.total }
        }
        Some(PayAnswer::Settled { .. }) => Event::PaymentSettled,
        None => Event::PreparingFailed(crate::model::Trouble::Unreadable),
    }
}

fn told_by(outcome: Outcome) -> Event {
    match outcome {
        Outcome::Confirmed => Event::PaymentConfirmed,
        Outcome::Declined(words) => Event::PaymentDeclined(words),
        Outcome::Unauthenticated => Event::PaymentUnauthenticated,
        Outcome::Unknown => Event::PaymentLost,
    }
}

fn found(answer: Result<String, Refused>, owned: bool) -> Option<Event> {
    Some(Event::PurchaseFound { seen: http::read(answer).ok()?, owned })
}
