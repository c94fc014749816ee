//! The available languages: one file each in `locales/`, embedded in the server. A browser loads the texts of one.
use super::{Key, Pages, Team, Words, sentence::joined};
use crate::{
    speech::{Format, Speech},
    variants::Mistake,
};
use icu_locale_core::LanguageIdentifier;
use rust_embed::RustEmbed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::LazyLock;

const ENGLISH: &str = "en";

#[derive(RustEmbed)]
#[folder = "locales"]
struct Files;

/// All languages, by code.
pub struct Locales(BTreeMap<String, Locale>);

/// One language.
pub struct Locale {
    words: Words,
    loader: Loader,
    pages: Pages,
    team: Team,
    letters: Letters,
    json: String,
    /// How the file differs: texts that are missing, unused, or have other placeholders than in English.
    #[cfg(test)]
    differs: Vec<String>,
}

#[derive(Deserialize)]
struct File {
    loader: Loader,
    pages: Pages,
    team: Team,
    letters: Letters,
    format: Format,
    #[serde(flatten)]
    texts: BTreeMap<String, Text>,
}

/// The loader's texts for when the widget can't run.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Loader {
    /// Above the link.
    fallback: String,
    /// The link, if the page has none of its own.
    open_page: String,
}

/// The texts of emails about a purchase.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Letters {
    pub owned_subject: String,
    pub owned_text: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Plain(String),
    Plural(BTreeMap<String, String>),
}

/// Every language, read once. A file that can't be read is left out; a test finds those.
#[must_use]
pub fn locales() -> &'static Locales {
    static ALL: LazyLock<Locales> = LazyLock::new(Locales::read);
    &ALL
}

impl Locales {
    fn read() -> Self {
        let english = parse(ENGLISH);
        let names = Files::iter().filter_map(|name| name.strip_suffix(".toml").map(str::to_owned));
        let all = names.filter_map(|name| {
            let locale = Locale::new(&name, parse(&name)?, english.as_ref()?)?;
            Some((name, locale))
        });
        Self(all.collect())
    }

    /// The language that `tag` (BCP 47, such as `de-AT`) asks for, with its code, or English.
    #[must_use]
    pub fn find(&'static self, tag: &str) -> (&'static str, &'static Locale) {
        let language = tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        match self.0.get_key_value(&language) {
            Some((code, locale)) => (code, locale),
            None => (ENGLISH, self.english()),
        }
    }

    /// # Panics
    /// If the English file can't be read, which a test rules out.
    #[must_use]
    #[expect(clippy::expect_used, reason = "its file is built in, and a test reads it")]
    pub fn english(&self) -> &Locale {
        self.0.get(ENGLISH).expect("English")
    }

    /// All locales with their language codes.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Locale)> {
        self.0.iter().map(|(name, locale)| (name.as_str(), locale))
    }
}

impl Locale {
    fn new(name: &str, mut file: File, english: &File) -> Option<Self> {
        let text = |key: &&str| {
            let text = file.texts.get(*key).or_else(|| english.texts.get(*key));
            text.map(Text::joined).unwrap_or_default()
        };
        let texts: Vec<_> = Key::NAMES.iter().map(text).collect();
        #[cfg(test)]
        let differs = differences(&file, english);
        for (code, symbol) in &english.format.symbols {
            file.format.symbols.entry(code.clone()).or_insert_with(|| symbol.clone());
        }
        let language: LanguageIdentifier = name.parse().ok()?;
        let json = serde_json::to_string(&texts).ok()?;
        Some(Self {
            words: Words::new(texts, Speech::new(file.format, language)),
            loader: file.loader,
            pages: file.pages,
            team: file.team,
            letters: file.letters,
            json,
            #[cfg(test)]
            differs,
        })
    }

    /// The language of this code, with some texts replaced by name.
    pub(crate) fn with(name: &str, words: &BTreeMap<String, String>) -> Result<Self, Mistake> {
        let unknown = || Mistake::new(format!("words.{name}"), "there is no language of this code");
        let (mut file, english) = parse(name).zip(parse(ENGLISH)).ok_or_else(unknown)?;
        for (key, text) in words {
            let field = || format!("words.{name}.{key}");
            let known = english
                .texts
                .get(key)
                .ok_or_else(|| Mistake::new(field(), "there is no text of this name"))?;
            let Text::Plain(known) = known else {
                return Err(Mistake::new(field(), "a text that counts can't be replaced"));
            };
            if !text.is_empty() && fields(text) != fields(known) {
                let wanted =
                    fields(known).iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(", ");
                return Err(Mistake::new(
                    field(),
                    format!("must have {wanted} in it, and nothing else in braces"),
                ));
            }
            file.texts.insert(key.clone(), Text::Plain(text.clone()));
        }
        // A variant that words the button means all kinds of offerings, unless it words them one by one.
        if let Some(text) = words.get("purchase") {
            for kind in ["purchase_exam", "purchase_live"] {
                if !words.contains_key(kind) {
                    file.texts.insert(kind.to_owned(), Text::Plain(text.clone()));
                }
            }
        }
        Self::new(name, file, &english).ok_or_else(unknown)
    }

