//! A variant's styles.
use super::file::{File, Layout, Value};
use super::tokens::TOKENS;

/// The styles that only this layout has.
const fn layout_sheet(layout: Layout) -> &'static str {
    match layout {
        Layout::Card => "",
        Layout::Compact => include_str!("../../../style/layouts/compact.css"),
        Layout::Banner => include_str!("../../../style/layouts/banner.css"),
        Layout::Button => include_str!("../../../style/layouts/button.css"),
    }
}

pub(super) fn sheet(file: &File) -> String {
    let mut sheet = layout_sheet(file.layout).to_owned();
    let hidden =
        [(file.facts.seats, ".seats"), (file.facts.dates, ".dates"), (file.facts.summary, ".summary")];
    for (_, class) in hidden.iter().filter(|(shown, _)| !shown) {
        sheet += &format!("{class}{{display:none}}");
    }
    if let Some(height) = &file.height {
        sheet += &format!(".main{{min-block-size:{height}}}");
    }
    let set = TOKENS.iter().filter_map(|token| Some((token, file.tokens.get(token.name)?)));
    let tokens: String =
        set.map(|(token, value)| format!("{}:{};", token.property(), written(value))).collect();
    if !tokens.is_empty() {
        sheet += &format!(":host{{{tokens}}}");
    }
    sheet
}

fn written(value: &Value) -> String {
    match value.themes() {
        [light, dark] if light == dark => light.to_owned(),
        [light, dark] => format!("light-dark({light},{dark})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_theme_of_its_own_is_written_as_both() {
        let file = File::parse("layout = 'card'\n[facts]\nseats = false\n[tokens]\naccent_strong = { light = '#111111', dark = '#eeeeee' }").unwrap();
        assert_eq!(
            sheet(&file),
            ".seats{display:none}:host{--redis-checkout-accent-strong:light-dark(#111111,#eeeeee);}"
        );
    }
}
