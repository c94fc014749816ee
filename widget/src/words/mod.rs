//! Every text that the learner reads, apart from the catalogue's and Stripe's. The texts themselves are in `locales/`,
//! one file per language; this module decides which one to show when.
mod key;
#[cfg(any(not(target_arch = "wasm32"), feature = "preview"))]
mod locale;
#[cfg(any(not(target_arch = "wasm32"), feature = "preview"))]
mod pages;
mod panel;
mod sentence;
#[cfg(any(not(target_arch = "wasm32"), feature = "preview"))]
mod team;
mod trouble;

pub(crate) use key::Key;
#[cfg(any(not(target_arch = "wasm32"), feature = "preview"))]
pub use locale::{Letters, Loader, Locale, Locales, locales};
#[cfg(any(not(target_arch = "wasm32"), feature = "preview"))]
pub use pages::{Pages, SharedWord};
#[cfg(target_arch = "wasm32")]
pub(crate) use panel::{Panel, PanelAction};
#[cfg(any(not(target_arch = "wasm32"), feature = "preview"))]
pub use team::Team;

use crate::{
    dates,
    model::{Model, Note, Stage, Step, Trouble},
    speech::Speech,
    text::concat,
};
use shared::{Code, Kind, Money, Offering, Price, Sale, Team as TeamSize, Timestamp};

/// Between a label and its amount.
const GAP: &str = "  ";
/// The mark keeps the minus before the number in text from the right to the left, as `Intl` does.
const GAP_MINUS: &str = "  \u{200e}\u{2212}";

/// The texts of one language, in the order of [`Key`], and how it writes numbers.
#[derive(Clone)]
pub(crate) struct Words {
    texts: Vec<String>,
    speech: Speech,
}

impl Words {
    pub(crate) fn kind(&self, kind: Kind) -> String {
        self.say(match kind {
            Kind::Course => Key::KindCourse,
            Kind::Lab => Key::KindLab,
            Kind::Exam => Key::KindExam,
            Kind::Live => Key::KindLive,
        })
    }

    pub(crate) fn money(&self, money: Money) -> String {
        self.speech.money(money)
    }

    /// Such as `Dec 9, 2026, 15:00–17:00 UTC`, or with both days where they differ.
    pub(crate) fn span(&self, starts_at: Timestamp, ends_at: Option<Timestamp>) -> String {
        let moment = |at| concat(&[&self.speech.date(at), self.text(Key::DateTime), &dates::time(at)]);
        let start = moment(starts_at);
        let end = match ends_at {
            None => String::new(),
            Some(end) if dates::days(end) == dates::days(starts_at) => concat(&["–", &dates::time(end)]),
            Some(end) => concat(&[" – ", &moment(end)]),
        };
        concat(&[&start, &end, " UTC"])
    }

    /// The label of the button that opens the form.
    pub(crate) fn offer(&self, model: &Model) -> String {
        match (&model.stage, &model.purchase) {
            (Stage::Offer { .. }, Some(_)) => self.say(Key::Continue),
            _ => self.sale(&model.screen.offering),
        }
    }

    /// Whether and when the offering can be bought.
    pub(crate) fn sale(&self, offering: &Offering) -> String {
        let key = match offering.sale {
            Sale::Open if offering.price.amount == 0 => Key::GetAccess,
            Sale::Open => match offering.kind {
                Kind::Course | Kind::Lab => Key::Purchase,
                Kind::Exam => Key::PurchaseExam,
                Kind::Live => Key::PurchaseLive,
            },
            Sale::SoldOut => Key::SoldOut,
            Sale::Closed => Key::SaleClosed,
            Sale::Paused => Key::SalePaused,
            Sale::NotOpen => match offering.sale_opens_at {
                Some(at) => return self.fill(Key::Opens, &self.span(at, None)),
                None => Key::NotOpen,
            },
        };
        self.say(key)
    }

    /// The line under the purchase button.
    pub(crate) fn promise(&self, model: &Model) -> String {
        match model.stage {
            Stage::Offer { note: Some(trouble) } if model.code_fault().is_none() => self.because(trouble),
            Stage::Offer { .. } if model.purchase.is_some() => {
                concat(&[self.text(Key::WelcomeBack), " ", &self.held(model)])
            }
            Stage::Offer { .. } if model.screen.offering.sale == Sale::SoldOut => {
                self.say(Key::PromiseSoldOut)
            }
            Stage::Offer { .. }
            | Stage::Opening
            | Stage::Form { .. }
            | Stage::Paying(_)
            | Stage::Checking { .. }
            | Stage::Processing
            | Stage::Paid { .. }
            | Stage::Granted { .. }
            | Stage::Over(_)
            | Stage::Failed(_) => {
                self.say(if model.due().amount > 0 { Key::Promise } else { Key::PromiseFree })
            }
        }
    }

