//! Money as integer minor units of an ISO 4217 currency.
use std::fmt;

/// An ISO 4217 code in lower case, such as `usd`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

/// The text is not three letters.
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

impl Currency {
    pub const USD: Self = Self(*b"usd");

    /// Reads a code of three lower-case letters.
    pub fn parse(text: &str) -> Result<Self, InvalidCurrency> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| InvalidCurrency)?;
        if code.iter().all(u8::is_ascii_lowercase) { Ok(Self(code)) } else { Err(InvalidCurrency) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// How many decimal places the minor unit has, as Stripe counts them
    /// (<https://docs.stripe.com/currencies#zero-decimal>).
    #[must_use]
    pub fn decimals(&self) -> usize {
        match self.as_str() {
            "bif" | "clp" | "djf" | "gnf" | "jpy" | "kmf" | "krw" | "mga" | "pyg" | "rwf" | "vnd" | "vuv"
            | "xaf" | "xof" | "xpf" => 0,
            "bhd" | "jod" | "kwd" | "omr" | "tnd" => 3,
            _ => 2,
        }
    }

    /// The least that Stripe charges, in minor units; nothing where Stripe documents none
    /// (<https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts>).
    #[must_use]
    pub fn minimum_charge(&self) -> i64 {
        match self.as_str() {
            "usd" | "eur" | "chf" | "aud" | "cad" | "nzd" | "sgd" | "brl" | "inr" => 50,
            "gbp" => 30,
            "jpy" => 50,
            "sek" | "nok" => 300,
            "dkk" => 250,
            "mxn" => 1000,
            "hkd" => 400,
            _ => 0,
        }
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

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Money {
    /// As an English page writes it: `$49.00`, `¥4,900`, `49.00 SEK`.
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
    fn a_currency_is_three_lower_case_letters() {
        assert!(Currency::parse("usd").is_ok());
        for wrong in ["USD", "us", "usdd", "u$d", ""] {
            assert_eq!(Currency::parse(wrong), Err(InvalidCurrency), "{wrong}");
        }
    }
}
