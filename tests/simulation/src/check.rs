//! The invariants, checked by an observer who knows everything.
use crate::account::NAMES;
use crate::database::LIVE;
use crate::pages::SimSession;
use crate::run::{AHEAD, INSTANCES, Run};
use crate::snapshot::Snapshot;
use crate::world::{SimIntent, StripeLedger};
use redis_checkout::coupons::CodeState;
use redis_checkout::payments::{IntentStatus, RefundStatus, SessionStatus};
use redis_checkout::purchase::{IdempotencyKey, Purchase};
use redis_checkout::store::StoreError;
use shared::{State, Step, Timestamp};
use std::sync::Arc;

/// Checks what must hold at every moment.
pub(crate) async fn after_step(run: &mut Run) -> Result<(), String> {
    let snapshot = snapshot(run).await?;
    let purchases = &snapshot.purchases;
    seats(run, &snapshot)?;
    for buyer in &run.buyers {
        let of_form = |purchase: &&Purchase| {
            let now = buyer.opened.iter().map(|opened| &opened.id);
            buyer.earlier.iter().chain(now).any(|id| id == purchase.id().as_str())
        };
        let under_way = |purchase: &&Purchase| {
            matches!(purchase.state(), State::Held | State::Paying | State::Processing)
        };
        if purchases.iter().filter(of_form).filter(under_way).count() > 1 {
            return Err("one form has two purchases under way".to_owned());
        }
    }
    for buyer in &run.buyers {
        let mut told = buyer.opened.iter().map(|opened| &opened.id).chain(&buyer.earlier);
        if let Some(gone) = told.find(|id| !purchases.iter().any(|known| known.id().as_str() == id.as_str()))
        {
            return Err(format!("somebody was told of {gone}, and it is gone"));
        }
    }
    coupons(&snapshot)?;
    let world = run.world.lock();
    if let Some(broken) = world.broken.first() {
        return Err(broken.clone());
    }
    for purchase in purchases {
        let name = purchase.reference().as_str();
        let intents = || world.stripe.intents.iter().filter(|intent| is_of(intent, purchase));
        let ours = || intents().filter(|intent| !intent.foreign);
        if ours().filter(|intent| intent.is_paid()).count() > 1 {
            return Err(format!("{name} was charged twice"));
        }
        if world.flockjay.unpaid.iter().any(|granted| granted == name) && purchase.price().total > 0 {
            return Err(format!("{name} is granted, and nobody has paid for it"));
        }
        let buyer =
            run.buyers.iter().find(|buyer| run.reference(buyer).as_ref() == Some(purchase.reference()));
        let shown = |total: i64| {
            total == purchase.price().total || buyer.is_some_and(|buyer| buyer.totals.contains(&total))
        };
        if ours().any(|intent| intent.is_paid() && !shown(intent.now.received)) {
            return Err(format!("{name} was charged another amount than was shown"));
        }
        let over = matches!(purchase.state(), State::Expired | State::Canceled) || purchase.has_lost_seat();
        let payable = |intent: &SimIntent| intent.handed_out && can_be_paid(&world.stripe, intent);
        if over && intents().any(payable) {
            return Err(format!("{name} has given its seat back, and can still be paid"));
        }
        if over && pages(&world.stripe, purchase).any(|page| page.handed_out) {
            return Err(format!("{name} has given its seat back, and can still be paid on its page"));
        }
    }
    Ok(())
}

/// Checks what must hold once faults have stopped and everything has had its time.
pub(crate) async fn at_the_end(run: &mut Run) -> Result<(), String> {
    after_step(run).await?;
    let snapshot = snapshot(run).await?;
    for purchase in &snapshot.purchases {
        let commands = run.store.commands_of(purchase.id()).await.map_err(|error| error.to_string())?;
        let calls_person = commands.iter().any(|command| command.state == "needs_person");
        ended(run, purchase, calls_person)?;
        books(run, purchase).await?;
        codes(run, purchase).await?;
        for buyer in
            run.buyers.iter().filter(|buyer| run.reference(buyer).as_ref() == Some(purchase.reference()))
        {
            let world = run.world.lock();
            let made = |key: &IdempotencyKey| {
                let mut refunds = world.stripe.intents.iter().flat_map(|intent| &intent.refunds);
                refunds.any(|refund| refund.key.as_ref() == Some(key))
            };
            let mut ours = world.stripe.intents.iter().filter(|intent| is_of(intent, purchase));
            let elsewhere = ours.any(|intent| intent.refunds.iter().any(|refund| refund.key.is_none()));
            if !calls_person && !elsewhere && purchase.dispute().is_none() && !buyer.refunds.iter().all(made)
            {
                return Err(format!("{} was to be refunded, and was not", purchase.reference().as_str()));
            }
        }
    }
    Ok(())
}