    /// The price; empty for a learner who already has the offering.
    pub(crate) fn price(&self, model: &Model) -> String {
        if model.owned { String::new() } else { self.amount(model.due()) }
    }

    /// An amount that is due; nothing is free.
    pub(crate) fn amount(&self, due: Money) -> String {
        if due.amount > 0 { self.money(due) } else { self.say(Key::Free) }
    }

    /// How many seats are left; empty if there is no limit.
    pub(crate) fn seats(&self, model: &Model) -> String {
        let Some(seats) = model.screen.offering.seats else { return String::new() };
        match (seats.left, &model.purchase) {
            // The learner's own hold must not read as sold out.
            (..=0, Some(_)) => self.say(Key::SeatReserved),
            (..=0, None) => self.say(Key::NoSeats),
            (left, _) => self.count(Key::SeatsLeft, left),
        }
    }

    /// How the total is calculated, a line for each part, and the total last; empty if it is simply the list price.
    pub(crate) fn sums(&self, model: &Model) -> String {
        let Some(Price { currency, list, discount, tax, total, .. }) =
            model.purchase.as_ref().map(|own| own.price.clone())
        else {
            return String::new();
        };
        let money = |amount| self.money(Money { amount, currency });
        let first = match model.team {
            Some(places) => concat(&[&dates::decimal(places), " × ", &money(list / places)]),
            None if discount == 0 && tax == 0 => return String::new(),
            None => self.say(Key::ListPrice),
        };
        let part = |amount: i64, key, sign| match amount {
            0 => String::new(),
            amount => concat(&["\n", self.text(key), sign, &money(amount)]),
        };
        concat(&[
            &first,
            GAP,
            &money(list),
            &part(discount, Key::Discount, GAP_MINUS),
            &part(tax, Key::Tax, GAP),
            "\n",
            self.text(Key::Total),
            GAP,
            &self.amount(Money { amount: total, currency }),
        ])
    }

    /// How long the seat is held; empty if none is.
    pub(crate) fn held(&self, model: &Model) -> String {
        match (model.hold_seconds(), &model.screen.offering.seats, &model.purchase) {
            (Some(0), ..) => self.say(Key::HoldEnding),
            (Some(seconds), ..) => {
                let time = concat(&[&dates::decimal(seconds / 60), ":", &dates::two(seconds % 60)]);
                self.fill(Key::HoldFor, &time)
            }
            (None, Some(_), Some(_)) => self.held_until(model),
            (None, _, _) => String::new(),
        }
    }

    /// Until when the seat is held, by the clock.
    pub(crate) fn held_until(&self, model: &Model) -> String {
        let until = model.purchase.as_ref().map(|purchase| purchase.hold_expires_at);
        until.map(|until| self.fill(Key::HoldUntil, &self.speech.local_time(until))).unwrap_or_default()
    }

    /// The pay button's label.
    pub(crate) fn pay(&self, model: &Model) -> String {
        match model.stage {
            Stage::Paying(Step::CheckingDetails | Step::Preparing | Step::Confirming) => {
                self.say(Key::Paying)
            }
            Stage::Paying(Step::Repricing | Step::Applying) => self.say(Key::Repricing),
            Stage::Offer { .. }
            | Stage::Opening
            | Stage::Form { .. }
            | Stage::Checking { .. }
            | Stage::Processing
            | Stage::Paid { .. }
            | Stage::Granted { .. }
            | Stage::Over(_)
            | Stage::Failed(_) => {
                let due = model.due();
                if due.amount > 0 { self.fill(Key::Pay, &self.money(due)) } else { self.say(Key::GetAccess) }
            }
        }
    }

    /// The error at the email; empty if there is none.
    pub(crate) fn fault(&self, model: &Model) -> String {
        let Stage::Form { note: Some(Note::Email(trouble)) } = model.stage else { return String::new() };
        self.because(trouble)
    }

    /// The error at the code; empty if there is none.
    pub(crate) fn code_fault(&self, model: &Model) -> String {
        match model.code_fault() {
            Some(Trouble::Refused(Code::SoldOut)) => self.say(Key::CouponNoSeat),
            Some(trouble) => self.because(trouble),
            None => String::new(),
        }
    }

