//! The data that the server sends the widget with the first screen.
use crate::Offering;

/// Sent as JSON inside the first screen's HTML. It is never personal, so a CDN may cache it for seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize))]
pub struct Screen {
    pub offering: Offering,
    /// Origin of the checkout's API, without a trailing slash.
    pub api: String,
    pub publishable_key: String,
    /// URL of Stripe.js.
    pub stripe_js: String,
    /// The requested variant, if it exists.
    #[cfg_attr(feature = "wire", serde(default, skip_serializing_if = "Option::is_none"))]
    pub variant: Option<String>,
    /// Whether the offer is a button that opens the checkout in a dialog.
    pub dialog: bool,
}
