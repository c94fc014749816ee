//! Coupon codes: provided by the page or typed, applied in place, refused and removed.
use super::*;
use crate::words::{Words, locales};
use shared::{Reason, Seats};

#[test]
fn a_code_is_applied_in_place_and_taken_off_again() {
    let mut model = form();
    assert_eq!(words().redeem(&model), "Add code");
    assert_eq!(model.handle(Event::CodePressed), [Command::Focus(Target::Code)]);
    assert_eq!(model.handle(Event::CodePressed), [Command::Focus(Target::Code)], "nothing is typed");
    model.handle(Event::CodeTyped(" welcome20 ".into()));
    assert_eq!(words().redeem(&model), "Apply");
    assert_eq!(model.handle(Event::CodePressed), [change(Some("welcome20"))]);
    assert_eq!(words().status(&model), "Checking the price…");
    assert_eq!(model.handle(Event::PayPressed), [], "Pay waits");
    assert_eq!(model.handle(Event::CodePressed), [], "and so does the code");
    assert_eq!(
        model.handle(repriced(3920)),
        [Command::ShowPayment { due: usd(3920) }, Command::Focus(Target::Redeem)]
    );
    let sums = "List price  $49.00\nDiscount  \u{200e}\u{2212}$9.80\nTotal  $39.20";
    assert_eq!(words().sums(&model), sums);
    assert_eq!(words().status(&model), format!("{sums}\nPay $39.20"));
    assert_eq!((words().redeem(&model).as_str(), model.code()), ("Remove WELCOME20", None));

    assert_eq!(model.handle(Event::CodePressed), [change(None)]);
    assert_eq!(
        model.handle(repriced(4900)),
        [Command::ShowPayment { due: usd(4900) }, Command::Focus(Target::Redeem)]
    );
    assert_eq!(words().status(&model).trim(), "Pay $49.00");
    assert_eq!(words().redeem(&model), "Add code");
    assert_eq!(model.handle(Event::PayPressed), [tell(Notice::Paying), check_details()]);
}

#[test]
fn a_coupon_for_all_of_it_puts_stripe_away_and_taking_it_off_brings_it_back() {
    let mut model = applying();
    assert_eq!(model.handle(repriced(0)), [Command::Focus(Target::Redeem)]);
    assert_eq!(words().pay(&model), "Get access");
    model.handle(Event::CodePressed);
    assert_eq!(
        model.handle(repriced(4900)),
        [Command::ShowPayment { due: usd(4900) }, Command::Focus(Target::Redeem)]
    );
    assert_eq!(model.stage, Stage::Form { note: Some(Note::Coupon(None)) });
}

#[test]
fn taking_off_what_covered_all_of_it_waits_for_a_script_that_did_not_come() {
    let mut model = offer();
    model.handle(Event::PurchasePressed);
    model.handle(Event::StripeFailed);
    let mut opened = opened(0);
    opened.price.coupon = Some("ALL".into());
    model.handle(Event::PurchaseOpened(opened));
    model.handle(Event::CodePressed);
    assert_eq!(model.handle(repriced(4900)), [Command::LoadStripe]);
    assert_eq!(
        model.handle(Event::StripeLoaded),
        [Command::ShowPayment { due: usd(4900) }, Command::Focus(Target::Redeem)]
    );
}

#[test]
fn pay_applies_a_typed_code_first_and_pays_without_one_that_was_refused() {
    let mut model = form();
    model.handle(Event::CodePressed);
    assert_eq!(model.handle(Event::PayPressed)[1..], [check_details()], "an empty field is no code");
    let mut model = typed();
    assert_eq!(model.handle(Event::PayPressed), [change(Some("welcome20"))]);
    model.handle(refused(Trouble::Refused(Code::CouponExpired)));
    let mut other = model.clone();
    assert_eq!(model.handle(Event::PayPressed), [tell(Notice::Paying), check_details()]);
    other.handle(Event::CodeTyped("welcome30".into()));
    assert_eq!(other.stage, Stage::Form { note: None }, "another code is not refused yet");
    assert_eq!(other.handle(Event::PayPressed), [change(Some("welcome30"))]);
    // It is unknown whether this one was applied.
    other.handle(refused(Trouble::Timeout));
    assert_eq!(other.handle(Event::PayPressed), [change(Some("welcome30"))]);
}

