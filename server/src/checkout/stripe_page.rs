//! Paying without JavaScript: the way to a page of Stripe's own, and what it says.
use super::pay::{PATIENCE, Press, Submitted};
use super::{Checkout, Payer};
use crate::error::Error;
use crate::grants::Grants;
use crate::payments::{Intent, Payments, PaymentsError, Session, SessionStatus, SessionTerms};
use crate::purchase::{Purchase, PurchaseId, Refusal, Way};
use crate::trial::{Guard, holds, reach};
use tokio::time::timeout;

/// Where a press of Continue leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosted {
    pub id: PurchaseId,
    /// Stripe's page; nothing where the purchase's own page says all there is to say.
    pub page: Option<String>,
}

impl<P: Payments, G: Grants> Checkout<P, G> {
    /// Leads back to Stripe's page, as far as the purchase can still be paid on one.
    pub async fn resume_hosted(&self, id: &PurchaseId, payer: &Payer) -> Result<Hosted, Error> {
        self.admit_to(id, &payer.client)?;
        let purchase = self.store.purchase(id).await?;
        let (Some(hosted), Some(learner)) = (purchase.hosted(), purchase.learner()) else {
            return Ok(Hosted { id: id.clone(), page: None });
        };
        let way = Way::Hosted(hosted.terms.clone());
        let press = Press { learner: learner.clone(), expected_total: purchase.price().total, way };
        Ok(Hosted { id: id.clone(), page: self.go_to_page(id, press, payer).await? })
    }

    /// Tells the purchase what Stripe says of its page, and of what was paid there.
    pub(super) async fn ask_for_page(&self, purchase: &Purchase) -> Result<Purchase, Error> {
        match self.session_of(purchase).await? {
            Some((session, intent)) => self.learn_page(purchase, &session, intent.as_ref()).await,
            None => Ok(purchase.clone()),
        }
    }

    /// The purchase's checkout session, by its id, or among Stripe's where our record of it was lost; with its intent,
    /// asked for afterwards.
    pub(crate) async fn session_of(
        &self,
        purchase: &Purchase,
    ) -> Result<Option<(Session, Option<Intent>)>, PaymentsError> {
        let session = match purchase.hosted().and_then(|hosted| hosted.session.as_deref()) {
            Some(session) => Some(self.payments.retrieve_session(session).await?),
            None if !holds(Guard::IntentIsSought) => None,
            None => self.payments.find_session(purchase.reference(), purchase.intent_window()).await?,
        };
        let Some(session) = session else { return Ok(None) };
        let intent = self.intent_of(&session).await?;
        Ok(Some((session, intent)))
    }

    /// What was paid, or is about to be, on this session's page.
    pub(crate) async fn intent_of(&self, session: &Session) -> Result<Option<Intent>, PaymentsError> {
        match &session.intent {
            Some(intent) => self.payments.retrieve(intent).await.map(Some),
            None => Ok(None),
        }
    }

    /// Stripe's page, as far as the purchase can be paid on one.
    pub(super) async fn go_to_page(
        &self,
        id: &PurchaseId,
        press: Press,
        payer: &Payer,
    ) -> Result<Option<String>, Error> {
        let known = self.store.purchase(id).await?;
        self.admit_payer(&known, &payer.client, payer.challenge_answer.as_deref()).await?;
        if known.redemption().is_some() {
            self.admit_email(id, &press.learner.email, &payer.client).await?;
        }
        let purchase = match self.submit(id, press, None, payer).await {
            Ok(Submitted::Now(purchase)) => purchase,
            Ok(Submitted::Before(_) | Submitted::NothingDue) => return Ok(None),
            // Its own page says how it ended.
            Err(Error::Refused(Refusal::Ended | Refusal::HoldExpired | Refusal::PaidOtherwise)) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let prepared = timeout(PATIENCE, self.prepare_session(&purchase)).await;
        let late = |_| Err(PaymentsError::transient("Stripe took too long"));
        let session = match prepared.unwrap_or_else(late) {
            Ok(session) => session,
            Err(error) => return Err(self.not_prepared(id, error).await?),
        };
        reach("pay.session_made", "");
        let intent = self.intent_of(&session).await?;
        let purchase = self.learn_page(&purchase, &session, intent.as_ref()).await?;
        // Two servers may have made two: only the page on record is handed out.
        let recorded = purchase.hosted().and_then(|hosted| hosted.session.as_ref());
        let payable = session.status == SessionStatus::Open
            && recorded == Some(&session.id)
            && purchase.still_payable(self.now()).is_ok();
        Ok(session.url.filter(|_| payable))
    }

    async fn prepare_session(&self, purchase: &Purchase) -> Result<Session, PaymentsError> {
        let (Some(attempt), Some(hosted)) = (purchase.attempt(), purchase.hosted()) else {
            return Err(PaymentsError::OtherState);
        };
        if let Some(session) = &hosted.session {
            return self.payments.retrieve_session(session).await;
        }
        let terms = SessionTerms { reference: purchase.reference(), sku: purchase.sku(), attempt, hosted };
        self.payments.create_session(terms, purchase.intent_window()).await
    }

    async fn learn_page(
        &self,
        purchase: &Purchase,
        session: &Session,
        intent: Option<&Intent>,
    ) -> Result<Purchase, Error> {
        let now = self.now();
        let mut tx = self.store.begin().await?;
        let mut known = purchase.clone();
        for event in session.events(intent) {
            known = tx.apply(purchase.id(), event, now).await??;
        }
        reach("learn.stored", "");
        tx.commit().await?;
        reach("learn.committed", "");
        Ok(known)
    }
}
