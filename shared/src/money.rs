//! Money as integer minor units of an ISO 4217 currency.
use std::fmt;

/// An ISO 4217 code in lower case, such as `usd`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

/// The text is not three lower-case letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidCurrency;

/// An amount in minor units (cents for `usd`, yen for `jpy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
#[cfg_attr(feature = "wire", serde(deny_unknown_fields))]
pub struct Money {
    /// Minor units, never negative.
    pub amount: i64,
    pub currency: Currency,
}

/// Limits of a single charge in one currency, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charges {
    /// Every amount is a multiple of this.
    pub step: i64,
    /// The smallest charge, or one step if Stripe documents no minimum. An account that settles in another currency
    /// must also meet that currency's minimum after conversion, which only Stripe knows.
    pub least: i64,
    pub most: i64,
}

/// The largest charge in every currency but `idr`: eight digits.
const MOST: i64 = 99_999_999;

impl Currency {
    pub const USD: Self = Self(*b"usd");

    /// Parses a code of three lower-case letters.
    pub fn parse(text: &str) -> Result<Self, InvalidCurrency> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| InvalidCurrency)?;
        if code.iter().all(u8::is_ascii_lowercase) { Ok(Self(code)) } else { Err(InvalidCurrency) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The number of decimal places, as Stripe counts them. Also two for currencies that Stripe doesn't support.
    #[must_use]
    pub fn decimals(&self) -> usize {
        match self.as_str() {
            "bif" | "clp" | "djf" | "gnf" | "jpy" | "kmf" | "krw" | "mga" | "pyg" | "rwf" | "vnd" | "vuv"
            | "xaf" | "xof" | "xpf" => 0,
            "bhd" | "jod" | "kwd" | "omr" | "tnd" => 3,
            _ => 2,
        }
    }

    /// Stripe's limits for card charges in this currency, or `None` if Stripe doesn't support it
    /// (<https://docs.stripe.com/currencies>, including special cases and minimum amounts).
    #[must_use]
    pub fn charges(&self) -> Option<Charges> {
        let (step, least) = match self.as_str() {
            "usd" | "aud" | "brl" | "cad" | "chf" | "eur" | "inr" | "jpy" | "nzd" | "sgd" => (1, 50),
            "gbp" => (1, 30),
            "bgn" => (1, 100),
            "aed" | "myr" | "pln" | "ron" => (1, 200),
            "dkk" => (1, 250),
            "nok" | "sek" => (1, 300),
            "hkd" => (1, 400),
            "mxn" | "thb" => (1, 1000),
            "czk" => (1, 1500),
            "huf" => (1, 17_500),
            // Zero-decimal currencies that Stripe writes with two decimals, always zero.
            "isk" | "ugx" => (100, 100),
            // Three decimals, the last of which is always zero.
            "bhd" | "jod" | "kwd" | "omr" | "tnd" => (10, 10),
            "bif" | "clp" | "djf" | "gnf" | "kmf" | "krw" | "mga" | "pyg" | "rwf" | "vnd" | "vuv" | "xaf"
            | "xof" | "xpf" | "idr" | "afn" | "all" | "amd" | "ang" | "aoa" | "ars" | "awg" | "azn"
            | "bam" | "bbd" | "bdt" | "bmd" | "bnd" | "bob" | "bsd" | "bwp" | "byn" | "bzd" | "cdf"
            | "cny" | "cop" | "crc" | "cve" | "dop" | "dzd" | "egp" | "etb" | "fjd" | "fkp" | "gel"
            | "gip" | "gmd" | "gtq" | "gyd" | "hnl" | "htg" | "jmd" | "kes" | "kgs" | "khr" | "kyd"
            | "kzt" | "lak" | "lbp" | "lkr" | "lrd" | "lsl" | "mad" | "mdl" | "mkd" | "mmk" | "mnt"
            | "mop" | "mur" | "mvr" | "mwk" | "mzn" | "nad" | "ngn" | "nio" | "npr" | "pab" | "pen"
            | "pgk" | "php" | "pkr" | "qar" | "rsd" | "rub" | "sar" | "sbd" | "scr" | "shp" | "sle"
            | "sos" | "srd" | "std" | "szl" | "tjs" | "top" | "try" | "ttd" | "twd" | "tzs" | "uah"
            | "uyu" | "uzs" | "wst" | "xcd" | "yer" | "zar" | "zmw" | "ils" => (1, 1),
            _ => return None,
        };
        let most = if self.as_str() == "idr" { 999_999_999_999 } else { MOST };
        Some(Charges { step, least, most })
    }

    fn symbol(&self) -> Option<&'static str> {
        match self.as_str() {
            "usd" => Some("$"),
            "eur" => Some("€"),
            "gbp" => Some("£"),
            "jpy" => Some("¥"),
            "krw" => Some("₩"),
            "inr" => Some("₹"),
            _ => None,
        }
    }
}

/// Why Stripe can't take an amount in one charge. `Display` completes a sentence that begins with the amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Stripe doesn't support the currency.
    Currency,
    Below {
        least: Money,
    },
    Above {
        most: Money,
    },
    /// Not a multiple of `step` minor units.
    Uneven {
        step: i64,
        currency: Currency,
    },
}