#[test]
fn every_refusal_is_said_at_the_field() {
    for (trouble, said) in [
        (Trouble::Refused(Code::CouponUnknown), "We don't recognize that code."),
        (
            Trouble::RefusedFor(Code::CouponUnknown, Reason::Typo),
            "That code has a typo. Check it and try again.",
        ),
        (Trouble::Refused(Code::CouponExpired), "That code has expired."),
        (Trouble::RefusedFor(Code::CouponNotForThis, Reason::NotYet), "That code isn't valid yet."),
        (
            Trouble::Refused(Code::CouponUsedUp),
            "That code is used, or open in another tab. Try again in a few minutes.",
        ),
        (Trouble::Refused(Code::CouponNotForThis), "That code is for a different offering."),
        (
            Trouble::RefusedFor(Code::CouponNotForThis, Reason::Minimum),
            "That code brings the price below the minimum card charge.",
        ),
        (
            Trouble::RefusedFor(Code::CouponEmailDomain, Reason::OtherEmail),
            "That code is for another email address.",
        ),
        (Trouble::TooMany { seconds: 100 }, "Too many attempts. Wait 2 minutes, or use another network."),
        (Trouble::Offline, "You seem to be offline."),
    ] {
        let mut model = applying();
        assert_eq!(
            model.handle(refused(trouble)),
            [tell(Notice::Error { code: trouble.code() }), Command::Focus(Target::Code)]
        );
        assert_eq!((words().code_fault(&model).as_str(), words().status(&model).as_str()), (said, said));
        assert_eq!((model.due(), model.code()), (usd(4900), Some("welcome20")));
    }
}

#[test]
fn a_coupon_that_is_not_this_learners_is_said_at_the_email() {
    for trouble in [
        Trouble::Refused(Code::CouponEmailDomain),
        Trouble::RefusedFor(Code::CouponEmailDomain, Reason::OtherEmail),
        Trouble::RefusedFor(Code::CouponUsedUp, Reason::Learner),
    ] {
        let mut model = preparing();
        let commands = model.handle(refused(trouble));
        assert_eq!(commands.last(), Some(&Command::Focus(Target::Email)));
        assert_eq!(model.stage, Stage::Form { note: Some(Note::Email(trouble)) });
    }
}

#[test]
fn a_purchase_that_is_over_is_said_when_a_code_is_applied() {
    let mut model = applying();
    model.handle(refused(Trouble::Refused(Code::HoldExpired)));
    assert_eq!(model.stage, Stage::Over(State::Expired));
    let mut model = applying();
    model.handle(refused(Trouble::Refused(Code::PurchaseEnded)));
    assert_eq!(model.stage, Stage::Checking { sure: false, looks: 0 });
}

#[test]
fn a_coupon_whose_seat_would_go_with_it_stays() {
    let mut model = applying();
    model.handle(repriced(3920));
    model.handle(Event::CodePressed);
    let trouble = Trouble::Refused(Code::SoldOut);
    let commands = model.handle(refused(trouble));
    assert_eq!(commands.last(), Some(&Command::Focus(Target::Note)));
    assert_eq!((model.applied(), model.due()), (Some("WELCOME20"), usd(3920)));
}

#[test]
fn an_older_look_at_the_purchase_does_not_bring_the_old_price_back() {
    let mut model = applying();
    assert_eq!(model.handle(seen(State::Held, 1)), []);
    model.handle(repriced(3920));
    assert_eq!(model.handle(seen(State::Held, 1)), []);
    assert_eq!(model.due(), usd(3920));
}