    /// The texts as the widget reads them: a JSON array in an order that only its own build knows.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The loader's texts.
    #[must_use]
    pub const fn loader(&self) -> &Loader {
        &self.loader
    }

    /// The texts of the server's own pages.
    #[must_use]
    pub const fn pages(&self) -> &Pages {
        &self.pages
    }

    /// The texts of the page where a company hands out codes.
    #[must_use]
    pub const fn team(&self) -> &Team {
        &self.team
    }

    /// The texts of emails about a purchase.
    #[must_use]
    pub const fn letters(&self) -> &Letters {
        &self.letters
    }

    /// An amount as this language writes it.
    #[must_use]
    pub fn money(&self, money: shared::Money) -> String {
        self.words.money(money)
    }

    /// A day in UTC as this language writes it.
    #[must_use]
    pub fn date(&self, at: shared::Timestamp) -> String {
        self.words.speech.date(at)
    }

    pub(crate) const fn words(&self) -> &Words {
        &self.words
    }
}

impl Text {
    fn joined(&self) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Plural(forms) => joined(forms.iter().map(|(name, form)| (name.as_str(), form.as_str()))),
        }
    }
}

fn parse(name: &str) -> Option<File> {
    let file = Files::get(&format!("{name}.toml"))?;
    toml::from_slice(&file.data).ok()
}

/// The names of the placeholders.
fn fields(text: &str) -> Vec<String> {
    text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0.to_owned())).collect()
}

#[cfg(test)]
fn differences(file: &File, english: &File) -> Vec<String> {
    let missing = Key::NAMES
        .iter()
        .filter(|name| !file.texts.contains_key(**name))
        .map(|name| format!("{name} is missing"));
    let unused = file
        .texts
        .keys()
        .filter(|name| !Key::NAMES.contains(&name.as_str()))
        .map(|name| format!("{name} is used nowhere"));
    let wrong = file.texts.iter().filter_map(|(name, text)| {
        let same = match (text, english.texts.get(name)?) {
            (Text::Plain(text), Text::Plain(english)) => fields(text) == fields(english),
            (Text::Plural(forms), Text::Plural(_)) => {
                forms.get("other").is_some_and(|other| fields(other) == ["n"])
            }
            (Text::Plain(_), Text::Plural(_)) | (Text::Plural(_), Text::Plain(_)) => false,
        };
        (!same).then(|| format!("{name} has other fields than in English"))
    });
    // Texts of pages are fields of a struct: a file that lacks one, or has an extra one, can't be read.
    let pages = |file: &File| serde_json::json!({ "pages": file.pages, "team": file.team });
    let (ours, theirs) = (pages(file), pages(english));
    let text =
        |all: &serde_json::Value, section: &str, name: &String| fields(all[section][name].as_str().unwrap());
    let names = theirs.as_object().unwrap().iter().flat_map(|(section, texts)| {
        texts.as_object().unwrap().keys().map(move |name| (section.as_str(), name))
    });
    let mut wrong_pages = Vec::new();
    for (section, name) in names {
        let (mut ours, mut theirs) = (text(&ours, section, name), text(&theirs, section, name));
        // Languages put placeholders in their own order.
        ours.sort_unstable();
        theirs.sort_unstable();
        if ours != theirs {
            wrong_pages.push(format!("{section}.{name} has other fields than in English"));
        }
    }
    let all: Vec<_> = missing.chain(unused).chain(wrong).collect();
    all.into_iter().chain(wrong_pages).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_every_word_and_none_that_is_used_nowhere() {
        let names: Vec<_> = Files::iter().collect();
        assert_eq!(locales().0.len(), names.len(), "one of {names:?} can't be read");
        for (name, locale) in locales().iter() {
            assert!(locale.differs.is_empty(), "{name}: {:?}", locale.differs);
            assert_eq!(locale.words.say(Key::Lang), name);
        }
    }

    #[test]
    fn english_stands_in_the_order_in_which_texts_are_sent() {
        let file = Files::get("en.toml").unwrap();
        let text = std::str::from_utf8(&file.data).unwrap();
        let names =
            text.lines().take_while(|line| *line != "[loader]").filter_map(|line| line.split_once(" = "));
        assert_eq!(names.map(|(name, _)| name).collect::<Vec<_>>(), Key::NAMES);
    }

    #[test]
    fn every_count_has_the_plural_forms_of_its_language() {
        for name in Files::iter() {
            let name = name.trim_end_matches(".toml");
            let mut wanted = locales().find(name).1.words.speech.plurals();
            wanted.sort_unstable();
            for (key, text) in parse(name).unwrap().texts {
                let Text::Plural(forms) = text else { continue };
                assert_eq!(forms.keys().collect::<Vec<_>>(), wanted, "{name}: {key}");
            }
        }
    }

    #[test]
    fn a_language_is_found_by_any_tag_of_it_and_english_stands_in_for_others() {
        for (tag, name) in [("de-AT", "de"), ("PT_br", "pt"), ("zh-Hans-CN", "zh"), ("xx", "en"), ("", "en")]
        {
            assert_eq!(locales().find(tag).0, name, "{tag}");
        }
    }
}
