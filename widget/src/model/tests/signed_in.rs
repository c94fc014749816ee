//! Learners who are signed in.
use super::*;

#[test]
fn the_email_is_that_of_the_token_until_they_sign_out() {
    let mut model = offer();
    sign_in(&mut model, Some("token"));
    model.handle(Event::EmailSuggested("grace@example.com".into()));
    model.handle(Event::PurchasePressed);
    model.handle(Event::PurchaseOpened(Opened {
        email: Some("a•••@example.com".into()), ..opened(4900)
    }));
    model.handle(Event::StripeLoaded);
    assert!(model.signed_in && model.email == "a•••@example.com");
    model.handle(Event::PayPressed);
    let pay = Pay { email: "a•••@example.com".into(), name: None, expected_total: 4900 };
    assert_eq!(
        model.handle(Event::DetailsAccepted { bought: true }),
        [Command::PreparePayment { id: "p1".into(), request: pay, answer: None }]
    );
    let mut model = offer();
    model.handle(Event::PurchasePressed);
    model.handle(Event::PurchaseOpened(Opened {
        email: Some("a•••@example.com".into()), ..opened(4900)
    }));
    model.handle(Event::PurchaseOpened(opened(4900)));
    sign_in(&mut model, Some("token"));
    model.handle(Event::PurchaseOpened(opened(4900)));
    assert!(!model.signed_in && model.email.is_empty());
}

#[test]
fn whose_token_is_refused_goes_on_as_a_guest() {
    let mut model = offer();
    sign_in(&mut model, Some("token"));
    model.handle(Event::EmailSuggested("ada@example.com".into()));
    model.handle(Event::PurchasePressed);
    let refused = Opened { token_refused: Some("expired".into()), ..opened(4900) };
    let commands = model.handle(Event::PurchaseOpened(refused));
    assert!(commands.contains(&tell(Notice::Error { code: "learner_token_refused" })), "{commands:?}");
    assert!(!model.signed_in && model.email == "ada@example.com");
}

#[test]
fn who_has_it_already_is_led_in_until_they_sign_out() {
    let mut model = offer();
    let commands = sign_in(&mut model, Some("token"));
    let [Command::FindAccess { request }] = &commands[..] else { panic!("{commands:?}") };
    assert_eq!((request.sku.as_str(), request.learner_token.as_deref()), ("course", Some("token")));
    assert!(
        model.handle(Event::PurchaseFound { seen: view(State::Granted, 7), owned: true }).is_empty(),
        "the focus stays"
    );
    assert!(model.owned && !model.is_dialog_open());
    let access_url = Some("https://learn.example/".to_owned());
    assert_eq!(model.stage, Stage::Granted { access_url });
    assert!(model.clone().handle(Event::ElementRemoved).is_empty(), "the next may be another learner's");
    assert!(sign_in(&mut model, None).is_empty());
    assert!(!model.owned && model.stage == Stage::Offer { note: None } && model.purchase.is_none());
}

#[test]
fn an_answer_that_comes_once_the_purchase_is_begun_changes_nothing() {
    let mut model = offer();
    sign_in(&mut model, Some("token"));
    model.handle(Event::PurchasePressed);
    model.handle(Event::PurchaseFound { seen: view(State::Granted, 7), owned: true });
    assert!(!model.owned && model.stage == Stage::Opening);
}

fn sign_in(model: &mut Model, token: Option<&str>) -> Vec<Command> {
    let learner_token = token.map(str::to_owned);
    model.handle(Event::SettingsChanged(Settings { coupon: None, learner_token }))
}
