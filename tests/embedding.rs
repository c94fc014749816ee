//! The documentation for embedding the checkout names everything there is to use, and nothing else.
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

type Names = BTreeSet<String>;

/// The pages; the first must name everything.
const PAGES: [&str; 4] =
    ["docs/embedding.md", "docs/embedding/html.md", "docs/embedding/nextjs.md", "docs/embedding/sanity.md"];
const TYPES: &str = "docs/embedding/redis-checkout.d.ts";
const MANIFEST: &str = "docs/embedding/custom-elements.json";

const PROPERTY: &str = "--redis-checkout-";
const EVENT: &str = "redis-checkout:";

#[test]
fn attributes_are_those_that_the_element_observes() {
    let properties = properties();
    let real: Names =
        properties.iter().map(|(attribute, _)| attribute.clone()).chain(["lang".to_owned()]).collect();
    assert!(real.contains("sku"), "{real:?}");
    assert_eq!(rows(section(&read(PAGES[0]), "## Attributes")), real, "{}", PAGES[0]);
    let types = read(TYPES);
    let members = between(&types, "interface RedisCheckoutAttributes {", "\n}").lines();
    let members = members.filter_map(|line| line.trim().split_once(':'));
    let members = members.filter(|(name, _)| !name.contains(' '));
    let members = members.map(|(name, _)| name.trim_end_matches('?').trim_matches('\'').to_owned());
    assert_eq!(members.collect::<Names>(), real, "{TYPES}");
    assert_eq!(declared("attributes"), real, "{MANIFEST}");
}

#[test]
fn properties_are_those_that_the_element_has() {
    let real: Names = properties().into_iter().map(|(_, property)| property).collect();
    assert!(real.contains("learnerToken"), "{real:?}");
    let types = read(TYPES);
    let element = between(&types, "interface RedisCheckoutElement extends HTMLElement {", "\n}");
    for accessor in ["get ", "set "] {
        let named = element.lines().filter_map(|line| line.trim().strip_prefix(accessor)?.split_once('('));
        assert_eq!(named.map(|(name, _)| name.to_owned()).collect::<Names>(), real, "{TYPES}: {accessor}");
    }
    assert_eq!(declared("members"), real, "{MANIFEST}");
}

/// The element's attributes, each with its property; without `lang`, which every element has.
fn properties() -> Vec<(String, String)> {
    let element = read("widget/loader/element.js");
    let pairs =
        between(&element, "const PROPERTIES = {", "}").split(',').filter_map(|pair| pair.split_once(':'));
    let plain = |name: &str| name.trim().trim_matches('\'').to_owned();
    pairs.map(|(attribute, property)| (plain(attribute), plain(property))).collect()
}

#[test]
fn events_are_those_that_the_widget_tells() {
    let source = read("widget/src/platform/events.rs");
    let mut real = names(after(between(&source, "match notice {", "};"), "=> (\""));
    // The match arm for seats has statements before the event's name.
    real.extend(names(after(&source, "(\"")).into_iter().filter(|name| name == "seats"));
    // The loader dispatches `error`, too.
    real.extend(["ready", "error"].map(str::to_owned));
    assert!(source.contains("\"ready\"") && real.contains("hold-expiring") && real.len() > 10, "{real:?}");
    let page = read(PAGES[0]);
    let told = rows(section(&page, "## Events"))
        .into_iter()
        .filter_map(|name| Some(name.strip_prefix(EVENT)?.to_owned()));
    assert_eq!(told.collect::<Names>(), real, "{}", PAGES[0]);
    assert_eq!(names(after(&read(TYPES), EVENT)), real, "{TYPES}");
    let declared = declared("events").into_iter().map(|name| name.replace(EVENT, ""));
    assert_eq!(declared.collect::<Names>(), real, "{MANIFEST}");
    exist("event", EVENT, &real);
}

#[test]
fn what_events_tell_is_written_down() {
    let source = read("widget/src/platform/events.rs");
    let facts = ["sku", "variant", "purchase", "hold_expires_at", "left", "capacity", "sale", "code"];
    let known = names(after(&source, "(\""));
    let events = rows(section(&read(PAGES[0]), "## Events"));
    let others = known.iter().filter(|name| !events.contains(&format!("{EVENT}{name}")));
    assert_eq!(others.cloned().collect::<Names>(), Names::from(facts.map(str::to_owned)), "events.rs");
    let (page, types) = (read(PAGES[0]), read(TYPES));
    let manifest = read(MANIFEST);
    for fact in facts {
        assert!(section(&page, "## Events").contains(&format!("`{fact}`")), "{}: {fact}", PAGES[0]);
        for (file, text) in [(TYPES, &types), (MANIFEST, &manifest)] {
            let named =
                [format!("{fact}: "), format!("{fact}?: ")].iter().any(|member| text.contains(member));
            assert!(named, "{file}: {fact}");
        }
    }
}

