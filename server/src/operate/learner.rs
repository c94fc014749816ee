//! `learner`: exports and erases what is stored about a learner.
use super::show::{print, print_json};
use super::{OperatorArgs, Refused, rules};
use crate::account::Snapshot;
use crate::catalog;
use crate::email::typed;
use crate::error::Error;
use crate::purchase::Event;
use crate::store::PersonsPurchase;
use clap::Subcommand;
use serde_json::json;
use shared::Email;
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum LearnerCommand {
    /// Prints everything stored about a learner, as JSON.
    Export {
        /// Email of the learner, in any spelling.
        email: String,
        /// Path of the catalogue.
        #[arg(long, env = "CATALOG", default_value = "catalog.toml")]
        catalog: PathBuf,
        #[command(flatten)]
        args: OperatorArgs,
    },
    /// Erases a learner's email, name and id. Records of payments stay, as accounting law requires.
    Erase {
        /// Email of the learner, in any spelling.
        email: String,
        #[command(flatten)]
        args: OperatorArgs,
    },
}

/// Runs one of the `learner` subcommands.
pub async fn learner(command: LearnerCommand) -> anyhow::Result<()> {
    match command {
        LearnerCommand::Export { email, catalog, args } => {
            let email = parse_email(&email)?;
            let catalog = catalog::read(&catalog)?;
            let store = args.open().await?;
            let person = store.person(&email).await?;
            let record = store.learner_record(&person).await?;
            // Of a purchase that became another learner's, show only that this one pressed Pay, and nothing about the
            // other.
            let shown = person.purchases.iter().map(|found| match found.owner {
                true => json!(Snapshot::of(&found.purchase, found.at, &catalog)),
                false => json!({ "reference": found.purchase.reference().as_str(), "pressed_pay": true }),
            });
            let (shown, emails) = (shown.collect::<Vec<_>>(), &person.emails);
            print_json(
                &json!({ "email": email.as_str(), "emails": emails, "purchases": shown, "record": record }),
            )
        }
        LearnerCommand::Erase { email, args } => erase(&args, &parse_email(&email)?).await,
    }
}

async fn erase(args: &OperatorArgs, email: &Email) -> anyhow::Result<()> {
    let who = args.operator()?;
    let store = args.open().await?;
    let now = store.now().await?;
    let person = store.person(email).await?;
    let mut tx = store.begin().await?;
    for PersonsPurchase { purchase, owner, .. } in &person.purchases {
        let erase = Event::LearnerErased { owner: *owner };
        match rules().apply_in(&mut tx, purchase.id(), erase, now).await {
            Ok(_) => {}
            Err(Error::Refused(_)) => {
                tx.rollback().await?;
                let detail = format!(
                    "nothing was erased: {} is in progress, disputed, or waiting to notify a receiver. Wait until that \
                     is over, or refund the purchase, then retry",
                    purchase.reference().as_str()
                );
                return Err(Refused::Field { field: "EMAIL", detail }.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    let erased = tx.erase_learner(&person).await?;
    if erased.is_nothing() {
        tx.rollback().await?;
        let detail = format!("no data is stored for {}, in any spelling", email.as_str());
        return Err(Refused::Field { field: "EMAIL", detail }.into());
    }
    // Not whom: that would store what was to be erased.
    tx.audit(who, "erase learner", None, &format!("{} purchases", erased.purchases), now).await?;
    tx.commit().await?;
    if let Err(error) = store.scrub().await {
        return Err(anyhow::Error::from(error).context(
            "the data is erased, but the database files may still contain traces: stop the servers and run VACUUM",
        ));
    }
    if args.json {
        return print_json(&erased);
    }
    print(&format!(
        "erased the learner from {} purchases, {} codes, {} emails and {} Stripe events. Stripe, FlockJay and the \
         account systems keep their own copies: erase those separately",
        erased.purchases, erased.codes, erased.letters, erased.stripe_events
    ));
    Ok(())
}

/// Parses the address, or says what is wrong with it.
pub fn parse_email(text: &str) -> Result<Email, Refused> {
    let detail = || format!("{text:?} is not a valid email address, such as name@example.com");
    typed(text).map_err(|_| Refused::Field { field: "EMAIL", detail: detail() })
}
