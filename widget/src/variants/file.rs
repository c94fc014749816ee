//! The file of a variant.
use super::tokens::TOKENS;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A variant, as its file defines it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub layout: Layout,
    /// The space that a page reserves for its first screen: a CSS length, or a calculation if it depends on the width
    /// (`100cqi`). Defaults to the card's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<String>,
    #[serde(default)]
    pub facts: Facts,
    /// By name, from [`TOKENS`].
    #[serde(default)]
    pub tokens: BTreeMap<String, Value>,
    /// By language, then by name, as in `widget/locales/`. Defaults to the locale's.
    #[serde(default)]
    pub words: BTreeMap<String, BTreeMap<String, String>>,
}

/// How the card is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    Card,
    /// A small card.
    Compact,
    /// As wide as the page allows.
    Banner,
    /// A button that opens a dialog.
    Button,
}

/// The facts that the first screen shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Facts {
    pub seats: bool,
    pub dates: bool,
    pub summary: bool,
    /// The line under the button.
    pub guarantee: bool,
}

/// A token's value: one for both themes, or one for each.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Value {
    Always(String),
    Themed { light: String, dark: String },
}

/// An error in a file: the field, and how to fix it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub field: String,
    pub mend: String,
}

impl Layout {
    pub const ALL: [Self; 4] = [Self::Card, Self::Compact, Self::Banner, Self::Button];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Compact => "compact",
            Self::Banner => "banner",
            Self::Button => "button",
        }
    }
}

impl Default for Facts {
    fn default() -> Self {
        Self { seats: true, dates: true, summary: true, guarantee: true }
    }
}

impl Value {
    /// The values for light and dark.
    #[must_use]
    pub fn themes(&self) -> [&str; 2] {
        match self {
            Self::Always(value) => [value, value],
            Self::Themed { light, dark } => [light, dark],
        }
    }
}

impl File {
    /// Reads TOML and checks it.
    ///
    /// # Errors
    /// The first mistake.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let file: Self = toml::from_str(text).map_err(|error| Mistake::new("the file", error.message()))?;
        file.check()?;
        Ok(file)
    }

    /// Checks that every value is valid and contains nothing else, wherever the file comes from.
    pub(super) fn check(&self) -> Result<(), Mistake> {
        for (name, value) in &self.tokens {
            let token = TOKENS.iter().find(|token| token.name == name).ok_or_else(|| {
                let known: Vec<_> = TOKENS.iter().map(|token| token.name).collect();
                Mistake::new(
                    format!("tokens.{name}"),
                    format!("there is none of this name; there are {}", known.join(", ")),
                )
            })?;
            for value in value.themes() {
                token.check(value).map_err(|mend| Mistake::new(format!("tokens.{name}"), mend))?;
            }
        }
        if let Some(height) = &self.height
            && !height.chars().all(|letter| letter.is_ascii_alphanumeric() || " .,()+-*/".contains(letter))
        {
            return Err(Mistake::new("height", "must be a length such as 13em, or a calculation of lengths"));
        }
        Ok(())
    }

    /// As TOML.
    #[must_use]
    pub fn to_text(&self) -> String {
        toml::to_string_pretty(self).unwrap_or_default()
    }
}

impl Mistake {
    pub(crate) fn new(field: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { field: field.into(), mend: mend.into() }
    }
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.mend)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_named_with_their_field() {
        for (text, field, mend) in [
            ("layout = 'poster'", "the file", "unknown variant `poster`"),
            ("layout = 'card'\ncolour = 'red'", "the file", "unknown field `colour`"),
            ("layout = 'card'\nheight = '1em;'", "height", "13em"),
            ("layout = 'card'\n[tokens]\nshade = '#fff'", "tokens.shade", "accent"),
            ("layout = 'card'\n[tokens]\naccent = 'red;}'", "tokens.accent", "#d52d1f"),
            (
                "layout = 'card'\n[tokens]\naccent = { light = '#ffffff', dark = 'blue' }",
                "tokens.accent",
                "#d52d1f",
            ),
            ("layout = 'card'\n[tokens]\nradius = '3'", "tokens.radius", "px"),
            ("layout = 'card'\n[tokens]\ndensity = '9'", "tokens.density", "0.5"),
            ("layout = 'card'\n[tokens]\nfont = 'a; b'", "tokens.font", "families"),
            ("layout = 'card'\n[words.xx]\npurchase = 'Koop'", "words.xx", "language"),
            ("layout = 'card'\n[words.en]\nbuy = 'Buy'", "words.en.buy", "no text"),
            ("layout = 'card'\n[words.en]\npay = 'Pay'", "words.en.pay", "{price}"),
        ] {
            let mistake =
                super::super::Variant::read(text).err().unwrap_or_else(|| panic!("{text} is taken"));
            assert_eq!(mistake.field, field, "{mistake}");
            assert!(mistake.mend.contains(mend), "{mistake}");
        }
    }

    #[test]
    fn what_is_written_reads_as_the_same() {
        let text = "layout = 'banner'\nheight = '9em'\n[facts]\nsummary = false\n[tokens]\naccent = { light = '#d52d1f', dark = '#dcff1e' }\n[words.en]\npurchase = 'Enroll'";
        let file = File::parse(text).unwrap();
        assert_eq!(File::parse(&file.to_text()).unwrap(), file);
    }
}
