//! Settings of Salesforce, which is notified of purchases if configured.
use super::check::{Mistake, required, set, web};
use crate::account::{DEFAULT_FIELDS, SalesforceConfig};
use clap::Args;
use std::path::PathBuf;

/// The settings as given.
#[derive(Args, Clone, Debug, Default)]
pub struct RawSalesforce {
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
}

impl RawSalesforce {
    /// Every mistake names its setting; none repeats a secret.
    pub(super) fn check(self, mistakes: &mut Vec<Mistake>) -> Option<SalesforceConfig> {
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
}