#[test]
fn parts_are_those_of_the_view() {
    let mut real = Names::new();
    for entry in fs::read_dir(root().join("widget/src/view")).expect("the view") {
        let view = fs::read_to_string(entry.expect("an entry").path()).expect("text");
        for mark in ["part=\"", "(\"part\", \"", "_PART: &str = \""] {
            real.extend(
                view.split(mark).skip(1).map(|rest| rest.split('"').next().unwrap_or_default().to_owned()),
            );
        }
    }
    assert!(real.contains("card") && real.contains("close"), "{real:?}");
    assert_eq!(rows(section(&read(PAGES[0]), "### Parts")), real, "{}", PAGES[0]);
    assert_eq!(declared("cssParts"), real, "{MANIFEST}");
    exist("part", "::part(", &real);
}

#[test]
fn custom_properties_are_those_of_the_stylesheet() {
    let real = names(after(&read("style/tokens.css"), PROPERTY));
    assert!(real.contains("accent-strong"), "{real:?}");
    let listed = rows(section(&read(PAGES[0]), "### Custom properties"));
    let with_prefix: Names = real.iter().map(|name| format!("{PROPERTY}{name}")).collect();
    assert_eq!(listed, with_prefix, "{}", PAGES[0]);
    assert_eq!(names(after(&read(TYPES), PROPERTY)), real, "{TYPES}");
    assert_eq!(declared("cssProperties"), with_prefix, "{MANIFEST}");
    exist("custom property", PROPERTY, &real);
}

#[test]
fn slots_are_those_of_the_view_and_the_link() {
    let form = read("widget/src/view/form.rs");
    for slot in declared("slots") {
        assert!(slot.is_empty() || form.contains(&format!("&str = \"{slot}\"")), "{slot}");
    }
}

/// Asserts that no page names one that doesn't exist.
fn exist(what: &str, prefix: &str, real: &Names) {
    for page in PAGES {
        let named = names(after(&read(page), prefix));
        let wrong: Vec<_> = named.difference(real).collect();
        assert!(wrong.is_empty(), "{page} names a {what} that does not exist: {wrong:?}");
    }
}

/// The names in a list of the manifest's one declaration.
fn declared(list: &str) -> Names {
    let manifest: Value = serde_json::from_str(&read(MANIFEST)).expect("JSON");
    let declaration = &manifest["modules"][0]["declarations"][0];
    assert_eq!(declaration["tagName"], "redis-checkout");
    let list = declaration[list].as_array().expect("a list");
    list.iter().map(|entry| entry["name"].as_str().expect("a name").to_owned()).collect()
}

/// The names that follow `prefix`: letters, digits, `-` and `_`. A name followed by a parenthesis is a function, such
/// as CSS's `:not(`, and is left out.
fn after<'t>(text: &'t str, prefix: &str) -> impl Iterator<Item = &'t str> {
    text.split(prefix).skip(1).filter_map(|rest| {
        let end = rest.find(|letter: char| !(letter.is_ascii_alphanumeric() || "-_".contains(letter)));
        let (name, next) = rest.split_at(end.unwrap_or(rest.len()));
        (!name.is_empty() && !next.starts_with('(')).then_some(name)
    })
}

/// The names in backticks in the first cell of each row of the tables.
fn rows(text: &str) -> Names {
    let cells = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    names(cells.filter(|cell| cell.starts_with('`')).flat_map(|cell| quoted(cell, '`')))
}

/// The text between pairs of `mark`.
fn quoted(text: &str, mark: char) -> impl Iterator<Item = &str> {
    text.split(mark).skip(1).step_by(2)
}

/// The section from a heading to the next one of any level.
fn section<'t>(page: &'t str, heading: &str) -> &'t str {
    between(page, &format!("\n{heading}\n"), "\n#")
}

/// # Panics
/// If `text` doesn't contain `start`.
fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no {start:?}"));
    rest.split_once(end).map_or(rest, |(inside, _)| inside)
}

fn names<'t>(all: impl Iterator<Item = &'t str>) -> Names {
    all.map(str::to_owned).collect()
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// A policy that is copied from these pages allows everything that Stripe.js and Link need.
#[test]
fn policies_are_those_of_the_table() {
    use shared::policy::{LINK, STRIPE_API, STRIPE_SCRIPTS};
    let needed = [
        ("script-src", STRIPE_SCRIPTS),
        ("connect-src", STRIPE_API),
        ("connect-src", LINK),
        ("frame-src", STRIPE_SCRIPTS),
        ("frame-src", LINK),
        ("img-src", LINK),
    ];
    for file in &PAGES[..3] {
        let text = read(file);
        // The page for Next.js uses constants for the sources.
        let text = ["STRIPE", "LINK"].iter().fold(text.clone(), |policy, name| {
            let value =
                text.split_once(&format!("const {name} = '")).and_then(|(_, rest)| rest.split_once('\''));
            value.map_or(policy.clone(), |(value, _)| policy.replace(&format!("${{{name}}}"), value))
        });
        for (directive, sources) in needed {
            let found = text.split(directive).skip(1).any(|rest| {
                rest.split([';', '`']).next().is_some_and(|directive| directive.contains(sources))
            });
            assert!(found, "{file}: {directive} {sources}");
        }
    }
}
