//! A field of the form.
use super::aria::said;
use leptos::prelude::*;

/// A field with its error and its hint, which screen readers read out with it.
pub(super) struct Field {
    /// Also its name in `data-focus`.
    pub(super) id: &'static str,
    /// Ids of the error and of the hint.
    pub(super) lines: [&'static str; 2],
    /// The ids, of these two, that describe the field.
    pub(super) described_by: &'static str,
    pub(super) label: String,
    pub(super) kind: &'static str,
    pub(super) autocomplete: &'static str,
    pub(super) typed: String,
    pub(super) fault: String,
    pub(super) hint: String,
    pub(super) required: bool,
    pub(super) hidden: bool,
    pub(super) readonly: bool,
}

pub(super) fn field(field: Field) -> impl IntoView {
    let Field {
        id,
        lines: [fault_id, hint_id],
        described_by,
        required,
        label,
        kind,
        autocomplete,
        typed,
        fault,
        hint,
        hidden,
        readonly,
    } = field;
    view! {
        <div class="field" hidden=hidden>
            <label class="label" for=id>{label}</label>
            <input
                class="input"
                part="input"
                id=id
                name=id
                type=kind
                dir="ltr"
                autocomplete=autocomplete
                spellcheck="false"
                required=required
                aria-describedby=described_by
                aria-invalid=said(!fault.is_empty())
                data-focus=id
                readonly=readonly
                value=typed
            />
            <p class="fault" id=fault_id>{fault}</p>
            <p class="hint" id=hint_id>{hint}</p>
        </div>
    }
}
