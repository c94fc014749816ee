//! Variants: marketing's versions of the card, one file each in `style/variants/`. Everything in a file becomes CSS or
//! texts, so none of it is in the WASM.
mod contrast;
mod file;
mod sheet;
mod tokens;

pub use contrast::{Contrast, contrasts};
pub use file::{Facts, File, Layout, Mistake, Value};
pub use tokens::{TOKENS, Token, TokenKind};

use crate::words::{Locale, locales};
use rust_embed::RustEmbed;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The name of the variant that is shown if none is requested.
pub const DEFAULT: &str = "default";

#[derive(RustEmbed)]
#[folder = "../style/variants"]
struct Files;

/// All variants, by name.
pub struct Variants(BTreeMap<String, Variant>);

/// One look and wording of the card.
pub struct Variant {
    file: File,
    sheet: String,
    /// The languages in which it has its own texts.
    locales: BTreeMap<String, Locale>,
}

/// Every variant, read once. A file with a mistake is left out; a test finds those.
#[must_use]
pub fn variants() -> &'static Variants {
    static ALL: LazyLock<Variants> = LazyLock::new(Variants::read);
    &ALL
}

impl Variants {
    fn read() -> Self {
        let all = files().filter_map(|(name, text)| Some((name, Variant::read(&text).ok()?)));
        Self(all.collect())
    }

    /// The variant of this name and true, or the default one and false.
    ///
    /// # Panics
    /// If the default variant's file can't be read, which a test rules out.
    #[must_use]
    #[expect(clippy::expect_used, reason = "its file is built in, and a test reads it")]
    pub fn find(&self, name: &str) -> (&Variant, bool) {
        match self.0.get(name) {
            Some(variant) => (variant, true),
            None => (self.0.get(DEFAULT).expect("the default variant"), false),
        }
    }

    /// All variants with their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Variant)> {
        self.0.iter().map(|(name, variant)| (name.as_str(), variant))
    }
}

impl Variant {
    /// Parses a file's text.
    ///
    /// # Errors
    /// If it contains something that no variant may have. Names the field.
    pub fn read(text: &str) -> Result<Self, Mistake> {
        Self::new(File::parse(text)?)
    }

    /// Builds the variant that `file` defines.
    ///
    /// # Errors
    /// If a value doesn't fit its token, or its texts don't fit the locale's.
    pub fn new(file: File) -> Result<Self, Mistake> {
        file.check()?;
        let mut own = file.words.clone();
        if !file.facts.guarantee {
            for (language, _) in locales().iter() {
                own.entry(language.to_owned()).or_default().insert("promise".to_owned(), String::new());
            }
        }
        let locales = own.into_iter().map(|(language, words)| {
            let locale = Locale::with(&language, &words)?;
            Ok((language, locale))
        });
        Ok(Self { locales: locales.collect::<Result<_, _>>()?, sheet: sheet::sheet(&file), file })
    }

    /// The file that defines it.
    #[must_use]
    pub const fn file(&self) -> &File {
        &self.file
    }

    /// Its styles, to apply after the card's.
    #[must_use]
    pub fn sheet(&self) -> &str {
        &self.sheet
    }

    /// Whether its offer is a button that opens a dialog.
    #[must_use]
    pub fn is_dialog(&self) -> bool {
        self.file.layout == Layout::Button
    }

    /// The language that `tag` (BCP 47) asks for, or English, with this variant's texts.
    #[must_use]
    pub fn locale(&self, tag: &str) -> (&'static str, &Locale) {
        let (language, locale) = locales().find(tag);
        (language, self.locales.get(language).unwrap_or(locale))
    }

    /// The languages in which it has its own texts.
    pub fn locales(&self) -> impl Iterator<Item = (&str, &Locale)> {
        self.locales.iter().map(|(language, locale)| (language.as_str(), locale))
    }
}

fn files() -> impl Iterator<Item = (String, String)> {
    Files::iter().filter_map(|name| {
        let file = Files::get(&name)?;
        let text = String::from_utf8(file.data.into_owned()).ok()?;
        Some((name.strip_suffix(".toml")?.to_owned(), text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_variant_that_everybody_can_read() {
        let mut count = 0;
        for (name, text) in files() {
            let variant = Variant::read(&text).unwrap_or_else(|mistake| panic!("{name}.toml: {mistake}"));
            let poor: Vec<_> =
                contrasts(variant.file()).into_iter().filter(|pair| !pair.is_enough()).collect();
            assert!(poor.is_empty(), "{name}.toml: {poor:?}");
            count += 1;
        }
        assert_eq!(variants().0.len(), count);
    }

    #[test]
    fn an_unknown_name_finds_the_default() {
        assert!(!variants().find("no such thing").1);
        assert!(variants().find(DEFAULT).1);
        assert_eq!(variants().find(DEFAULT).0.file().layout, Layout::Card);
    }

    #[test]
    fn what_no_file_may_say_no_link_says_either() {
        let mut file = variants().find(DEFAULT).0.file().clone();
        file.height = Some("1px;} body{display:none".to_owned());
        assert_eq!(Variant::new(file.clone()).err().unwrap().field, "height");
        file.height = None;
        file.tokens.insert("no-such".to_owned(), Value::Always("red".to_owned()));
        assert_eq!(Variant::new(file).err().unwrap().field, "tokens.no-such");
    }

    #[test]
    fn words_are_its_own_where_it_has_them_and_the_locales_elsewhere() {
        let text = "layout = 'card'\n[words.de]\npurchase = 'Platz sichern'";
        let variant = Variant::read(text).unwrap();
        assert!(variant.locale("de-AT").1.json().contains("Platz sichern"));
        assert_eq!(variant.locale("fr").1.json(), locales().find("fr").1.json());
    }
}
