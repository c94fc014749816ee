//! A field of our pages' forms.
use super::escape;

/// A labelled input.
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) label: &'a str,
    pub(super) hint: Option<&'a str>,
    pub(super) attributes: &'a str,
    pub(super) typed: &'a str,
    pub(super) fault: Option<&'a str>,
}

impl Field<'_> {
    /// Screen readers read the error and the hint with the field.
    pub(super) fn html(&self) -> String {
        let Self { name, attributes, .. } = self;
        let line = |what: &str, text: Option<&str>| {
            text.map(|text| format!("<p class=\"{what}\" id=\"{name}-{what}\">{}</p>", escape(text)))
        };
        let (fault, hint) = (line("fault", self.fault), line("hint", self.hint));
        let ids: Vec<_> = [fault.as_ref().map(|_| "fault"), hint.as_ref().map(|_| "hint")]
            .into_iter()
            .flatten()
            .map(|what| format!("{name}-{what}"))
            .collect();
        let described =
            if ids.is_empty() { String::new() } else { format!(" aria-describedby=\"{}\"", ids.join(" ")) };
        let invalid = if self.fault.is_some() { " aria-invalid=\"true\" autofocus" } else { "" };
        format!(
            "<div class=\"field\"><label for=\"{name}\">{}</label>\
             <input id=\"{name}\" name=\"{name}\" {attributes} value=\"{}\"{described}{invalid}>{}{}</div>",
            escape(self.label),
            escape(self.typed),
            fault.unwrap_or_default(),
            hint.unwrap_or_default(),
        )
    }
}