impl Money {
    /// Checks that Stripe accepts this amount as a single charge.
    pub fn fits(self) -> Result<(), Unfit> {
        let Self { amount, currency } = self;
        let Charges { step, least, most, .. } = currency.charges().ok_or(Unfit::Currency)?;
        if amount < least {
            Err(Unfit::Below { least: Self { amount: least, currency } })
        } else if amount > most {
            Err(Unfit::Above { most: Self { amount: most, currency } })
        } else if amount % step != 0 {
            Err(Unfit::Uneven { step, currency })
        } else {
            Ok(())
        }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Currency => f.write_str("is in a currency that Stripe does not take"),
            Self::Below { least: Money { amount, currency } } => {
                write!(f, "is below {amount}, the least that Stripe charges in {}", currency.as_str())
            }
            Self::Above { most: Money { amount, currency } } => {
                write!(f, "is above {amount}, the most that Stripe charges in {}", currency.as_str())
            }
            Self::Uneven { step, currency } => {
                write!(f, "is no multiple of {step}, as amounts in {} must be at Stripe", currency.as_str())
            }
        }
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Money {
    /// Formats the amount as on an English page: `$49.00`, `¥4,900`, `49.00 SEK`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = self.currency.decimals();
        let unit = 10_i64.pow(u32::try_from(decimals).unwrap_or_default());
        let mut whole = (self.amount / unit).to_string();
        let mut comma = whole.len();
        while comma > 3 {
            comma -= 3;
            whole.insert(comma, ',');
        }
        if decimals > 0 {
            let fraction = (self.amount % unit).to_string();
            whole.push('.');
            (fraction.len()..decimals).for_each(|_| whole.push('0'));
            whole.push_str(&fraction);
        }
        match self.currency.symbol() {
            Some(symbol) => f.write_str(&[symbol, &whole].concat()),
            None => f.write_str(&[&whole, " ", &self.currency.as_str().to_ascii_uppercase()].concat()),
        }
    }
}

#[cfg(feature = "wire")]
mod wire {
    use super::Currency;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    impl Serialize for Currency {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_str(self.as_str())
        }
    }

    impl<'de> Deserialize<'de> for Currency {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = String::deserialize(deserializer)?;
            Self::parse(&text).map_err(|_| {
                D::Error::custom(format!(
                    "`{text}` is not a currency: write its ISO code in lower case, such as usd"
                ))
            })
        }
    }

    impl utoipa::PartialSchema for Currency {
        fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
            utoipa::openapi::ObjectBuilder::new()
                .schema_type(utoipa::openapi::schema::Type::String)
                .pattern(Some("^[a-z]{3}$"))
                .description(Some("ISO 4217 code in lower case"))
                .into()
        }
    }

    impl utoipa::ToSchema for Currency {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(amount: i64, currency: &str) -> String {
        Money { amount, currency: Currency::parse(currency).unwrap() }.to_string()
    }

    #[test]
    fn money_is_written_with_the_currencys_own_decimals() {
        assert_eq!(shown(4900, "usd"), "$49.00");
        assert_eq!(shown(5, "usd"), "$0.05");
        assert_eq!(shown(123_456_789, "eur"), "€1,234,567.89");
        assert_eq!(shown(4900, "jpy"), "¥4,900");
        assert_eq!(shown(1500, "kwd"), "1.500 KWD");
        assert_eq!(shown(49900, "sek"), "499.00 SEK");
    }

    #[test]
    fn what_stripe_does_not_charge_is_told() {
        let fits = |amount, code: &str| Money { amount, currency: Currency::parse(code).unwrap() }.fits();
        for (least, code) in [
            (50, "usd"),
            (30, "gbp"),
            (200, "aed"),
            (100, "bgn"),
            (1500, "czk"),
            (17_500, "huf"),
            (200, "myr"),
            (200, "pln"),
            (200, "ron"),
            (1000, "thb"),
            (1000, "mxn"),
            (100, "isk"),
            (10, "kwd"),
        ] {
            assert_eq!(fits(least, code), Ok(()), "{code}");
            assert!(matches!(fits(least - 1, code), Err(Unfit::Below { .. })), "{code}");
        }
        assert!(matches!(fits(150, "isk"), Err(Unfit::Uneven { step: 100, .. })));
        assert!(matches!(fits(4905, "ugx"), Err(Unfit::Uneven { step: 100, .. })));
        assert!(matches!(fits(5124, "kwd"), Err(Unfit::Uneven { step: 10, .. })));
        assert!(matches!(fits(100_000_000, "usd"), Err(Unfit::Above { .. })));
        assert_eq!(fits(100_000_000, "idr"), Ok(()));
        assert_eq!(fits(100, "xxx"), Err(Unfit::Currency));
        let said = fits(150, "isk").unwrap_err().to_string();
        assert_eq!(said, "is no multiple of 100, as amounts in isk must be at Stripe");
    }

    #[test]
    fn a_currency_is_three_lower_case_letters() {
        assert!(Currency::parse("usd").is_ok());
        for wrong in ["USD", "us", "usdd", "u$d", ""] {
            assert_eq!(Currency::parse(wrong), Err(InvalidCurrency), "{wrong}");
        }
    }
}
