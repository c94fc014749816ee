//! Whether a variant's texts are readable (<https://www.w3.org/TR/WCAG22/#contrast-minimum>).
use super::{File, TOKENS};

/// The least contrast of text, and of shapes such as the borders of fields and the focus ring.
const TEXT: f64 = 4.5;
const SHAPE: f64 = 3.0;

/// Tokens for the foreground and the background, with the least contrast between them.
const PAIRS: [(&str, &str, f64); 12] = [
    ("text", "surface", TEXT),
    ("quiet", "surface", TEXT),
    ("on_accent", "accent", TEXT),
    ("on_accent", "accent_strong", TEXT),
    ("link", "surface", TEXT),
    ("danger", "surface", TEXT),
    ("text", "danger_wash", TEXT),
    ("text", "field", TEXT),
    ("text", "busy", TEXT),
    ("edge", "field", SHAPE),
    ("ring", "surface", SHAPE),
    ("good", "surface", SHAPE),
];

/// The contrast between two colours.
#[derive(Clone, Debug, PartialEq)]
pub struct Contrast {
    /// Token names.
    pub front: &'static str,
    pub back: &'static str,
    /// `light` or `dark`.
    pub theme: &'static str,
    /// From 1 to 21.
    pub ratio: f64,
    pub least: f64,
}

impl Contrast {
    #[must_use]
    pub fn is_enough(&self) -> bool {
        self.ratio >= self.least
    }
}

/// The contrast of every pair of colours that appear together, in both themes.
#[must_use]
pub fn contrasts(file: &File) -> Vec<Contrast> {
    let color = |name: &str, theme: usize| {
        let own = file.tokens.get(name).map(|value| value.themes()[theme]);
        let default = || TOKENS.iter().find(|token| token.name == name).map(|token| token.default[theme]);
        own.or_else(default).unwrap_or_default().to_owned()
    };
    let themes = ["light", "dark"].into_iter().enumerate();
    let all = themes.flat_map(|(at, theme)| {
        PAIRS.map(|(front, back, least)| {
            let ratio = ratio(&color(front, at), &color(back, at));
            Contrast { front, back, theme, ratio, least }
        })
    });
    all.collect()
}

fn ratio(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// The relative luminance of `#rrggbb`, from 0 to 1.
fn luminance(color: &str) -> f64 {
    let part = |at: usize| {
        let digits = color.get(at..at + 2).unwrap_or("00");
        let value = f64::from(u8::from_str_radix(digits, 16).unwrap_or_default()) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_those_of_the_standard() {
        assert!((ratio("#000000", "#ffffff") - 21.0).abs() < 0.001);
        assert!((ratio("#ff4438", "#ffffff") - 3.4).abs() < 0.05);
        assert!((ratio("#dcff1e", "#091a23") - 15.5).abs() < 0.05);
    }

    #[test]
    fn a_pair_that_is_hard_to_read_is_named() {
        let file = File::parse("layout = 'card'\n[tokens]\naccent = '#ff4438'").unwrap();
        let poor: Vec<_> = contrasts(&file).into_iter().filter(|pair| !pair.is_enough()).collect();
        assert_eq!((poor[0].front, poor[0].back, poor[0].theme), ("on_accent", "accent", "light"));
    }
}