    /// The label of the button beside the code field.
    pub(crate) fn redeem(&self, model: &Model) -> String {
        match (model.applied(), model.code()) {
            (Some(code), _) => self.fill(Key::Remove, code),
            (None, Some(_)) => self.say(Key::Apply),
            (None, None) => self.say(Key::HaveCode),
        }
    }

    /// The person who gets access; empty if that is decided later.
    pub(crate) fn email_hint(&self, model: &Model) -> String {
        if model.team.is_some() { String::new() } else { self.say(Key::EmailHint) }
    }

    /// The label of the button beside the places field.
    pub(crate) fn team(&self, model: &Model) -> String {
        self.say(match (model.team, model.places()) {
            (Some(_), _) => Key::ForMe,
            (None, Some(_)) => Key::PlacesApply,
            (None, None) => Key::ForTeam,
        })
    }

    /// The error at the number of places; empty if there is none.
    pub(crate) fn places_fault(&self, model: &Model) -> String {
        let Stage::Form { note: Some(Note::Places(trouble)) } = &model.stage else { return String::new() };
        match trouble {
            Some(Trouble::Refused(Code::SoldOut)) => self.say(Key::PlacesFew),
            Some(trouble) => self.because(*trouble),
            None => self.places(Key::PlacesFault, model),
        }
    }

    /// A text with the allowed numbers of places; empty if the offering isn't sold to teams.
    pub(crate) fn places(&self, key: Key, model: &Model) -> String {
        model.screen.offering.team.map(|team| self.places_range(key, team)).unwrap_or_default()
    }

    pub(crate) fn places_range(&self, key: Key, TeamSize { min, max }: TeamSize) -> String {
        self.fill(key, &concat(&[&dates::decimal(min), "–", &dates::decimal(max)]))
    }

    /// The message of the form, apart from those at its fields; empty if there is none.
    pub(crate) fn note(&self, model: &Model) -> String {
        let Stage::Form { note: Some(note) } = &model.stage else { return String::new() };
        match note {
            Note::Email(_) | Note::Coupon(_) | Note::Places(_) | Note::Team => String::new(),
            Note::Details(words) => words.clone(),
            Note::Declined(words) if words.is_empty() => {
                self.fill(Key::AfterDecline, &self.say(Key::Declined))
            }
            // Stripe words it in its own language, perhaps in the other direction.
            Note::Declined(words) => self.fill(Key::AfterDecline, &concat(&["\u{2068}", words, "\u{2069}"])),
            Note::Unauthenticated => self.fill(Key::AfterDecline, &self.say(Key::Unauthenticated)),
            Note::PriceChanged => self.fill(Key::PriceChanged, &self.money(model.due())),
            Note::BoughtBefore => self.say(Key::BoughtBefore),
            Note::Unconfirmed => self.say(Key::Unconfirmed),
            Note::Challenge => self.say(Key::Challenge),
            Note::Trouble(trouble) if trouble.stays() => self.fill(Key::AfterLimit, &self.because(*trouble)),
            Note::Trouble(trouble) => self.fill(Key::AfterTrouble, &self.because(*trouble)),
        }
    }

    /// The text that screen readers announce when the focus stays where it is.
    pub(crate) fn status(&self, model: &Model) -> String {
        let key = match model.stage {
            Stage::Opening => Key::Opening,
            Stage::Paying(Step::Repricing | Step::Applying) => Key::Repricing,
            Stage::Form { note: Some(Note::Places(_)) } => return self.places_fault(model),
            Stage::Form { note: Some(Note::Coupon(None) | Note::Team) } => {
                return concat(&[&*self.sums(model), "\n", &self.pay(model)]);
            }
            Stage::Form { note: Some(Note::Coupon(Some(_))) } => return self.code_fault(model),
            Stage::Offer { .. } if model.code_fault().is_some() => return self.code_fault(model),
            Stage::Paying(Step::CheckingDetails | Step::Preparing | Step::Confirming) => Key::Paying,
            Stage::Offer { note: Some(trouble) } => return self.because(trouble),
            Stage::Paid { slow: true } => Key::AccessComing,
            Stage::Form { .. } if model.is_last_call() => Key::LastCall,
            Stage::Form { .. } if model.extended => return self.held_until(model),
            Stage::Offer { note: None }
            | Stage::Form { .. }
            | Stage::Checking { .. }
            | Stage::Processing
            | Stage::Paid { slow: false }
            | Stage::Granted { .. }
            | Stage::Over(_)
            | Stage::Failed(_) => return String::new(),
        };
        self.say(key)
    }
}