/// Checks that the books add up to what was charged and refunded, and that refunds of other payments left their trace.
async fn books(run: &Run, purchase: &Purchase) -> Result<(), String> {
    let name = purchase.reference().as_str();
    let in_books = run.store.purchase_in_books(purchase.id()).await.map_err(|error| error.to_string())?;
    let Some((purchase, booked)) = &in_books else {
        return Err(format!("{name} is not in the books"));
    };
    let lacking = purchase.unbooked(*booked);
    if !lacking.is_empty() {
        return Err(format!("{name}: the books have {booked:?}, and lack {lacking:?}"));
    }
    let lines = run.store.ledger_of(purchase.id()).await.map_err(|error| error.to_string())?;
    let world = run.world.lock();
    let others = world.stripe.intents.iter().filter(|intent| is_of(intent, purchase));
    for other in others.filter(|intent| purchase.intent().is_some_and(|own| *own != intent.now.id)) {
        let back = other
            .refunds
            .iter()
            .any(|refund| refund.key.is_some() && refund.status == RefundStatus::Succeeded);
        let booked = |kind: &str| {
            lines.iter().any(|line| line.kind == kind && line.intent.as_ref() == Some(&other.now.id))
        };
        if back && !(booked("stray") && booked("stray_returned")) {
            return Err(format!("{name}: {} went back, and the books don't know", other.now.id));
        }
    }
    Ok(())
}

/// Whether every purchase has come to rest, or waits for a person to act on its refund.
pub(crate) async fn nothing_waits(run: &mut Run) -> Result<bool, String> {
    let snapshot = snapshot(run).await?;
    let calls_person = run.store.commands_in("needs_person", 100).await.map_err(|error| error.to_string())?;
    Ok(snapshot.purchases.iter().all(|purchase| {
        let stuck = || calls_person.iter().any(|command| command.reference == purchase.reference().as_str());
        purchase.wake_at().is_none() || (purchase.state() == State::Refunding && stuck())
    }))
}

fn ended(run: &Run, purchase: &Purchase, calls_person: bool) -> Result<(), String> {
    let name = purchase.reference().as_str();
    let world = run.world.lock();
    let intents: Vec<_> = world.stripe.intents.iter().filter(|intent| is_of(intent, purchase)).collect();
    let kept: i64 = intents.iter().map(|intent| intent.kept()).sum();
    let recorded = intents.iter().find(|intent| Some(&intent.now.id) == purchase.intent());
    let own = recorded.map_or(0, |intent| intent.kept());
    let grant = world.flockjay.grants.get(purchase.id());
    let access = grant.is_some_and(|grant| grant.active);
    // A person must act on money that can't be refunded the way it came, or that both sides have moved.
    let troubled = intents.iter().any(|intent| {
        let failed = intent.refunds.iter().any(|refund| refund.status == RefundStatus::Failed);
        let elsewhere = intent.refunds.iter().any(|refund| refund.key.is_none());
        failed || elsewhere || intent.dispute.is_some()
    });
    let ended_at = purchase.view().timeline.into_iter().find(|entry| entry.step == Step::Payment);
    // What is created while the purchase ends doesn't count; the clock of the server that ended it may have been ahead.
    let ended_at = ended_at.and_then(|entry| entry.at).map_or(0, Timestamp::as_millis) - AHEAD[INSTANCES - 1];
    if matches!(purchase.state(), State::Granted | State::Refunded) {
        let stands = Some((purchase.state(), purchase.refundable()));
        for receiver in NAMES {
            let told = world.told.get(&(receiver, name.to_owned())).map(|(_, state, kept)| (*state, *kept));
            if told.map(|(state, _)| state) != Some(purchase.state()) || (!troubled && told != stands) {
                return Err(format!("{name} is {stands:?}, and {receiver} knows {told:?}"));
            }
        }
    }
    let over = matches!(purchase.state(), State::Expired | State::Canceled);
    if over
        && intents
            .iter()
            .any(|intent| !intent.foreign && can_be_paid(&world.stripe, intent) && intent.made_at < ended_at)
    {
        return Err(format!("{name} is over, and one of its intents is open"));
    }
    if over && pages(&world.stripe, purchase).any(|page| page.made_at < ended_at) {
        return Err(format!("{name} is over, and its page is open"));
    }
    if calls_person && !troubled {
        return Err(format!("{name} calls a person, for nothing that a person must mend"));
    }
    if kept != own && !calls_person {
        return Err(format!("{name}: {} of a second payment were not given back", kept - own));
    }
    match purchase.state() {
        State::Granted => {
            let access = access || purchase.is_for_team();
            if !access {
                return Err(format!("{name} is granted, and there is no access"));
            }
            if own == 0 && purchase.price().total > 0 && !calls_person {
                return Err(format!("{name} is granted, and all of its money went back"));
            }
            let email = purchase.learner().map(|learner| learner.email.as_str());
            if recorded.is_some_and(|intent| intent.now.received != purchase.price().total) {
                return Err(format!("{name} was granted for another amount than was shown"));
            }
            if !purchase.is_for_team() && grant.map(|grant| grant.email.as_str()) != email {
                return Err(format!("{name} was granted to another than {email:?}"));
            }
        }
        State::Refunded => {
            if own != 0 && !calls_person {
                return Err(format!("{name} is refunded, and {own} were kept"));
            }
            if access {
                return Err(format!("{name} is refunded, and there is access"));
            }
        }
        State::Expired | State::Canceled => {
            if kept != 0 && !calls_person {
                return Err(format!("{name} is over, and {kept} were kept"));
            }
            if access {
                return Err(format!("{name} is over, and there is access"));
            }
        }
        State::Refunding if calls_person => {}
        state @ (State::Held | State::Paying | State::Processing | State::Paid | State::Refunding) => {
            return Err(format!("{name} is {state} for ever"));
        }
    }
    Ok(())
}

