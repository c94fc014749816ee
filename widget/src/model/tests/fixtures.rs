//! Models at the points where tests start, and their events and commands.
use super::*;

pub(super) fn offer() -> Model {
    Model::new(Screen {
        offering: Offering {
            sku: "course".into(),
            kind: Kind::Course,
            title: "Redis for developers".into(),
            summary: String::new(),
            price: usd(4900),
            seats: None,
            sale: Sale::Open,
            starts_at: None,
            ends_at: None,
            sale_opens_at: None,
            sale_closes_at: None,
            now: None,
            team: None,
        },
        api: "https://checkout.example".into(),
        publishable_key: "pk".into(),
        stripe_js: "https://js.stripe.com/v3/".into(),
        variant: None,
        dialog: false,
    })
}

pub(super) fn form() -> Model {
    let mut model = offer();
    model.handle(Event::PurchasePressed);
    model.handle(Event::StripeLoaded);
    model.handle(Event::PurchaseOpened(opened(4900)));
    model.handle(Event::EmailTyped("ada@example.com".into()));
    model
}

pub(super) fn preparing() -> Model {
    let mut model = form();
    model.handle(Event::PayPressed);
    model.handle(details_accepted());
    assert_eq!(model.stage, Stage::Paying(Step::Preparing));
    model
}

pub(super) fn confirming() -> Model {
    let mut model = preparing();
    model.handle(prepared(4900));
    assert_eq!(model.stage, Stage::Paying(Step::Confirming));
    model
}

pub(super) fn opens(commands: &[Command]) -> Vec<Command> {
    commands.iter().filter(|command| matches!(command, Command::OpenPurchase { .. })).cloned().collect()
}

pub(super) fn opened(total: i64) -> Opened {
    Opened {
        id: "p1".into(),
        reference: "RU-1".into(),
        state: State::Held,
        hold_expires_at: Timestamp::from_millis(1),
        seconds_left: None,
        price: price(total),
        email: None,
        token_refused: None,
    }
}

pub(super) const fn details_accepted() -> Event {
    Event::DetailsAccepted { bought: false }
}

pub(super) fn check_details() -> Command {
    Command::CheckDetails { bought: "course ada@example.com".into() }
}

pub(super) fn remember_purchase() -> Command {
    Command::RememberPurchase { bought: "course ada@example.com".into() }
}

pub(super) fn prepared(total: i64) -> Event {
    Event::PaymentPrepared { client_secret: "cs".into(), total }
}

pub(super) fn seen(state: State, version: i64) -> Event {
    Event::PurchaseSeen(view(state, version))
}

pub(super) fn view(state: State, version: i64) -> PurchaseView {
    PurchaseView {
        places: None,
        id: "p1".into(),
        reference: "RU-1".into(),
        sku: "course".into(),
        state,
        version,
        price: price(4900),
        email: None,
        hold_expires_at: None,
        seconds_left: None,
        access_url: (state == State::Granted).then(|| "https://learn.example/".into()),
        timeline: Vec::new(),
    }
}

pub(super) fn price(total: i64) -> Price {
    Price { total, ..Price::of(usd(total)) }
}

pub(super) fn usd(amount: i64) -> Money {
    Money { amount, currency: Currency::parse("usd").unwrap() }
}

pub(super) fn tell(notice: Notice) -> Command {
    Command::Tell { notice, variant: None, purchase: Some("RU-1".into()) }
}

pub(super) fn watch(after: Option<i64>, delay: u32) -> Command {
    Command::Watch { id: "p1".into(), after, delay }
}
