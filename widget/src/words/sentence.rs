//! Fills in texts.
use super::{Key, Words};
use crate::text::concat;
use crate::{dates::decimal, speech::Speech};

/// Separate the plural forms of a text, and each form from its name.
const BETWEEN: char = '|';
const BEHIND_NAME: char = '=';

impl Words {
    /// `texts` in the order of [`Key`].
    pub(crate) const fn new(texts: Vec<String>, speech: Speech) -> Self {
        Self { texts, speech }
    }

    pub(crate) fn say(&self, key: Key) -> String {
        self.text(key).to_owned()
    }

    /// The text with `value` in place of `{…}`.
    pub(super) fn fill(&self, key: Key, value: &str) -> String {
        filled(self.text(key), value)
    }

    /// The text in the plural form that `number` takes, with the number filled in.
    pub(super) fn count(&self, key: Key, number: i64) -> String {
        let wanted = self.speech.plural(number);
        let forms = || self.text(key).split(BETWEEN).filter_map(|form| form.split_once(BEHIND_NAME));
        let form =
            forms().find(|(name, _)| *name == wanted).or_else(|| forms().find(|(name, _)| *name == "other"));
        form.map(|(_, form)| filled(form, &decimal(number))).unwrap_or_default()
    }

    pub(super) fn text(&self, key: Key) -> &str {
        self.texts.get(key as usize).map_or("", String::as_str)
    }
}

/// Several plural forms as one text.
#[cfg(any(not(target_arch = "wasm32"), feature = "preview"))]
pub(super) fn joined<'a>(forms: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let forms: Vec<_> = forms.map(|(name, form)| format!("{name}{BEHIND_NAME}{form}")).collect();
    forms.join(&BETWEEN.to_string())
}

fn filled(text: &str, value: &str) -> String {
    match text.split_once('{') {
        Some((before, rest)) => {
            let after = rest.split_once('}').map_or("", |(_, after)| after);
            concat(&[before, value, after])
        }
        None => text.to_owned(),
    }
}
