//! Sends the emails that are due.
use super::{MAIL_LEASE, POLL_INTERVAL, backoff};
use crate::checkout::Checkout;
use crate::config::Retry;
use crate::heartbeat::Heartbeat;
use crate::mail::{MailError, Mailer, message};
use crate::quiet::Quiet;
use crate::store::{Mail, StoreError};

/// Runs until the checkout stops. `base` is our address without a trailing slash.
pub async fn run_mail(checkout: Checkout, mailer: Mailer, base: String, retry: Retry, heartbeat: Heartbeat) {
    while !checkout.stop.is_cancelled() {
        heartbeat.beat();
        let leased = match checkout.takes_work() {
            true => checkout.store.lease_mail(checkout.now(), MAIL_LEASE).await,
            false => Ok(None),
        };
        match leased {
            Ok(Some(mail)) => {
                if let Err(error) = send(&checkout, &mailer, &base, &retry, &mail).await {
                    // The lease expires, and the email is sent again.
                    tracing::error!(%error, mail.id = mail.id, "failed to record an email's outcome");
                }
                continue;
            }
            Ok(None) => {}
            Err(error) => {
                static UNREAD: Quiet = Quiet::new();
                if let Some(more) = UNREAD.speak() {
                    tracing::error!(%error, more, "failed to read pending emails");
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            () = checkout.stop.cancelled() => {}
        }
    }
}

async fn send(
    checkout: &Checkout,
    mailer: &Mailer,
    base: &str,
    retry: &Retry,
    mail: &Mail,
) -> Result<(), StoreError> {
    let (_, locale) = widget::locales().find(&mail.lang);
    let catalog = checkout.catalog.get();
    let title = catalog.find(&mail.sku).map_or(&mail.sku, |item| &item.title);
    let error = match mailer.send(&message(mail, locale, title, base)).await {
        Ok(()) => {
            tracing::info!(mail.id = mail.id, mail.attempts = mail.attempts, "email sent");
            return checkout.store.finish_mail(mail).await;
        }
        Err(error) => error,
    };
    let now = checkout.now();
    match error {
        MailError::Transient(why) if now.since(mail.tried_since) < retry.give_up => {
            let wait = backoff(retry, mail.tried_since, mail.attempts);
            tracing::warn!(
                mail.id = mail.id,
                mail.attempts = mail.attempts,
                error = why,
                "failed to send an email; will retry"
            );
            let next = now.plus(wait).min(mail.tried_since.plus(retry.give_up));
            checkout.store.retry_mail(mail, &why, next).await
        }
        MailError::Transient(why) => {
            tracing::error!(alert = true, mail.id = mail.id, error = why, "gave up sending an email");
            checkout.store.give_mail_up(mail, &why).await
        }
        // The company's page shows the failure.
        MailError::Permanent(why) => {
            tracing::warn!(mail.id = mail.id, error = why, "mail server rejected an email address");
            checkout.store.give_mail_up(mail, &why).await
        }
    }
}
