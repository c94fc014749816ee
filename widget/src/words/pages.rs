//! The texts of the server's own pages, and those that they share with the widget.
use super::{
    Key, Locale,
    panel::{expired, granted, paid},
};
use crate::model::Trouble;
use serde::{Deserialize, Serialize};
use shared::{Code, Kind, Money, Offering, Reason, Seats, State, Team, Timestamp};

/// The section `[pages]` of a locale's file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Pages {
    pub optional: String,
    pub name: String,
    pub continue_to_payment: String,
    pub stripe_page: String,
    pub simple_form: String,
    pub problem: String,
    pub failed_heading: String,
    pub charge_unknown: String,
    pub name_invalid: String,
    pub challenged: String,
    pub cross_site: String,
    pub root_heading: String,
    pub root_text: String,
    pub root_purchase: String,
    pub unknown_heading: String,
    pub unknown_text: String,
    pub unknown_purchase: String,
    pub title: String,
    pub held_heading: String,
    pub held_text: String,
    pub paying_heading: String,
    pub paying_text: String,
    pub ending_heading: String,
    pub ending_text: String,
    pub canceled_heading: String,
    pub canceled_text: String,
    pub access_failed: String,
    pub seat_done: String,
    pub seat_undone: String,
    pub payment_pending: String,
    pub payment_done: String,
    pub payment_failed: String,
    pub payment_undone: String,
    pub access_pending: String,
    pub access_done: String,
    pub access_none: String,
    pub access_undone: String,
    pub account_done: String,
    pub account_failed: String,
    pub pay_until: String,
    pub access_for: String,
    pub amount: String,
    pub reference: String,
    pub bookmark: String,
    pub look_again: String,
}

impl Locale {
    /// Such as `en`.
    #[must_use]
    pub fn lang(&self) -> String {
        self.words().say(Key::Lang)
    }

    /// `ltr` or `rtl`.
    #[must_use]
    pub fn dir(&self) -> String {
        self.words().say(Key::Dir)
    }

    #[must_use]
    pub fn kind(&self, kind: Kind) -> String {
        self.words().kind(kind)
    }

    /// How many seats are left.
    #[must_use]
    pub fn seats(&self, seats: Seats) -> String {
        match seats.left {
            ..=0 => self.words().say(Key::NoSeats),
            left => self.words().count(Key::SeatsLeft, left),
        }
    }

    /// An amount that is due; nothing is free.
    #[must_use]
    pub fn amount(&self, due: Money) -> String {
        self.words().amount(due)
    }

    /// Such as `Dec 9, 2026, 15:00–17:00 UTC`.
    #[must_use]
    pub fn span(&self, starts_at: Timestamp, ends_at: Option<Timestamp>) -> String {
        self.words().span(starts_at, ends_at)
    }

    /// Whether and when it can be bought.
    #[must_use]
    pub fn sale(&self, offering: &Offering) -> String {
        self.words().sale(offering)
    }

    /// Why a request failed, in a sentence.
    #[must_use]
    pub fn refused(&self, code: Code, reason: Option<Reason>) -> String {
        self.words().because(match reason {
            Some(reason) => Trouble::RefusedFor(code, reason),
            None => Trouble::Refused(code),
        })
    }

    /// The same, and that nothing was charged.
    #[must_use]
    pub fn refused_and_not_charged(&self, code: Code) -> String {
        let after = if Trouble::Refused(code).stays() { Key::AfterLimit } else { Key::AfterTrouble };
        self.words().fill(after, &self.refused(code, None))
    }

    /// The same, and that it is not known yet whether anything was charged.
    #[must_use]
    pub fn refused_and_charge_unknown(&self, code: Code) -> String {
        self.pages().charge_unknown.replace("{reason}", &self.refused(code, None))
    }

    /// Says that the amount due has changed.
    #[must_use]
    pub fn price_changed(&self, due: Money) -> String {
        self.words().fill(Key::PriceChanged, &self.money(due))
    }

    #[must_use]
    pub fn word(&self, word: SharedWord) -> String {
        self.words().say(match word {
            SharedWord::Email => Key::Email,
            SharedWord::EmailHint => Key::EmailHint,
            SharedWord::EmailInvalid => Key::EmailInvalid,
            SharedWord::HaveCode => Key::HaveCode,
            SharedWord::Code => Key::Code,
            SharedWord::CouponNoSeat => Key::CouponNoSeat,
            SharedWord::GetAccess => Key::GetAccess,
            SharedWord::Cancel => Key::Cancel,
            SharedWord::StartLearning => Key::StartLearning,
            SharedWord::StartAgain => Key::StartAgain,
            SharedWord::TryAgain => Key::TryAgain,
            SharedWord::Back => Key::Back,
            SharedWord::SeatReserved => Key::SeatReserved,
            SharedWord::ForTeam => Key::ForTeam,
            SharedWord::ForMe => Key::ForMe,
            SharedWord::Places => Key::Places,
            SharedWord::PlacesFew => Key::PlacesFew,
            SharedWord::TeamHeading => Key::TeamHeading,
            SharedWord::TeamText => Key::TeamText,
        })
    }

    /// How many places a team may buy, and what it gets for them.
    #[must_use]
    pub fn places_hint(&self, team: Team) -> String {
        self.words().places_range(Key::PlacesHint, team)
    }

    /// The error at any other number of places.
    #[must_use]
    pub fn places_fault(&self, team: Team) -> String {
        self.words().places_range(Key::PlacesFault, team)
    }

    /// Heading and text for a state that the widget also has texts for; `None` if the page needs its own. `was_due`
    /// says whether there was anything to pay.
    #[must_use]
    pub fn standing(&self, state: State, kind: Kind, was_due: bool) -> Option<(String, String)> {
        let (heading, text) = match state {
            State::Processing => (Key::ProcessingHeading, Key::ProcessingText),
            State::Paid => paid(was_due),
            State::Granted => (Key::GrantedHeading, granted(kind, was_due)),
            State::Expired => (expired(kind), Key::ExpiredText),
            State::Refunding => (Key::RefundingHeading, Key::RefundingText),
            State::Refunded => (Key::RefundedHeading, Key::RefundedText),
            State::Held | State::Paying | State::Canceled => return None,
        };
        Some((self.words().say(heading), self.words().say(text)))
    }
}

/// Texts of the widget that the pages use as they are.
#[derive(Clone, Copy, Debug)]
pub enum SharedWord {
    Email,
    EmailHint,
    EmailInvalid,
    HaveCode,
    Code,
    CouponNoSeat,
    GetAccess,
    Cancel,
    StartLearning,
    StartAgain,
    TryAgain,
    Back,
    SeatReserved,
    ForTeam,
    ForMe,
    Places,
    PlacesFew,
    TeamHeading,
    TeamText,
}
