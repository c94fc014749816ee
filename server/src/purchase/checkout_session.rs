//! A purchase that is paid on Stripe's hosted page, for browsers without JavaScript or WASM.
use super::{Command, Decision, Limits, PageTerms, PaymentPath, Purchase, SessionId};
use crate::fault_injection::Guard;
use serde::{Deserialize, Serialize};
use shared::Timestamp;
use std::time::Duration;

/// Stripe refuses a session that expires less than half an hour after its creation, which may be repeated until the
/// time to pay is over (<https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-expires_at>).
const STRIPES_LEAST: Duration = Duration::from_secs(31 * 60);
/// Stripe also refuses a session that expires more than a day after its creation.
const STRIPES_MOST: Duration = Duration::from_secs((24 * 60 - 1) * 60);

/// Stripe's hosted page for one purchase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckoutSession {
    /// Frozen with the attempt, so that a repeat is the same request.
    pub terms: PageTerms,
    /// When Stripe closes the page, unless it is closed earlier.
    pub expires_at: Timestamp,
    /// The id of Stripe's checkout session, once it is known.
    pub session: Option<SessionId>,
    /// The page no longer takes payments.
    pub closed: bool,
}

impl Purchase {
    /// Stripe's page, if the purchase is paid there.
    #[must_use]
    pub fn checkout_session(&self) -> Option<&CheckoutSession> {
        self.payment.checkout_session.as_ref()
    }

    /// The first press of Pay decides what the page says and when it expires.
    pub(super) fn choose_path(&mut self, path: PaymentPath, now: Timestamp, limits: &Limits) {
        let PaymentPath::Hosted(terms) = path else { return };
        let pay_until = self.payment.expires_at.unwrap_or(now.plus(limits.payment));
        let expires_at = pay_until.plus(STRIPES_LEAST).min(now.plus(STRIPES_MOST));
        self.payment.checkout_session =
            Some(CheckoutSession { terms, expires_at, session: None, closed: false });
    }

    pub(super) fn session_created(&mut self, session: SessionId) -> Decision {
        match &mut self.payment.checkout_session {
            Some(page) if page.session.is_none() => {
                page.session = Some(session);
                page.closed = false;
            }
            Some(_) | None => return Decision::default(),
        }
        self.takes_no_payment().then_some(Command::CancelIntent).into()
    }

    pub(super) fn session_closed(&mut self) {
        if let Some(page) = &mut self.payment.checkout_session {
            page.closed = true;
        }
    }

    /// Whether the page may still take a payment, whatever happened to the intent of an earlier attempt on it.
    pub(super) fn page_is_open(&self, limits: &Limits) -> bool {
        self.payment.checkout_session.as_ref().is_some_and(|page| !page.closed)
            && limits.guards.hold(Guard::PageIsClosed)
    }
}
