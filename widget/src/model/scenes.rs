//! The checkout in every state that a learner can see, for marketing's preview.
use super::{Failure, Model, Note, Purchase, Stage, Step, Trouble};
use shared::{
    Code, Currency, Kind, Money, Offering, Price, Reason, Sale, Screen, Seats, State, Team, Timestamp,
};

/// A named state, on a screen whose offering it replaces.
type Scene = (&'static str, fn(Screen) -> Model);

/// In the order in which learners see them.
pub(crate) const ALL: [Scene; 55] = [
    ("on demand", |screen| Model::new(on_demand(screen))),
    ("live, many seats", |screen| Model::new(live(screen, 24))),
    ("live, few seats", |screen| Model::new(live(screen, 3))),
    ("live, last seat", |screen| Model::new(live(screen, 1))),
    ("live, no seats", |screen| Model::new(sale(live(screen, 0), Sale::SoldOut))),
    ("live, no seats, coupon without one", |screen| {
        let note = Some(Trouble::Refused(Code::SoldOut));
        typed(at(sale(live(screen, 0), Sale::SoldOut), Stage::Offer { note }))
    }),
    ("not open yet", |screen| Model::new(sale(on_demand(screen), Sale::NotOpen))),
    ("closed", |screen| Model::new(sale(on_demand(screen), Sale::Closed))),
    ("paused", |screen| Model::new(sale(on_demand(screen), Sale::Paused))),
    ("opening", |screen| at(screen, Stage::Opening)),
    ("form", |screen| held(screen, Stage::Form { note: None })),
    ("signed in", |screen| Model {
        email: "a•••@example.com".to_owned(),
        signed_in: true,
        ..held(screen, Stage::Form { note: None })
    }),
    ("form, last minute", |screen| Model {
        hold_left: Some(42_000),
        ..held(screen, Stage::Form { note: None })
    }),
    ("code", |screen| code(screen, Stage::Form { note: None })),
    ("code, asking", |screen| code(screen, Stage::Paying(Step::Applying))),
    ("coupon", coupon),
    ("coupon for all of it", |screen| off(screen, 49_000)),
    ("coupon unknown", |screen| refused(screen, Trouble::Refused(Code::CouponUnknown))),
    ("coupon mistyped", |screen| refused(screen, Trouble::RefusedFor(Code::CouponUnknown, Reason::Typo))),
    ("coupon not valid yet", |screen| {
        refused(screen, Trouble::RefusedFor(Code::CouponNotForThis, Reason::NotYet))
    }),
    ("coupon expired", |screen| refused(screen, Trouble::Refused(Code::CouponExpired))),
    ("coupon used up", |screen| refused(screen, Trouble::Refused(Code::CouponUsedUp))),
    ("coupon for something else", |screen| refused(screen, Trouble::Refused(Code::CouponNotForThis))),
    ("coupon leaves too little", |screen| {
        refused(screen, Trouble::RefusedFor(Code::CouponNotForThis, Reason::Minimum))
    }),
    ("too many codes", |screen| refused(screen, Trouble::TooMany { seconds: 540 })),
    ("team, choosing", |screen| places(screen, None)),
    ("team, too many", |screen| places(screen, Some(Note::Places(None)))),
    ("team", |screen| team(screen, Stage::Form { note: None })),
    ("email missing", |screen| form(screen, Note::Email(Trouble::Refused(Code::InvalidEmail)))),
    ("email of another company", |screen| of_email(screen, Trouble::Refused(Code::CouponEmailDomain))),
    ("email of another learner", |screen| {
        of_email(screen, Trouble::RefusedFor(Code::CouponEmailDomain, Reason::OtherEmail))
    }),
    ("coupon used by this email", |screen| {
        of_email(screen, Trouble::RefusedFor(Code::CouponUsedUp, Reason::Learner))
    }),
    ("paying", |screen| held(screen, Stage::Paying(Step::Preparing))),
    ("3-D Secure", |screen| held(screen, Stage::Paying(Step::Confirming))),
    ("3-D Secure failed", |screen| form(screen, Note::Unauthenticated)),
    ("declined", |screen| form(screen, Note::Declined("Your card has insufficient funds.".to_owned()))),
    ("price changed", |screen| form(screen, Note::PriceChanged)),
    ("bought before", |screen| form(screen, Note::BoughtBefore)),
    ("challenge", |screen| form(screen, Note::Challenge)),
    ("payments unavailable", |screen| {
        form(screen, Note::Trouble(Trouble::Refused(Code::PaymentsUnavailable)))
    }),
    ("hold ending", |screen| Model { hold_left: Some(42_000), ..held(screen, Stage::Form { note: None }) }),
    ("checking", |screen| held(screen, Stage::Checking { sure: true, looks: 0 })),
    ("checking, in doubt", |screen| held(screen, Stage::Checking { sure: false, looks: 1 })),
    ("processing", |screen| held(screen, Stage::Processing)),
    ("paid", |screen| held(screen, Stage::Paid { slow: false })),
    ("access pending", |screen| held(screen, Stage::Paid { slow: true })),
    ("success", |screen| held(screen, Stage::Granted { access_url: Some("#".to_owned()) })),
    ("success for a team", |screen| team(screen, Stage::Granted { access_url: Some("#".to_owned()) })),
    ("bought before", |screen| Model {
        owned: true,
        ..held(screen, Stage::Granted { access_url: Some("#".to_owned()) })
    }),
    ("time ran out", |screen| held(screen, Stage::Over(State::Expired))),
    ("refund on its way", |screen| held(screen, Stage::Over(State::Refunding))),
    ("refunded", |screen| held(screen, Stage::Over(State::Refunded))),
    ("sold out at the press", |screen| failed(screen, Failure::Opening(Trouble::Refused(Code::SoldOut)))),
    ("offline", |screen| failed(screen, Failure::Opening(Trouble::Offline))),
    ("Stripe.js blocked", |screen| failed(screen, Failure::Stripe)),
];

/// A screen whose offering the scene replaces.
pub(crate) fn screen(variant: &str, dialog: bool) -> Screen {
    Screen {
        offering: Offering {
            sku: "preview".to_owned(),
            kind: Kind::Course,
            title: "Redis for developers".to_owned(),
            summary: "Model, index and query data in Redis at your own pace.".to_owned(),
            price: Money { amount: 4_900, currency: Currency::USD },
            seats: None,
            sale: Sale::Open,
            starts_at: None,
            ends_at: None,
            sale_opens_at: None,
            sale_closes_at: None,
            now: None,
            team: None,
        },
        api: String::new(),
        publishable_key: String::new(),
        stripe_js: String::new(),
        variant: Some(variant.to_owned()),
        dialog,
    }
}

fn on_demand(screen: Screen) -> Screen {
    screen
}

fn live(mut screen: Screen, left: i64) -> Screen {
    screen.offering = Offering {
        kind: Kind::Live,
        title: "Vector search with Redis, live".to_owned(),
        summary: "Two days with an engineer who has put it into production.".to_owned(),
        price: Money { amount: 49_000, currency: Currency::USD },
        seats: Some(Seats { capacity: 30, left }),
        // December 9, 2026, 15:00 to 19:00 UTC.
        starts_at: Some(Timestamp::from_millis(1_796_828_400_000)),
        ends_at: Some(Timestamp::from_millis(1_796_842_800_000)),
        ..screen.offering
    };
    screen
}

fn sale(mut screen: Screen, sale: Sale) -> Screen {
    screen.offering.sale = sale;
    // January 11, 2027, 15:00 UTC.
    screen.offering.sale_opens_at = Some(Timestamp::from_millis(1_799_679_600_000));
    screen
}

fn at(screen: Screen, stage: Stage) -> Model {
    Model { stage, ..Model::new(screen) }
}

/// A checkout whose seat is held for another eight minutes.
fn held(screen: Screen, stage: Stage) -> Model {
    let screen = live(screen, 12);
    let Money { amount, currency } = screen.offering.price;
    let price = Price { currency, list: amount, discount: 0, tax: 0, total: amount, coupon: None };
    let purchase = Purchase {
        id: "preview".to_owned(),
        reference: "RU-7K3M-92QF".to_owned(),
        price,
        hold_expires_at: Timestamp::from_millis(0),
        version: None,
    };
    Model {
        purchase: Some(purchase),
        hold_left: Some(479_000),
        email: "ada@example.com".to_owned(),
        ..at(screen, stage)
    }
}

fn coupon(screen: Screen) -> Model {
    off(screen, 9_800)
}

fn off(screen: Screen, discount: i64) -> Model {
    let mut model = held(screen, Stage::Form { note: None });
    if let Some(purchase) = &mut model.purchase {
        purchase.price.discount = discount;
        purchase.price.total -= discount;
        purchase.price.coupon = Some("WELCOME20".to_owned());
    }
    model
}

fn of_email(screen: Screen, trouble: Trouble) -> Model {
    Model { stage: Stage::Form { note: Some(Note::Email(trouble)) }, ..coupon(screen) }
}

fn typed(model: Model) -> Model {
    Model { code: "WELCOME20".to_owned(), code_open: true, ..model }
}

fn code(screen: Screen, stage: Stage) -> Model {
    typed(held(screen, stage))
}

fn refused(screen: Screen, trouble: Trouble) -> Model {
    code(screen, Stage::Form { note: Some(Note::Coupon(Some(trouble))) })
}

/// A checkout whose offering is sold to teams.
fn for_teams(screen: Screen, stage: Stage) -> Model {
    let mut model = held(screen, stage);
    model.screen.offering.team = Some(Team { min: 2, max: 10 });
    model
}

fn places(screen: Screen, note: Option<Note>) -> Model {
    Model { places: "12".to_owned(), places_open: true, ..for_teams(screen, Stage::Form { note }) }
}

fn team(screen: Screen, stage: Stage) -> Model {
    let mut model = Model { team: Some(3), ..for_teams(screen, stage) };
    if let Some(purchase) = &mut model.purchase {
        (purchase.price.list, purchase.price.total) = (147_000, 147_000);
    }
    model
}

fn form(screen: Screen, note: Note) -> Model {
    held(screen, Stage::Form { note: Some(note) })
}

fn failed(screen: Screen, failure: Failure) -> Model {
    at(screen, Stage::Failed(failure))
}
