//! Decimal amounts as Orb writes them.
use std::fmt;

/// An amount in thousandths, because some currencies have three decimals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Amount(pub(super) i64);

impl Amount {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let is_number = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
        if whole.is_empty() || fraction.len() > 3 || !is_number(whole) || !is_number(fraction) {
            return None;
        }
        format!("{whole}{fraction:0<3}").parse().ok().map(|thousandths: i64| Self(sign * thousandths))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(thousandths) = self;
        let sign = if *thousandths < 0 { "-" } else { "" };
        let (whole, fraction) = (thousandths.abs() / 1000, thousandths.abs() % 1000);
        match fraction % 10 {
            0 => write!(f, "{sign}{whole}.{:02}", fraction / 10),
            _ => write!(f, "{sign}{whole}.{fraction:03}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_decimals() {
        for (text, thousandths) in [("49.00", 49_000), ("-0.05", -50), ("1.234", 1_234), ("0.00", 0)] {
            let amount = Amount::parse(text).unwrap();
            assert_eq!((amount, amount.to_string().as_str()), (Amount(thousandths), text));
        }
        assert_eq!(Amount::parse("49"), Some(Amount(49_000)));
        for wrong in ["", "x", "1.2345", "1,00", ".5"] {
            assert_eq!(Amount::parse(wrong), None, "{wrong}");
        }
    }
}
