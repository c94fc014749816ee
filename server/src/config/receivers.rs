//! Settings of Salesforce and Orb, which are notified of purchases if configured.
use crate::account::{DEFAULT_FIELDS, OrbConfig, SalesforceConfig};
use crate::outbound::is_private;
use clap::Args;
use std::path::PathBuf;
use url::Url;

/// The settings as given.
#[derive(Args, Clone, Debug, Default)]
pub struct RawReceivers {
    /// Salesforce's My Domain, such as `https://redis.my.salesforce.com`; notifies Salesforce of purchases if set (see
    /// salesforce.md).
    #[arg(long, env = "SALESFORCE_URL")]
    pub salesforce_url: Option<String>,
    /// Login server; `https://test.salesforce.com` for a Salesforce sandbox.
    #[arg(long, env = "SALESFORCE_AUDIENCE", default_value = "https://login.salesforce.com")]
    pub salesforce_audience: String,
    /// Consumer key of the External Client App.
    #[arg(long, env = "SALESFORCE_CLIENT_ID")]
    pub salesforce_client_id: Option<String>,
    /// User that the app acts as.
    #[arg(long, env = "SALESFORCE_USER")]
    pub salesforce_user: Option<String>,
    /// PEM file with the private key whose certificate the app has.
    #[arg(long, env = "SALESFORCE_KEY_FILE")]
    pub salesforce_key_file: Option<PathBuf>,
    /// Field names that differ from docs/salesforce.md, such as `state=Stage__c,coupon=`; a field with an empty name is
    /// not sent.
    #[arg(long, env = "SALESFORCE_FIELDS", default_value = "")]
    pub salesforce_fields: String,
    /// URL of Orb's API.
    #[arg(long, env = "ORB_URL", default_value = "https://api.withorb.com/v1")]
    pub orb_url: String,
    /// API key of Orb. If set, each charged purchase gets an invoice in Orb, marked paid with Stripe's payment id,
    /// under a separate customer `redis-university:<currency>:<learner's id or email>`; refunds become credit notes,
    /// and the customer's balance stays 0.
    #[arg(long, env = "ORB_API_KEY", hide_env_values = true)]
    pub orb_api_key: Option<String>,
    /// Id of the Orb item of invoice lines.
    #[arg(long, env = "ORB_ITEM_ID")]
    pub orb_item_id: Option<String>,
    /// Tax provider that adds taxes to your Orb invoices, if any: these customers are made tax-exempt, because our
    /// prices already are the amount paid.
    #[arg(long, env = "ORB_TAX_PROVIDER")]
    pub orb_tax_provider: Option<String>,
}

/// Account receivers beside `ACCOUNT_WEBHOOKS`.
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

/// Orb's names for tax providers.
const TAX_PROVIDERS: [&str; 6] = ["anrok", "avalara", "numeral", "sphere", "stripe", "taxjar"];

/// The setting's name, and what is wrong with it.
type Mistake = (&'static str, String);

impl RawReceivers {
    /// Every mistake names its setting; none repeats a secret.
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
                mistakes.push((
                    "SALESFORCE_URL",
                    "is required when SALESFORCE_CLIENT_ID or SALESFORCE_USER is set".to_owned(),
                ));
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
            mistakes.push(("SALESFORCE_KEY_FILE", "must be a PEM file with an RSA private key".to_owned()));
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
                    format!("{pair:?} must be NAME=FIELD, with the API name of a Salesforce field"),
                )),
                None => mistakes.push((
                    "SALESFORCE_FIELDS",
                    format!("{name:?} is not a known name; docs/salesforce.md lists them"),
                )),
            }
        }
        for name in ["object", "reference"] {
            if fields.get(name).is_none_or(String::is_empty) {
                mistakes.push(("SALESFORCE_FIELDS", format!("{name} must not be empty")));
            }
        }
        web("SALESFORCE_AUDIENCE", &self.salesforce_audience, mistakes);
        let audience = self.salesforce_audience.trim().to_owned();
        Some(SalesforceConfig { url: url?, audience, client_id: client_id?, user: user?, key: key?, fields })
    }

    fn orb(&self, mistakes: &mut Vec<Mistake>) -> Option<OrbConfig> {
        let Some(key) = set(self.orb_api_key.clone()) else {
            if set(self.orb_item_id.clone()).is_some() {
                mistakes.push(("ORB_API_KEY", "is required when ORB_ITEM_ID is set".to_owned()));
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

/// An empty setting counts as unset.
fn set(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn required(name: &'static str, text: Option<String>, mistakes: &mut Vec<Mistake>) -> Option<String> {
    let text = set(text);
    if text.is_none() {
        mistakes.push((name, "is required but not set".to_owned()));
    }
    text
}

/// Nobody may be able to read in transit what is sent there.
fn web(name: &'static str, text: &str, mistakes: &mut Vec<Mistake>) -> Option<Url> {
    let url = Url::parse(text.trim()).ok().filter(is_private);
    if url.is_none() {
        mistakes.push((name, format!("{text:?} must begin with https://")));
    }
    url
}
