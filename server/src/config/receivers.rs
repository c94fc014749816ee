//! Settings of Salesforce and Orb, which are told of purchases where they are set.
use crate::account::{DEFAULT_FIELDS, OrbConfig, SalesforceConfig};
use crate::outbound::is_private;
use clap::Args;
use std::path::PathBuf;
use url::Url;

/// As they were given.
#[derive(Args, Clone, Debug, Default)]
pub struct RawReceivers {
    /// Salesforce's My Domain, such as `https://redis.my.salesforce.com`.
    #[arg(long, env = "SALESFORCE_URL")]
    pub salesforce_url: Option<String>,
    /// Whom we sign in with: `https://test.salesforce.com` for a Salesforce sandbox.
    #[arg(long, env = "SALESFORCE_AUDIENCE", default_value = "https://login.salesforce.com")]
    pub salesforce_audience: String,
    /// The consumer key of the External Client App.
    #[arg(long, env = "SALESFORCE_CLIENT_ID")]
    pub salesforce_client_id: Option<String>,
    /// The user that the app acts as.
    #[arg(long, env = "SALESFORCE_USER")]
    pub salesforce_user: Option<String>,
    /// File with the private key, as PEM, whose certificate the app has.
    #[arg(long, env = "SALESFORCE_KEY_FILE")]
    pub salesforce_key_file: Option<PathBuf>,
    /// Names of fields that differ from those of docs/salesforce.md, such as `state=Stage__c,coupon=`; an empty one is not sent.
    #[arg(long, env = "SALESFORCE_FIELDS", default_value = "")]
    pub salesforce_fields: String,
    /// Orb's API.
    #[arg(long, env = "ORB_URL", default_value = "https://api.withorb.com/v1")]
    pub orb_url: String,
    /// Tells Orb, where it is set.
    #[arg(long, env = "ORB_API_KEY", hide_env_values = true)]
    pub orb_api_key: Option<String>,
    /// The item that the lines of invoices are of.
    #[arg(long, env = "ORB_ITEM_ID")]
    pub orb_item_id: Option<String>,
    /// Whoever adds taxes in Orb: customers of ours are made exempt there, since prices are what is paid.
    #[arg(long, env = "ORB_TAX_PROVIDER")]
    pub orb_tax_provider: Option<String>,
}

/// Those that are told of purchases beside `ACCOUNT_WEBHOOKS`.
#[derive(Clone, Default)]
pub struct Receivers {
    pub salesforce: Option<SalesforceConfig>,
    pub orb: Option<OrbConfig>,
}

impl std::fmt::Debug for Receivers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receivers")
            .field("salesforce", &self.salesforce.is_some())
            .field("orb", &self.orb.is_some())
            .finish()
    }
}

/// As Orb calls them.
const TAX_PROVIDERS: [&str; 6] = ["anrok", "avalara", "numeral", "sphere", "stripe", "taxjar"];

/// The setting's name, and what is wrong with it.
type Mistake = (&'static str, String);

impl RawReceivers {
    /// Every mistake has the setting's name; none repeats a secret.
    pub(super) fn check(self) -> (Receivers, Vec<Mistake>) {
        let mut mistakes = Vec::new();
        let orb = self.orb(&mut mistakes);
        let salesforce = self.salesforce(&mut mistakes);
        (Receivers { salesforce, orb }, mistakes)
    }

    fn salesforce(self, mistakes: &mut Vec<Mistake>) -> Option<SalesforceConfig> {
        let names = [self.salesforce_client_id.clone(), self.salesforce_user.clone()];
        let Some(url) = set(self.salesforce_url) else {
            if names.into_iter().any(|text| set(text).is_some()) {
                mistakes.push(("SALESFORCE_URL", "is missing".to_owned()));
            }
            return None;
        };
        let url = web("SALESFORCE_URL", &url, mistakes);
        let client_id = required("SALESFORCE_CLIENT_ID", self.salesforce_client_id, mistakes);
        let user = required("SALESFORCE_USER", self.salesforce_user, mistakes);
        let file = required(
            "SALESFORCE_KEY_FILE",
            self.salesforce_key_file.map(|file| file.display().to_string()),
            mistakes,
        );
        let key = file.as_ref().map(std::fs::read).transpose().unwrap_or_else(|error| {
            mistakes.push(("SALESFORCE_KEY_FILE", format!("can't be read: {error}")));
            None
        });
        if key.as_ref().is_some_and(|key| jsonwebtoken::EncodingKey::from_rsa_pem(key).is_err()) {
            mistakes.push(("SALESFORCE_KEY_FILE", "must hold an RSA private key as PEM".to_owned()));
        }
        let mut fields: std::collections::BTreeMap<_, _> =
            DEFAULT_FIELDS.iter().map(|(name, field)| ((*name).to_owned(), (*field).to_owned())).collect();
        for pair in self.salesforce_fields.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (name, field) = pair.split_once('=').unwrap_or((pair, "-"));
            let fits = field.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            match fields.get_mut(name.trim()) {
                Some(known) if fits => field.clone_into(known),
                Some(_) => mistakes.push((
                    "SALESFORCE_FIELDS",
                    format!("{pair:?} must be our name, =, and a field's API name"),
                )),
                None => mistakes.push((
                    "SALESFORCE_FIELDS",
                    format!("{name:?} is none of ours: docs/salesforce.md lists them"),
                )),
            }
        }
        for name in ["object", "reference"] {
            if fields.get(name).is_none_or(String::is_empty) {
                mistakes.push(("SALESFORCE_FIELDS", format!("{name} can't be left out")));
            }
        }
        web("SALESFORCE_AUDIENCE", &self.salesforce_audience, mistakes);
        let audience = self.salesforce_audience.trim().to_owned();
        Some(SalesforceConfig { url: url?, audience, client_id: client_id?, user: user?, key: key?, fields })
    }

    fn orb(&self, mistakes: &mut Vec<Mistake>) -> Option<OrbConfig> {
        let Some(key) = set(self.orb_api_key.clone()) else {
            if set(self.orb_item_id.clone()).is_some() {
                mistakes.push(("ORB_API_KEY", "is missing".to_owned()));
            }
            return None;
        };
        let url = web("ORB_URL", &self.orb_url, mistakes);
        let item = required("ORB_ITEM_ID", self.orb_item_id.clone(), mistakes);
        let tax_provider = set(self.orb_tax_provider.clone());
        if tax_provider.as_deref().is_some_and(|name| !TAX_PROVIDERS.contains(&name)) {
            mistakes.push(("ORB_TAX_PROVIDER", format!("must be one of {}", TAX_PROVIDERS.join(", "))));
        }
        Some(OrbConfig { url: url?, key, item: item?, tax_provider })
    }
}

/// Set to nothing is as good as not set.
fn set(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn required(name: &'static str, text: Option<String>, mistakes: &mut Vec<Mistake>) -> Option<String> {
    let text = set(text);
    if text.is_none() {
        mistakes.push((name, "is missing".to_owned()));
    }
    text
}

/// Nobody on the way may read what is told.
fn web(name: &'static str, text: &str, mistakes: &mut Vec<Mistake>) -> Option<Url> {
    let url = Url::parse(text.trim()).ok().filter(is_private);
    if url.is_none() {
        mistakes.push((name, format!("{text:?} must begin with https://")));
    }
    url
}
