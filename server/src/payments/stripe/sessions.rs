//! Stripe's checkout sessions.
use super::{PAGE, Stripe, metadata, methods, seconds_around, stripe_currency};
use crate::payments::{PaymentsError, Session, SessionStatus, SessionTerms};
use crate::purchase::{IntentId, Reference, SessionId};
use shared::Timestamp;
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionAdaptivePricing, CreateCheckoutSessionLineItems,
    CreateCheckoutSessionLineItemsPriceData, CreateCheckoutSessionPaymentIntentData, ExpireCheckoutSession,
    ListCheckoutSession, ProductData, RetrieveCheckoutSession,
};
use stripe_checkout::{
    CheckoutSession, CheckoutSessionLocale, CheckoutSessionMode, CheckoutSessionStatus,
    CheckoutSessionSubmitType,
};
use stripe_types::{RangeBoundsTs, RangeQueryTs};

impl Stripe {
    pub(super) async fn make_session(
        &self,
        terms: SessionTerms<'_>,
        window: (Timestamp, Timestamp),
    ) -> Result<Session, PaymentsError> {
        let answer = self.send(&creation(&terms), Some(&terms.attempt.key)).await;
        match answer.and_then(|session| read_session(&session)) {
            Ok(session) => Ok(session),
            // Stripe may have done the work and failed to say so.
            Err(error @ (PaymentsError::Transient { .. } | PaymentsError::Spent { .. })) => {
                match self.search_session(terms.reference, window).await {
                    Ok(Some(session)) => Ok(session),
                    Ok(None) => Err(error),
                    // We don't know whether it did: the key must stay the same.
                    Err(_) => Err(PaymentsError::transient(error.to_string())),
                }
            }
            Err(
                error @ (PaymentsError::OtherState
                | PaymentsError::EmailRefused
                | PaymentsError::Missing
                | PaymentsError::Permanent { .. }),
            ) => Err(error),
        }
    }

    pub(super) async fn ask_for_session(&self, session: &SessionId) -> Result<Session, PaymentsError> {
        read_session(&self.send(&RetrieveCheckoutSession::new(session.as_str()), None).await?)
    }

    pub(super) async fn search_session(
        &self,
        reference: &Reference,
        window: (Timestamp, Timestamp),
    ) -> Result<Option<Session>, PaymentsError> {
        let (from, to) = seconds_around(window);
        let created = RangeBoundsTs { gte: Some(from), lte: Some(to), ..Default::default() };
        let mut request = ListCheckoutSession::new().created(RangeQueryTs::Bounds(created)).limit(PAGE);
        loop {
            let page = self.send(&request, None).await?;
            let ours = |session: &&CheckoutSession| {
                session.client_reference_id.as_deref() == Some(reference.as_str())
            };
            if let Some(session) = page.data.iter().find(ours) {
                return read_session(session).map(Some);
            }
            let Some(last) = page.data.last().filter(|_| page.has_more) else { return Ok(None) };
            request = request.starting_after(last.id.to_string());
        }
    }

    pub(super) async fn close_session(&self, session: &SessionId) -> Result<Session, PaymentsError> {
        match self.send(&ExpireCheckoutSession::new(session.as_str()), None).await {
            // Stripe has no error code for a session that is not open.
            Err(PaymentsError::Permanent { .. }) => Err(PaymentsError::OtherState),
            outcome => read_session(&outcome?),
        }
    }
}

/// Builds the same request for the same terms, whenever and however often it is called.
fn creation(terms: &SessionTerms<'_>) -> CreateCheckoutSession {
    let (price, learner) = (&terms.attempt.price, &terms.attempt.learner);
    let page = &terms.page.terms;
    let mut unit = CreateCheckoutSessionLineItemsPriceData::new(stripe_currency(price.currency));
    unit.unit_amount = Some(price.total);
    unit.product_data = Some(ProductData::new(page.title.clone()));
    let mut item = CreateCheckoutSessionLineItems::new();
    item.price_data = Some(unit);
    item.quantity = Some(1);
    let mut payment = CreateCheckoutSessionPaymentIntentData::new();
    payment.description = Some(terms.attempt.title.as_deref().unwrap_or(terms.sku).to_owned());
    payment.metadata = Some(metadata(terms.reference, learner));
    payment.receipt_email = Some(learner.email.as_str().to_owned());
    let mut one_currency = CreateCheckoutSessionAdaptivePricing::new();
    one_currency.enabled = Some(false);
    let request = CreateCheckoutSession::new()
        .mode(CheckoutSessionMode::Payment)
        .submit_type(CheckoutSessionSubmitType::Pay)
        .line_items(vec![item])
        .payment_intent_data(payment)
        // Charge what was shown, in the currency shown.
        .adaptive_pricing(one_currency)
        .client_reference_id(terms.reference.as_str())
        .metadata(metadata(terms.reference, learner))
        .customer_email(learner.email.as_str())
        .locale(locale(&page.lang))
        .success_url(page.back.as_str())
        .cancel_url(page.back.as_str())
        .expires_at(terms.page.expires_at.as_millis() / 1000);
    match &terms.attempt.methods {
        Some(offered) => methods::restrict_session(request, offered),
        None => request,
    }
}

fn read_session(session: &CheckoutSession) -> Result<Session, PaymentsError> {
    let status = match &session.status {
        Some(CheckoutSessionStatus::Open) => SessionStatus::Open,
        Some(CheckoutSessionStatus::Complete) => SessionStatus::Complete,
        Some(CheckoutSessionStatus::Expired) => SessionStatus::Expired,
        Some(_) | None => {
            return Err(PaymentsError::transient("Stripe's session has no status that we know"));
        }
    };
    Ok(Session {
        id: SessionId::new(session.id.to_string()),
        url: session.url.clone(),
        status,
        intent: session.payment_intent.as_ref().map(|intent| IntentId::new(intent.id().to_string())),
    })
}

/// Stripe's page supports some of our languages; for others it uses the browser's.
fn locale(lang: &str) -> CheckoutSessionLocale {
    match lang.parse() {
        Ok(CheckoutSessionLocale::Unknown(_)) => CheckoutSessionLocale::Auto,
        Ok(known) => known,
        Err(never) => match never {},
    }
}
