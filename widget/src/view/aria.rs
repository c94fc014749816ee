//! Values of ARIA attributes.

/// The text of an attribute that is true or false.
pub(super) const fn said(is_so: bool) -> &'static str {
    if is_so { "true" } else { "false" }
}
