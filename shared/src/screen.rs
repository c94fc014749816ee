//! What the server hands the widget with the first screen.
use crate::Offering;

/// Travels as JSON inside the first screen's HTML; never personal, so a CDN may keep it for seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize))]
pub struct Screen {
    pub offering: Offering,
    /// Origin of the checkout's API, without a trailing slash.
    pub api: String,
    pub publishable_key: String,
    /// Address of Stripe.js.
    pub stripe_js: String,
    /// The variant that was asked for and exists.
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    pub variant: Option<String>,
    /// The offer is a button, and what comes after it a dialog.
    pub dialog: bool,
}
