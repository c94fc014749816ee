//! Formatting by a locale's `[format]`, with the same results as `Intl` in today's browsers.
use crate::dates::{civil, time};
use icu_locale_core::LanguageIdentifier;
use icu_plurals::{PluralCategory, PluralRules};
use serde::Deserialize;
use shared::{Money, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;

/// The patterns of one language. `symbols` has the English ones where the locale has none of its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Format {
    /// With `{n}` and `{symbol}`.
    money: String,
    decimal: String,
    group: String,
    /// The number of digits before the decimal separator from which thousands are grouped.
    #[serde(default = "four")]
    group_from: usize,
    /// With `{d}` or `{dd}`, `{m}`, `{mm}` or `{month}`, and `{y}`.
    date: String,
    #[serde(default)]
    months: Vec<String>,
    #[serde(default)]
    pub(crate) symbols: HashMap<String, String>,
}

#[derive(Clone)]
pub(crate) struct Speech {
    format: Arc<Format>,
    language: LanguageIdentifier,
}

impl Speech {
    pub(crate) fn new(format: Format, language: LanguageIdentifier) -> Self {
        Self { format: Arc::new(format), language }
    }

    pub(crate) fn money(&self, money: Money) -> String {
        let Format { money: pattern, decimal, group, group_from, symbols, .. } = &*self.format;
        let decimals = money.currency.decimals();
        let unit = 10_i64.pow(u32::try_from(decimals).unwrap_or_default());
        let mut number = (money.amount / unit).to_string();
        if number.len() >= *group_from {
            let mut place = number.len();
            while place > 3 {
                place -= 3;
                number.insert_str(place, group);
            }
        }
        if decimals > 0 {
            number = format!("{number}{decimal}{:0decimals$}", money.amount % unit);
        }
        let code = money.currency.as_str();
        let symbol = symbols.get(code).cloned().unwrap_or_else(|| code.to_uppercase());
        // A letter never touches a digit.
        let apart = symbol.ends_with(char::is_alphabetic) && pattern.contains("{symbol}{n}");
        let symbol = if apart { symbol + "\u{a0}" } else { symbol };
        pattern.replace("{n}", &number).replace("{symbol}", &symbol)
    }

    /// The day in UTC.
    pub(crate) fn date(&self, at: Timestamp) -> String {
        let (year, month, day) = civil(at);
        let name = self.format.months.get(month - 1).cloned().unwrap_or_default();
        [
            ("{dd}", format!("{day:02}")),
            ("{d}", day.to_string()),
            ("{month}", name),
            ("{mm}", format!("{month:02}")),
            ("{m}", month.to_string()),
            ("{y}", year.to_string()),
        ]
        .iter()
        .fold(self.format.date.clone(), |text, (field, value)| text.replace(field, value))
    }

    /// In UTC: the server doesn't know the learner's time zone.
    pub(crate) fn local_time(&self, at: Timestamp) -> String {
        [&time(at), " UTC"].concat()
    }

    /// The plural form that `number` takes, such as `one`.
    pub(crate) fn plural(&self, number: i64) -> String {
        self.rules().map_or("other", |rules| name(rules.category_for(number))).to_owned()
    }

    /// Every plural form that the language has.
    #[cfg(test)]
    pub(crate) fn plurals(&self) -> Vec<&'static str> {
        self.rules().unwrap().categories().map(name).collect()
    }

    /// `None` if the language is unknown.
    fn rules(&self) -> Option<PluralRules> {
        PluralRules::try_new(self.language.clone().into(), <_>::default()).ok()
    }
}

const fn name(category: PluralCategory) -> &'static str {
    match category {
        PluralCategory::Zero => "zero",
        PluralCategory::One => "one",
        PluralCategory::Two => "two",
        PluralCategory::Few => "few",
        PluralCategory::Many => "many",
        PluralCategory::Other => "other",
    }
}

const fn four() -> usize {
    4
}
