//! The tokens: the custom properties that a variant or a page may set.

/// The tokens a variant may set: `--redis-checkout-NAME`, with `-` for `_`.
#[derive(Debug)]
pub struct Token {
    pub name: &'static str,
    pub kind: TokenKind,
    /// The values for light and dark, as in `style/tokens.css`.
    pub default: [&'static str; 2],
}

/// The kind of value that a token takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    Color,
    Length,
    /// A number from 0.5 to 2.
    Factor,
    Fonts,
}

/// Every token. A test compares them with `style/tokens.css`.
pub const TOKENS: [Token; 20] = [
    color("surface", ["#ffffff", "#091a23"]),
    color("field", ["#ffffff", "#0d222d"]),
    color("text", ["#091a23", "#ffffff"]),
    color("quiet", ["#5c707a", "#b9c2c6"]),
    color("line", ["#b9c2c6", "#2d4754"]),
    color("edge", ["#5c707a", "#8a99a0"]),
    color("accent", ["#d52d1f", "#dcff1e"]),
    color("accent_strong", ["#b3241a", "#eaff7a"]),
    color("on_accent", ["#ffffff", "#091a23"]),
    color("link", ["#163341", "#dcff1e"]),
    color("danger", ["#b3241a", "#ff9c94"]),
    color("danger_wash", ["#fdf0ee", "#2b1c22"]),
    color("good", ["#17663a", "#6fe3a1"]),
    color("ring", ["#5961ff", "#80dbff"]),
    color("busy", ["#e8ebec", "#163341"]),
    other("radius", TokenKind::Length, "2px"),
    other("density", TokenKind::Factor, "1"),
    other("size", TokenKind::Length, "medium"),
    other("font", TokenKind::Fonts, "\"Space Grotesk\", system-ui, sans-serif"),
    other("font_mono", TokenKind::Fonts, "\"Space Mono\", \"Geist Mono\", ui-monospace, monospace"),
];

const fn color(name: &'static str, default: [&'static str; 2]) -> Token {
    Token { name, kind: TokenKind::Color, default }
}

const fn other(name: &'static str, kind: TokenKind, default: &'static str) -> Token {
    Token { name, kind, default: [default, default] }
}

impl Token {
    /// Checks that a value is valid for this token. The error says what it must look like.
    pub(super) fn check(&self, value: &str) -> Result<(), &'static str> {
        let (fits, mend) = match self.kind {
            TokenKind::Color => (is_color(value), "must be a colour such as #d52d1f"),
            TokenKind::Length => (is_length(value), "must be a length in px, em or rem, such as 4px"),
            TokenKind::Factor => {
                let fits = value.parse::<f32>().is_ok_and(|factor| (0.5..=2.0).contains(&factor));
                (fits, "must be a number from 0.5 to 2")
            }
            TokenKind::Fonts => {
                let plain = |letter: char| letter.is_alphanumeric() || " ,-_\"".contains(letter);
                (!value.is_empty() && value.chars().all(plain), "must be font families, separated by commas")
            }
        };
        if fits { Ok(()) } else { Err(mend) }
    }

    /// Whether it is a colour, which has a value for each theme.
    #[must_use]
    pub fn is_color(&self) -> bool {
        self.kind == TokenKind::Color
    }

    /// The CSS property, which a page may set as well.
    #[must_use]
    pub fn property(&self) -> String {
        format!("--redis-checkout-{}", self.name.replace('_', "-"))
    }
}

fn is_color(value: &str) -> bool {
    value
        .strip_prefix('#')
        .is_some_and(|digits| digits.len() == 6 && digits.chars().all(|digit| digit.is_ascii_hexdigit()))
}

/// A number and a unit.
fn is_length(text: &str) -> bool {
    let number = text.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    let unit = &text[number.len()..];
    ["px", "em", "rem"].contains(&unit) && number.parse::<f32>().is_ok_and(|number| number >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_those_of_the_stylesheet() {
        let sheet = include_str!("../../../style/tokens.css");
        for token in &TOKENS {
            let default = match token.default {
                [light, dark] if light == dark => light.to_owned(),
                both => both.map(short).join(", "),
            };
            let default =
                if token.kind == TokenKind::Color { format!("light-dark({default})") } else { default };
            let line = format!("var({}, {default});", token.property());
            assert!(sheet.contains(&line), "{line}");
        }
        assert_eq!(sheet.matches("var(--redis-checkout-").count(), TOKENS.len());
    }

    fn short(color: &str) -> &str {
        if color == "#ffffff" { "#fff" } else { color }
    }
}
