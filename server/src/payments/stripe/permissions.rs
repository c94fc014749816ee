//! What a restricted key may do: found out at start, so that nobody learns it from a refund that fails.
use super::Stripe;
use stripe::{RequestStrategy, StripeError, StripeRequest};
use stripe_checkout::checkout_session::CreateCheckoutSession;
use stripe_core::balance_transaction::ListBalanceTransaction;
use stripe_core::dispute::ListDispute;
use stripe_core::payment_intent::CreatePaymentIntent;
use stripe_core::refund::CreateRefund;

/// What a restricted key begins with.
const RESTRICTED: &str = "rk_";

impl Stripe {
    /// Permissions that the key lacks, as Stripe's dashboard names them; none of a key that may do everything, or where Stripe
    /// does not answer. What is asked to be made lacks what it needs, so that nothing is: Stripe looks at the key first.
    pub async fn missing_permissions(&self) -> Vec<&'static str> {
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
