//! Checks the permissions of a restricted key at startup, so that a missing one doesn't first show up as a failed
//! refund.
use super::Stripe;
use stripe::{RequestStrategy, StripeError, StripeRequest};
use stripe_checkout::checkout_session::CreateCheckoutSession;
use stripe_core::balance_transaction::ListBalanceTransaction;
use stripe_core::dispute::ListDispute;
use stripe_core::payment_intent::CreatePaymentIntent;
use stripe_core::refund::CreateRefund;

/// Prefix of a restricted key.
const RESTRICTED: &str = "rk_";

impl Stripe {
    /// Permissions that the key lacks, as Stripe's dashboard names them; empty for an unrestricted key, or if Stripe
    /// doesn't answer. The requests to create something lack required parameters, so that nothing is created: Stripe
    /// checks the key first.
    pub(super) async fn find_missing_permissions(&self) -> Vec<&'static str> {
        if !self.secret_key.starts_with(RESTRICTED) {
            return Vec::new();
        }
        let (intent, session) =
            (CreatePaymentIntent::new(0, stripe_types::Currency::USD), CreateCheckoutSession::new());
        let (refund, disputes) = (CreateRefund::new(), ListDispute::new().limit(1));
        let balance = ListBalanceTransaction::new().limit(1);
        let asked = tokio::join!(
            self.is_denied(&intent),
            self.is_denied(&session),
            self.is_denied(&refund),
            self.is_denied(&disputes),
            self.is_denied(&balance),
        );
        [
            ("Payment Intents: write", asked.0),
            ("Checkout Sessions: write", asked.1),
            ("Charges and Refunds: write", asked.2),
            ("Disputes: read", asked.3),
            ("Balance transactions: read", asked.4),
        ]
        .into_iter()
        .filter_map(|(permission, is_denied)| is_denied.then_some(permission))
        .collect()
    }

    async fn is_denied<R>(&self, request: &R) -> bool
    where
        R: StripeRequest + Sync,
        R::Output: miniserde::Deserialize + Send,
    {
        let once = request.customize().request_strategy(RequestStrategy::Once).timeout(self.timeout);
        matches!(once.send(&self.client).await, Err(StripeError::Stripe(_, 403)))
    }
}
