//! Settings of Orb, which is notified of purchases if configured.
use super::check::{Mistake, required, set, web};
use crate::account::OrbConfig;
use clap::Args;

/// Orb's names for tax providers.
const TAX_PROVIDERS: [&str; 6] = ["anrok", "avalara", "numeral", "sphere", "stripe", "taxjar"];

/// The settings as given.
#[derive(Args, Clone, Debug, Default)]
pub struct RawOrb {
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

impl RawOrb {
    /// Every mistake names its setting; none repeats a secret.
    pub(super) fn check(self, mistakes: &mut Vec<Mistake>) -> Option<OrbConfig> {
        let Some(key) = set(self.orb_api_key) else {
            if set(self.orb_item_id).is_some() {
                mistakes.push(("ORB_API_KEY", "is required when ORB_ITEM_ID is set".to_owned()));
            }
            return None;
        };
        let url = web("ORB_URL", &self.orb_url, mistakes);
        let item = required("ORB_ITEM_ID", self.orb_item_id, mistakes);
        let tax_provider = set(self.orb_tax_provider);
        if tax_provider.as_deref().is_some_and(|name| !TAX_PROVIDERS.contains(&name)) {
            mistakes.push(("ORB_TAX_PROVIDER", format!("must be one of {}", TAX_PROVIDERS.join(", "))));
        }
        Some(OrbConfig { url: url?, key, item: item?, tax_provider })
    }
}
