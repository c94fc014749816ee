//! Commands to Stripe about a purchase that is paid on Stripe's hosted page.
use super::Outcome;
use crate::checkout::Checkout;
use crate::fault_injection::{Guard, enabled};
use crate::payments::{Intent, IntentStatus, PaymentsError, Session, SessionStatus};
use crate::purchase::{Event, Purchase};

impl Checkout {
    pub(super) async fn ask_of_page(&self, purchase: &Purchase) -> Result<Outcome, PaymentsError> {
        Ok(match self.session_of(purchase).await? {
            Some((session, intent)) => Outcome::Done(session.events(intent.as_ref())),
            None => Outcome::Done(vec![]),
        })
    }

    /// Stripe refuses to cancel the intent of an open page, so the page is closed first. A page that can't be closed
    /// has moved on; its intent says how, and a payment wins.
    pub(super) async fn close_page(&self, purchase: &Purchase) -> Result<Outcome, PaymentsError> {
        let Some((known, _)) = self.session_of(purchase).await? else {
            let canceled = match purchase.intent() {
                Some(intent) => self.cancel_known(intent).await?,
                None => vec![Event::IntentCanceled { intent: None }],
            };
            return Ok(Outcome::Done([vec![Event::SessionClosed], canceled].concat()));
        };
        let session = match known.status {
            SessionStatus::Open if !enabled(Guard::PageIsClosed) => {
                Session { status: SessionStatus::Expired, ..known }
            }
            SessionStatus::Open => self.expire(&known).await?,
            SessionStatus::Complete | SessionStatus::Expired => known,
        };
        let intent = match self.intent_of(&session).await? {
            Some(intent) if session.status != SessionStatus::Open => self.cancel_unpaid(intent).await?,
            other => other,
        };
        let status = intent.as_ref().map(|intent| intent.status);
        if session.status == SessionStatus::Open || status == Some(IntentStatus::ActionRequired) {
            let message = "the learner is paying: the page can't be closed yet".to_owned();
            return Ok(Outcome::later(message, None));
        }
        Ok(Outcome::Done(match purchase.intent() {
            // The intent on record belongs to no page: another tool made it for the same purchase.
            Some(other)
                if session.intent.as_ref() != Some(other) && status != Some(IntentStatus::Succeeded) =>
            {
                [vec![Event::SessionClosed], self.cancel_known(other).await?].concat()
            }
            Some(_) | None => session.events(intent.as_ref()),
        }))
    }

    /// Closes the page of a paid purchase, so that it takes no more; a second payment made there is refunded.
    pub(super) async fn close_paid_page(&self, purchase: &Purchase) -> Result<Outcome, PaymentsError> {
        let closed = || Outcome::Done(vec![Event::SessionClosed]);
        let Some((known, _)) = self.session_of(purchase).await? else { return Ok(closed()) };
        let session = match known.status {
            SessionStatus::Open => self.expire(&known).await?,
            SessionStatus::Complete | SessionStatus::Expired => known,
        };
        let intent = match self.intent_of(&session).await? {
            Some(other) if purchase.intent() != Some(&other.id) => self.cancel_unpaid(other).await?,
            Some(_) | None => None,
        };
        let under_way = || Outcome::later("a second payment is under way", None);
        if session.status == SessionStatus::Open {
            return Ok(under_way());
        }
        let Some(other) = intent else { return Ok(closed()) };
        let [_, standing] = other.events();
        Ok(match other.status {
            IntentStatus::Succeeded => Outcome::Done(vec![Event::SessionClosed, standing]),
            IntentStatus::Open | IntentStatus::Canceled => closed(),
            IntentStatus::ActionRequired | IntentStatus::Processing => under_way(),
        })
    }

    async fn expire(&self, session: &Session) -> Result<Session, PaymentsError> {
        match self.payments.expire_session(&session.id).await {
            Err(PaymentsError::OtherState) if enabled(Guard::PaymentWins) => {
                self.payments.retrieve_session(&session.id).await
            }
            Err(PaymentsError::OtherState) => {
                Ok(Session { status: SessionStatus::Expired, intent: None, ..session.clone() })
            }
            outcome => outcome,
        }
    }

    /// Cancels the intent that a closed page leaves behind. Stripe may refuse, since the page made it: then it is
    /// returned as it is.
    async fn cancel_unpaid(&self, intent: Intent) -> Result<Option<Intent>, PaymentsError> {
        match intent.status {
            IntentStatus::Open | IntentStatus::ActionRequired => {}
            IntentStatus::Processing | IntentStatus::Succeeded | IntentStatus::Canceled => {
                return Ok(Some(intent));
            }
        }
        match self.payments.cancel(&intent.id).await {
            Err(PaymentsError::OtherState | PaymentsError::Permanent { .. }) => {
                self.payments.retrieve(&intent.id).await.map(Some)
            }
            outcome => outcome.map(Some),
        }
    }
}
