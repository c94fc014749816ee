//! Paying without JavaScript: the way to Stripe's hosted page, and what it reports.
use super::pay::{Press, Submitted, in_time};
use super::{Checkout, PayContext};
use crate::error::Error;
use crate::fault_injection::{Guard, Step, enabled, reach};
use crate::payments::{Intent, PaymentsError, Session, SessionStatus, SessionTerms};
use crate::purchase::{PaymentPath, Purchase, PurchaseId, Refusal};

/// Where a press of Continue leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormRedirect {
    pub id: PurchaseId,
    /// Stripe's page; `None` if the purchase's own page shows all there is to show.
    pub page: Option<String>,
}

impl Checkout {
    /// Leads back to Stripe's page, if the purchase can still be paid there.
    pub async fn resume_hosted(&self, id: &PurchaseId, context: &PayContext) -> Result<FormRedirect, Error> {
        self.admit_to(id, &context.client)?;
        let purchase = self.store.purchase(id).await?;
        let (Some(page), Some(learner)) = (purchase.checkout_session(), purchase.learner()) else {
            return Ok(FormRedirect { id: id.clone(), page: None });
        };
        let path = PaymentPath::Hosted(page.terms.clone());
        let press = Press { learner: learner.clone(), expected_total: purchase.price().total, path };
        Ok(FormRedirect { id: id.clone(), page: self.go_to_page(id, press, context).await? })
    }

    /// Applies what Stripe says about the page, and what was paid there, to the purchase.
    pub(super) async fn ask_for_page(&self, purchase: &Purchase) -> Result<Purchase, Error> {
        match self.session_of(purchase).await? {
            Some((session, intent)) => self.record_session(purchase, &session, intent.as_ref()).await,
            None => Ok(purchase.clone()),
        }
    }

    /// The purchase's checkout session: by its id, or by a search at Stripe if we lost the id; with its intent,
    /// retrieved afterwards.
    pub(crate) async fn session_of(
        &self,
        purchase: &Purchase,
    ) -> Result<Option<(Session, Option<Intent>)>, PaymentsError> {
        let session = match purchase.checkout_session().and_then(|page| page.session.as_ref()) {
            Some(session) => Some(self.payments.retrieve_session(session).await?),
            None if !enabled(Guard::IntentIsSought) => None,
            None => self.payments.find_session(purchase.reference(), purchase.intent_window()).await?,
        };
        let Some(session) = session else { return Ok(None) };
        let intent = self.intent_of(&session).await?;
        Ok(Some((session, intent)))
    }

    /// The intent that was paid, or is about to be, on this session's page.
    pub(crate) async fn intent_of(&self, session: &Session) -> Result<Option<Intent>, PaymentsError> {
        match &session.intent {
            Some(intent) => self.payments.retrieve(intent).await.map(Some),
            None => Ok(None),
        }
    }

    /// The address of Stripe's page, if the purchase can be paid there.
    pub(super) async fn go_to_page(
        &self,
        id: &PurchaseId,
        press: Press,
        context: &PayContext,
    ) -> Result<Option<String>, Error> {
        let known = self.store.purchase(id).await?;
        let purchase = match self.submit(&known, press, None, context).await {
            Ok(Submitted::Now(purchase)) => purchase,
            Ok(Submitted::Before(_) | Submitted::NothingDue) => return Ok(None),
            // The purchase's own page shows how it ended.
            Err(Error::Refused(Refusal::Ended | Refusal::HoldExpired | Refusal::PaidOtherwise)) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let session = match in_time(self.prepare_session(&purchase)).await {
            Ok(session) => session,
            Err(error) => return Err(self.not_prepared(id, error).await?),
        };
        reach(Step::SessionMade, "");
        let intent = self.intent_of(&session).await?;
        let purchase = self.record_session(&purchase, &session, intent.as_ref()).await?;
        // Two servers may have created two: only the page on record is handed out.
        let recorded = purchase.checkout_session().and_then(|page| page.session.as_ref());
        let payable = session.status == SessionStatus::Open
            && recorded == Some(&session.id)
            && purchase.still_payable(self.now()).is_ok();
        Ok(session.url.filter(|_| payable))
    }

    async fn prepare_session(&self, purchase: &Purchase) -> Result<Session, PaymentsError> {
        let (Some(attempt), Some(page)) = (purchase.attempt(), purchase.checkout_session()) else {
            return Err(PaymentsError::OtherState);
        };
        if let Some(session) = &page.session {
            return self.payments.retrieve_session(session).await;
        }
        let terms = SessionTerms { reference: purchase.reference(), sku: purchase.sku(), attempt, page };
        self.payments.create_session(terms, purchase.intent_window()).await
    }

    async fn record_session(
        &self,
        purchase: &Purchase,
        session: &Session,
        intent: Option<&Intent>,
    ) -> Result<Purchase, Error> {
        let now = self.now();
        let mut tx = self.store.begin().await?;
        let mut known = purchase.clone();
        for event in session.events(intent) {
            known = self.rules.apply_in(&mut tx, purchase.id(), event, now).await?;
        }
        reach(Step::RecordStored, "");
        tx.commit().await?;
        reach(Step::RecordCommitted, "");
        Ok(known)
    }
}