#[test]
fn a_page_s_coupon_that_is_refused_opens_without_it_and_stays_in_its_field() {
    let mut model = with_coupon(offer());
    let trouble = Trouble::Refused(Code::CouponExpired);
    let commands = model.handle(Event::PurchasePressed);
    assert_eq!(coupons(&commands), [Some("NO".into())]);
    let commands = model.handle(Event::OpeningFailed(trouble));
    assert_eq!(coupons(&commands), [None]);
    let [Command::OpenPurchase { turn, .. }] = &opens(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!((*turn, &model.stage), (model.turn(), &Stage::Opening), "another key for another body");
    model.handle(Event::StripeLoaded);
    let commands = model.handle(Event::PurchaseOpened(opened(4900)));
    assert_eq!(commands[2..], [Command::ShowPayment { due: usd(4900) }, Command::Focus(Target::Code)]);
    assert_eq!(model.stage, Stage::Form { note: Some(Note::Coupon(Some(trouble))) });
    assert_eq!(model.code(), Some("NO"));
    model.handle(Event::SettingsChanged(settings()));
    assert!(matches!(model.stage, Stage::Form { .. }), "the page asks for the same as before");
}

#[test]
fn who_has_tried_too_many_codes_may_still_buy_without_one() {
    let mut model = with_coupon(offer());
    model.handle(Event::PurchasePressed);
    let trouble = Trouble::TooMany { seconds: 60 };
    assert_eq!(coupons(&model.handle(Event::OpeningFailed(trouble))), [None]);
    model.handle(Event::OpeningFailed(trouble));
    assert_eq!(model.stage, Stage::Failed(Failure::Opening(trouble)), "it was not about the code");
}

#[test]
fn what_is_sold_out_is_opened_with_a_code_that_brings_a_seat() {
    let mut model = sold_out();
    assert_eq!(model.handle(Event::PurchasePressed), []);
    assert_eq!(model.handle(Event::PayPressed), []);
    assert_eq!(model.handle(Event::CodePressed), [Command::Focus(Target::Code)]);
    model.handle(Event::CodeTyped("SEAT".into()));
    let commands = model.handle(Event::CodePressed);
    assert_eq!(coupons(&commands), [Some("SEAT".into())]);
    assert!(model.asks_for_seat(), "the field stays while the answer is awaited");
    model.handle(Event::StripeLoaded);
    let mut opened = opened(0);
    opened.price.coupon = Some("SEAT".into());
    let commands = model.handle(Event::PurchaseOpened(opened));
    assert_eq!(commands.last(), Some(&Command::Focus(Target::Email)));
    assert_eq!((model.applied(), model.code()), (Some("SEAT"), None));
    model.handle(Event::CancelPressed);
    assert_eq!(model.screen.offering.sale, Sale::SoldOut, "its seat was none of those on sale");
    assert_eq!(words().seats(&model), "No seats left");
}

#[test]
fn a_refusal_where_it_is_sold_out_is_said_at_the_field() {
    for (trouble, said) in [
        (Trouble::Refused(Code::CouponUnknown), "We don't recognize that code."),
        (Trouble::Refused(Code::SoldOut), "That code doesn't include a seat, and none are left."),
    ] {
        let mut model = with_coupon(sold_out());
        assert_eq!(model.code(), Some("NO"), "the page's code waits to be applied");
        let first = model.handle(Event::CodePressed);
        assert_eq!(model.handle(Event::OpeningFailed(trouble)).last(), Some(&Command::Focus(Target::Code)));
        assert_eq!(model.stage, Stage::Offer { note: Some(trouble) });
        assert_eq!((words().code_fault(&model).as_str(), model.code()), (said, Some("NO")));
        assert!(words().promise(&model).contains("give up a seat"));
        model.handle(Event::CodeTyped("YES".into()));
        assert_eq!(words().code_fault(&model), "");
        let second = model.handle(Event::CodePressed);
        assert_eq!(coupons(&second), [Some("YES".into())]);
        assert_ne!(opens(&first), opens(&second));
    }
}

#[test]
fn a_hold_that_ran_out_is_renewed_with_its_coupon() {
    let mut model = applying();
    model.handle(repriced(3920));
    model.handle(Event::PayPressed);
    model.handle(details_accepted());
    model.handle(refused(Trouble::Refused(Code::HoldExpired)));
    assert_eq!(coupons(&model.handle(Event::StartAgainPressed)), [Some("welcome20".into())]);
}

fn typed() -> Model {
    let mut model = form();
    model.handle(Event::CodePressed);
    model.handle(Event::CodeTyped("welcome20".into()));
    model
}

fn applying() -> Model {
    let mut model = typed();
    assert_eq!(model.handle(Event::CodePressed), [change(Some("welcome20"))]);
    model
}

fn sold_out() -> Model {
    let mut model = offer();
    model.screen.offering.seats = Some(Seats { capacity: 30, left: 0 });
    model.screen.offering.sale = Sale::SoldOut;
    model
}

fn settings() -> Settings {
    Settings { coupon: Some("NO".into()), ..Settings::default() }
}

fn with_coupon(mut model: Model) -> Model {
    model.handle(Event::SettingsChanged(settings()));
    model
}

/// The coupons with which `commands` open purchases.
fn coupons(commands: &[Command]) -> Vec<Option<String>> {
    let coupon = |command: &Command| {
        if let Command::OpenPurchase { request, .. } = command { Some(request.coupon.clone()) } else { None }
    };
    commands.iter().filter_map(coupon).collect()
}

fn change(coupon: Option<&str>) -> Command {
    Command::ChangeCoupon { id: "p1".into(), coupon: coupon.map(str::to_owned) }
}

fn refused(trouble: Trouble) -> Event {
    Event::PreparingFailed(trouble)
}

/// The purchase, repriced to `total`.
fn repriced(total: i64) -> Event {
    let mut view = view(State::Held, 2);
    let coupon = (total < 4900).then(|| "WELCOME20".to_owned());
    view.price = Price { discount: 4900 - total, total, coupon, ..price(4900) };
    Event::Repriced(view)
}

fn words() -> &'static Words {
    locales().english().words()
}
