//! Coupon codes as people type them, and the generated codes of packs.
use crate::email::plain;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The characters of a pack's codes, without those that look alike (0 and O, 1 and I).
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// A normalized code: upper case, without spaces and dashes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CouponCode(String);

/// The text is not a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 40 letters A-Z and digits; spaces, dashes and underscores don't count")]
pub struct InvalidCode;

impl CouponCode {
    /// The length of a pack's code, including its check character: 75 random bits.
    const MADE: usize = 16;

    pub fn parse(text: &str) -> Result<Self, InvalidCode> {
        let text = plain(text);
        let kept = text.chars().filter(|letter| !letter.is_whitespace() && !is_filler(*letter));
        let code: String = kept.map(|letter| letter.to_ascii_uppercase()).take(41).collect();
        let fits = (1..=40).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if fits { Ok(Self(code)) } else { Err(InvalidCode) }
    }

    /// A pack's code, from random bytes that the caller draws.
    #[must_use]
    pub fn from_random(bytes: [u8; Self::MADE - 1]) -> Self {
        let mut letters: Vec<u8> = bytes.iter().map(|byte| ALPHABET[usize::from(byte % 32)]).collect();
        letters.push(check_character(&letters));
        Self(letters.into_iter().map(char::from).collect())
    }

    /// Whether it looks like a pack's code, but can't be one: a typo.
    #[must_use]
    pub fn is_mistyped(&self) -> bool {
        let letters = self.0.as_bytes();
        let fits = |letters: &[u8]| {
            letters.iter().all(|letter| ALPHABET.contains(letter))
                && letters.last() == Some(&check_character(&letters[..Self::MADE - 1]))
        };
        self.is_made_like() && !(letters.len() == Self::MADE && fits(letters))
    }

    /// Whether it is as long as a pack's code, give or take a character that was left out or typed twice. A coupon
    /// can't be given such a code.
    #[must_use]
    pub fn is_made_like(&self) -> bool {
        self.0.len().abs_diff(Self::MADE) <= 1
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CouponCode {
    /// A pack's code in groups of four, such as `7K3M-92QF-ABCD-EFGH`; any other code as it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.len() != Self::MADE {
            return f.write_str(&self.0);
        }
        let groups: Vec<_> = (0..Self::MADE).step_by(4).filter_map(|at| self.0.get(at..at + 4)).collect();
        f.write_str(&groups.join("-"))
    }
}

/// Dashes, including those that word processors insert, and underscores.
fn is_filler(letter: char) -> bool {
    matches!(letter, '-' | '_' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}')
}

/// Luhn's algorithm modulo 32, which detects every wrong character and nearly every swap of two neighbours
/// (<https://en.wikipedia.org/wiki/Luhn_mod_N_algorithm>).
fn check_character(letters: &[u8]) -> u8 {
    let value = |letter: &u8| ALPHABET.iter().position(|known| known == letter).unwrap_or(0);
    let sum: usize = letters
        .iter()
        .rev()
        .enumerate()
        .map(|(place, letter)| {
            let doubled = value(letter) * if place % 2 == 0 { 2 } else { 1 };
            doubled / 32 + doubled % 32
        })
        .sum();
    ALPHABET[(32 - sum % 32) % 32]
}
