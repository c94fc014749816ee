//! A field of our pages' forms.
use maud::{Markup, html};

/// A labelled input.
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) label: &'a str,
    pub(super) hint: Option<&'a str>,
    pub(super) input: Input,
    pub(super) typed: &'a str,
    pub(super) fault: Option<&'a str>,
}

/// The attributes of an input, besides those that every field has.
#[derive(Default)]
pub(super) struct Input {
    pub(super) kind: Option<&'static str>,
    pub(super) autocomplete: Option<&'static str>,
    pub(super) spellcheck: Option<&'static str>,
    pub(super) dir: Option<&'static str>,
    pub(super) maxlength: Option<u16>,
    /// The smallest and the largest number.
    pub(super) range: Option<(i64, i64)>,
    pub(super) required: bool,
}

impl Field<'_> {
    /// Screen readers read the error and the hint with the field.
    pub(super) fn html(&self) -> Markup {
        let Self { name, label, hint, input, typed, fault } = self;
        let Input { kind, autocomplete, spellcheck, dir, maxlength, range, required } = input;
        let line = |what: &str, text: &Option<&str>| text.map(|_| [name, "-", what].concat());
        let (fault_id, hint_id) = (line("fault", fault), line("hint", hint));
        let ids: Vec<_> = [&fault_id, &hint_id].into_iter().flatten().map(String::as_str).collect();
        let described = (!ids.is_empty()).then(|| ids.join(" "));
        html! {
            div class="field" {
                label for=(name) { (label) }
                input id=(name) name=(name) type=[kind] autocomplete=[autocomplete] spellcheck=[spellcheck] dir=[dir]
                    maxlength=[maxlength] min=[range.map(|(min, _)| min)] max=[range.map(|(_, max)| max)]
                    required[*required] value=(typed) aria-describedby=[described]
                    aria-invalid=[fault.map(|_| "true")] autofocus[fault.is_some()];
                @if let Some(text) = fault {
                    p class="fault" id=[fault_id] { (text) }
                }
                @if let Some(text) = hint {
                    p class="hint" id=[hint_id] { (text) }
                }
            }
        }
    }
}