/// Checks that a team has as many codes as the places it paid for, and that a refund revokes all but those in use.
async fn codes(run: &Run, purchase: &Purchase) -> Result<(), String> {
    let name = purchase.reference().as_str();
    let error = |error: StoreError| error.to_string();
    let Some(pack) = run.store.pack_of(purchase.id()).await.map_err(error)? else {
        let lacks = purchase.is_for_team() && purchase.state() == State::Granted;
        return if lacks { Err(format!("{name} is granted, and has no codes")) } else { Ok(()) };
    };
    let codes = run.store.codes_of(&pack.id, run.now()).await.map_err(error)?;
    if i64::try_from(codes.len()) != Ok(purchase.places()) {
        return Err(format!("{name} has {} codes for {} places", codes.len(), purchase.places()));
    }
    let over = purchase.state() == State::Refunded;
    if over && codes.iter().any(|code| code.state == CodeState::Free) {
        return Err(format!("{name} is {}, and one of its codes is free", purchase.state()));
    }
    Ok(())
}

/// Checks that a coupon's uses are those of purchases in effect, and never exceed its limit.
fn coupons(Snapshot { purchases, coupons, .. }: &Snapshot) -> Result<(), String> {
    for coupon in coupons {
        let name = &coupon.terms.shown;
        let uses = purchases.iter().filter_map(|purchase| Some((purchase, purchase.redemption()?)));
        let uses = uses.filter(|(_, used)| used.code == coupon.code && used.held);
        let over = |state| matches!(state, State::Expired | State::Canceled | State::Refunded);
        if let Some((purchase, _)) = uses.clone().find(|(purchase, _)| over(purchase.state())) {
            return Err(format!(
                "{} is {} and keeps {name}",
                purchase.reference().as_str(),
                purchase.state()
            ));
        }
        if i64::try_from(uses.clone().count()) != Ok(coupon.used) {
            return Err(format!(
                "{} uses of {name} are counted, and {} are there",
                coupon.used,
                uses.count()
            ));
        }
        if coupon.limit.is_some_and(|limit| coupon.used > limit) {
            return Err(format!("{name} was used {} times", coupon.used));
        }
    }
    Ok(())
}

/// Checks that the seats taken are those that purchases own and those kept for coupons, and never rise above capacity.
fn seats(run: &mut Run, snapshot: &Snapshot) -> Result<(), String> {
    let Snapshot { purchases, coupons, taken } = snapshot;
    let taken = *taken;
    let live = purchases.iter().filter(|purchase| purchase.sku() == LIVE);
    let brought = |purchase: &Purchase| purchase.redemption().is_some_and(|used| used.brings_seat);
    let owned: i64 =
        live.filter(|purchase| purchase.owns_seat() && !brought(purchase)).map(Purchase::places).sum();
    let kept = coupons.iter().filter(|coupon| coupon.brings_seat && (!coupon.revoked || coupon.used > 0));
    let owned = owned + i64::try_from(kept.count()).unwrap_or(i64::MAX);
    if taken != owned {
        return Err(format!("{taken} seats are counted, and {owned} are owned"));
    }
    let capacity = run.capacity();
    if taken > run.taken_before && taken > capacity {
        return Err(format!("{taken} seats were taken, and there are {capacity}"));
    }
    run.taken_before = taken;
    Ok(())
}

async fn snapshot(run: &mut Run) -> Result<Arc<Snapshot>, String> {
    run.snapshots.read(&run.store).await.map_err(|error| error.to_string())
}

fn is_of(intent: &SimIntent, purchase: &Purchase) -> bool {
    intent.now.reference.as_ref() == Some(purchase.reference())
}

/// The purchase's hosted pages that still take a payment.
fn pages<'a>(stripe: &'a StripeLedger, purchase: &'a Purchase) -> impl Iterator<Item = &'a SimSession> {
    let ours = |page: &&SimSession| page.reference == *purchase.reference();
    stripe.sessions.iter().filter(ours).filter(|page| page.now.status == SessionStatus::Open)
}

fn can_be_paid(stripe: &StripeLedger, intent: &SimIntent) -> bool {
    match intent.now.status {
        IntentStatus::Open => stripe.page_allows(&intent.now.id),
        IntentStatus::ActionRequired | IntentStatus::Processing => true,
        IntentStatus::Succeeded | IntentStatus::Canceled => false,
    }
}
