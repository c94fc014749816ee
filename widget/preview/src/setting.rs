//! The preview's settings. All of them are in the URL, so that a link shows someone else the same.
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;
use widget::{
    Variant, variants,
    variants::{DEFAULT, File},
};

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Setting {
    pub(crate) variant: String,
    pub(crate) scene: String,
    pub(crate) lang: String,
    pub(crate) theme: String,
    /// Pixels.
    pub(crate) width: u32,
    /// `plain` or `course`.
    pub(crate) page: String,
    /// `one`, `scenes` (every state of the variant) or `variants` (every variant in the state).
    pub(crate) show: String,
    /// The variant as changed by the knobs.
    pub(crate) changed: Option<File>,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            variant: DEFAULT.to_owned(),
            scene: "live, few seats".to_owned(),
            lang: "en".to_owned(),
            theme: "light".to_owned(),
            width: 360,
            page: "plain".to_owned(),
            show: "variants".to_owned(),
            changed: None,
        }
    }
}

impl Setting {
    /// Reads the setting from the URL; the default if there is none, or one that can't be parsed.
    pub(crate) fn read() -> Self {
        let hash = window().location().hash().unwrap_or_default();
        let text = js_sys::decode_uri_component(hash.trim_start_matches('#')).map(String::from);
        text.ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// Writes the setting to the URL.
    pub(crate) fn write(&self) {
        if let Ok(history) = window().history() {
            // If the browser refuses, only the link to share is stale.
            _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&self.hash()));
        }
    }

    fn hash(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        format!("#{}", String::from(js_sys::encode_uri_component(&text)))
    }

    /// The URL that shows this setting.
    pub(crate) fn link(&self) -> String {
        let location = window().location();
        let page = [location.origin(), location.pathname()].map(Result::unwrap_or_default).concat();
        page + &self.hash()
    }

    /// The variant's file, with the changes.
    pub(crate) fn file(&self) -> File {
        self.changed.clone().unwrap_or_else(|| variants().find(&self.variant).0.file().clone())
    }

    /// The variant `name` as the preview shows it, or what is wrong with it.
    pub(crate) fn look(&self, name: &str) -> Result<Variant, String> {
        let file = if name == self.variant { self.file() } else { variants().find(name).0.file().clone() };
        Variant::new(file).map_err(|mistake| mistake.to_string())
    }
}

pub(crate) fn window() -> web_sys::Window {
    leptos::prelude::window()
}
