//! The test cards and what each does. The numbers are Stripe's (<https://docs.stripe.com/testing>), except
//! [`SETTLES_LATER`].

use std::fmt;

use serde_json::json;

use super::error::ApiError;

/// Our own number: the payment is `processing` until the sandbox is told how it settles. Stripe has no such card.
pub const SETTLES_LATER: &str = "4000000007777776";

/// The behaviour of a card when a payment is confirmed with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Succeeds.
    Pays,
    /// Is declined.
    Declines(Decline),
    /// Asks for 3-D Secure, and pays if that passes.
    Challenges,
    /// Asks for 3-D Secure, and is declined even if that passes.
    ChallengesThenDeclines(Decline),
    /// Stays `processing` until settled on demand.
    SettlesLater,
    /// Pays; its refunds stay `pending` until settled on demand.
    RefundsLater,
    /// Pays; its refunds look `succeeded` until settled on demand, then fail.
    RefundFails,
}

/// Why a card is declined, in Stripe's codes and wording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decline {
    /// Stripe's `code`.
    pub code: &'static str,
    /// Stripe's `decline_code`.
    pub decline_code: &'static str,
    /// Message that may be shown to the learner.
    pub message: &'static str,
}

/// One row of [`TEST_CARDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestCard {
    /// Digits without spaces.
    pub number: &'static str,
    /// Its behaviour.
    pub behaviour: Behaviour,
}

const DECLINED: &str = "Your card was declined.";

/// Every card the sandbox knows.
pub const TEST_CARDS: &[TestCard] = &[
    card("4242424242424242", Behaviour::Pays),
    card("4000056655665556", Behaviour::Pays),
    card("5555555555554444", Behaviour::Pays),
    card("378282246310005", Behaviour::Pays),
    card("4000000000000002", declines("card_declined", "generic_decline", DECLINED)),
    card(
        "4000000000009995",
        declines("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    ),
    card("4000000000009987", declines("card_declined", "lost_card", DECLINED)),
    card("4000000000009979", declines("card_declined", "stolen_card", DECLINED)),
    card("4000000000000069", declines("expired_card", "expired_card", "Your card has expired.")),
    card(
        "4000000000000127",
        declines("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."),
    ),
    card(
        "4000000000000119",
        declines(
            "processing_error",
            "processing_error",
            "An error occurred while processing your card. Try again in a little bit.",
        ),
    ),
    card("4000002500003155", Behaviour::Challenges),
    card("4000000000003220", Behaviour::Challenges),
    card(
        "4000008400001629",
        Behaviour::ChallengesThenDeclines(Decline {
            code: "card_declined",
            decline_code: "generic_decline",
            message: DECLINED,
        }),
    ),
    card(SETTLES_LATER, Behaviour::SettlesLater),
    card("4000000000007726", Behaviour::RefundsLater),
    card("4000000000005126", Behaviour::RefundFails),
];

/// A card as typed by the learner; its `Debug` shows only the last four digits.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Card {
    number: String,
    pub(crate) exp_month: u8,
    pub(crate) exp_year: u16,
    pub(crate) behaviour: Behaviour,
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Card").field(&self.last4()).finish()
    }
}

impl Card {
    /// Validates what Stripe validates before it asks a bank; `now` is the current year and month.
    pub(crate) fn parse(
        number: &str,
        exp_month: &str,
        exp_year: &str,
        cvc: &str,
        now: (u16, u8),
    ) -> Result<Self, ApiError> {
        let number: String = number.chars().filter(|c| !c.is_whitespace()).collect();
        if !passes_luhn(&number) {
            return Err(refuse("incorrect_number", "Your card number is incorrect.", "number"));
        }
        let Some(exp_month) = exp_month.parse().ok().filter(|month| (1..=12).contains(month)) else {
            return Err(refuse(
                "invalid_expiry_month",
                "Your card's expiration month is invalid.",
                "exp_month",
            ));
        };
        let Some(exp_year) =
            exp_year.parse::<u16>().ok().map(|year| if year < 100 { 2000 + year } else { year })
        else {
            return Err(refuse("invalid_expiry_year", "Your card's expiration year is invalid.", "exp_year"));
        };
        if (exp_year, exp_month) < now || exp_year > now.0 + 50 {
            return Err(refuse("invalid_expiry_year", "Your card's expiration year is invalid.", "exp_year"));
        }
        if !(3..=4).contains(&cvc.len()) || !cvc.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refuse("invalid_cvc", "Your card's security code is invalid.", "cvc"));
        }
        let known = TEST_CARDS.iter().find(|card| card.number == number);
        let behaviour = known.map_or(
            declines(
                "card_declined",
                "test_mode_live_card",
                "Your card was declined. Your request was in test mode, but used a non test card. For a list of \
                 valid test cards, visit: https://stripe.com/docs/testing.",
            ),
            |card| card.behaviour,
        );
        Ok(Self { number, exp_month, exp_year, behaviour })
    }

    pub(crate) fn last4(&self) -> &str {
        &self.number[self.number.len() - 4..]
    }

    pub(crate) fn brand(&self) -> &'static str {
        match self.number.as_bytes()[0] {
            b'3' => "amex",
            b'5' => "mastercard",
            _ => "visa",
        }
    }
}

const fn card(number: &'static str, behaviour: Behaviour) -> TestCard {
    TestCard { number, behaviour }
}

const fn declines(code: &'static str, decline_code: &'static str, message: &'static str) -> Behaviour {
    Behaviour::Declines(Decline { code, decline_code, message })
}

fn refuse(code: &str, message: &str, param: &str) -> ApiError {
    ApiError::new(402, "card_error", Some(code), message).with("param", json!(param))
}

fn passes_luhn(number: &str) -> bool {
    if !(12..=19).contains(&number.len()) || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let sum: u32 = number
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0') * if place % 2 == 1 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_card_passes_its_checksum_and_is_listed_once() {
        for card in TEST_CARDS {
            assert!(passes_luhn(card.number), "{}", card.number);
            assert_eq!(TEST_CARDS.iter().filter(|other| other.number == card.number).count(), 1);
        }
    }

    #[test]
    fn what_no_card_could_be_is_refused() {
        let parse = |number, month, year, cvc| {
            Card::parse(number, month, year, cvc, (2026, 11))
                .map_err(|error| error.code().unwrap().to_owned())
        };
        assert_eq!(parse("4242424242424241", "12", "30", "123").unwrap_err(), "incorrect_number");
        assert_eq!(parse("4242", "12", "30", "123").unwrap_err(), "incorrect_number");
        assert_eq!(parse("4242424242424242", "13", "30", "123").unwrap_err(), "invalid_expiry_month");
        assert_eq!(parse("4242424242424242", "10", "26", "123").unwrap_err(), "invalid_expiry_year");
        assert_eq!(parse("4242424242424242", "11", "26", "12").unwrap_err(), "invalid_cvc");
        assert_eq!(parse("4242 4242 4242 4242", "11", "26", "123").unwrap().last4(), "4242");
    }
}
