//! Values of ARIA attributes.

/// What an attribute that is true or false says.
pub(super) const fn said(is_so: bool) -> &'static str {
    if is_so { "true" } else { "false" }
}
