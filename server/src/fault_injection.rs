//! Switches for tests: guards that can be taken away, and steps at which a process can be killed. Without the feature
//! `trial` nothing of it is left in the program.

/// What keeps an invariant. With one taken away the simulation must find the invariant broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// A seat is taken only where one is left.
    SeatIsLeft,
    /// A seat stays taken until Stripe has confirmed that nothing will be paid.
    SeatUntilCanceled,
    /// Money that arrives for a seat given back needs a new one.
    LateMoneyNeedsSeat,
    /// The same `Idempotency-Key` opens one purchase.
    OpenedOnce,
    /// The request that creates a payment intent is the same at every try.
    FrozenAttempt,
    /// A payment intent whose id was lost is looked for by its reference.
    IntentIsSought,
    /// A cancellation that comes too late learns of the payment.
    PaymentWins,
    /// Another amount than the one shown goes back.
    ExactAmount,
    /// A second payment for one purchase goes back.
    StrayGoesBack,
    /// Access ends with the money.
    RevokedWithMoney,
    /// Refunds under way count when the next is asked for.
    RefundsAddUp,
    /// Commands commit with the state that they follow from.
    CommandsCommitWithState,
    /// What waits too long is looked after.
    Swept,
    /// A seat stays taken until Stripe's page takes no payment any more.
    PageIsClosed,
    /// After a payment on a page, or with an intent that was not on record, Stripe is asked what else happened to it.
    StripeIsAskedForMore,
    /// A coupon is used only where a use is left.
    CouponIsLeft,
    /// A purchase that ends without money gives the use of its coupon back.
    RedemptionGoesBack,
    /// Codes that nobody has used go with the money that was paid for them.
    CodesGoWithMoney,
    /// What is committed is on the disk.
    CommitIsSynced,
    /// Nobody is told that something is kept which the disk has refused.
    CommitIsAwaited,
}

impl Guard {
    pub const ALL: [Self; 20] = [
        Self::SeatIsLeft,
        Self::SeatUntilCanceled,
        Self::LateMoneyNeedsSeat,
        Self::OpenedOnce,
        Self::FrozenAttempt,
        Self::IntentIsSought,
        Self::PaymentWins,
        Self::ExactAmount,
        Self::StrayGoesBack,
        Self::RevokedWithMoney,
        Self::RefundsAddUp,
        Self::CommandsCommitWithState,
        Self::Swept,
        Self::PageIsClosed,
        Self::StripeIsAskedForMore,
        Self::CouponIsLeft,
        Self::RedemptionGoesBack,
        Self::CodesGoWithMoney,
        Self::CommitIsSynced,
        Self::CommitIsAwaited,
    ];
}

/// The steps of a purchase between which a process may die. Those of the outbox are followed by the command's name, as in
/// `outbox.leased create_grant`.
pub const STEPS: [&str; 14] = [
    "open.stored",
    "open.committed",
    "pay.stored",
    "pay.committed",
    "pay.intent_made",
    "pay.session_made",
    "learn.stored",
    "learn.committed",
    "webhook.stored",
    "webhook.committed",
    "outbox.leased",
    "outbox.carried_out",
    "outbox.stored",
    "outbox.committed",
];

#[cfg(feature = "trial")]
pub use on::{Killed, fall_silent_at, kill_at, without};
#[cfg(feature = "trial")]
pub(crate) use on::{falls_silent, holds, reach};

#[cfg(not(feature = "trial"))]
pub(crate) const fn holds(_: Guard) -> bool {
    true
}

#[cfg(not(feature = "trial"))]
pub(crate) const fn reach(_step: &str, _of: &str) {}

#[cfg(not(feature = "trial"))]
pub(crate) const fn falls_silent() -> bool {
    false
}

#[cfg(feature = "trial")]
mod on {
    use super::Guard;
    use std::cell::Cell;
    use std::sync::OnceLock;

    thread_local! {
        static TAKEN_AWAY: Cell<Option<Guard>> = const { Cell::new(None) };
        /// Steps that this thread may still reach.
        static STEPS_TO_LIVE: Cell<Option<u32>> = const { Cell::new(None) };
        /// Commits of this thread that are still answered.
        static COMMITS_ANSWERED: Cell<Option<u32>> = const { Cell::new(None) };
    }

    /// What a thread that was killed at a step unwinds with.
    #[derive(Debug)]
    pub struct Killed;

    /// Takes `guard` away on this thread; nothing puts every guard back.
    pub fn without(guard: Option<Guard>) {
        TAKEN_AWAY.set(guard);
    }

    /// Has this thread unwind with [`Killed`] at the `nth` step from here; nothing lets it live.
    pub fn kill_at(nth: Option<u32>) {
        STEPS_TO_LIVE.set(nth);
    }

    /// Has the database keep what the `nth` commit from here writes, and say nothing; nothing has it answer.
    pub fn fall_silent_at(nth: Option<u32>) {
        COMMITS_ANSWERED.set(nth);
    }

    /// Whether nobody is told of this commit.
    pub(crate) fn falls_silent() -> bool {
        let left = COMMITS_ANSWERED.get();
        COMMITS_ANSWERED.set(left.and_then(|left| left.checked_sub(1)));
        left == Some(0)
    }

    pub(crate) fn holds(guard: Guard) -> bool {
        TAKEN_AWAY.get() != Some(guard)
    }

    /// The step `step` of what is done to or with `of`. The process dies here where `CRASH_AT` names it.
    pub(crate) fn reach(step: &str, of: &str) {
        static CRASH_AT: OnceLock<Option<String>> = OnceLock::new();
        let crash_at = CRASH_AT.get_or_init(|| std::env::var("CRASH_AT").ok());
        if let Some(name) = crash_at
            && name.strip_prefix(step).is_some_and(|rest| rest.trim_start() == of)
        {
            // As by `kill -9`: nothing is flushed, closed or rolled back.
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
        match STEPS_TO_LIVE.get() {
            Some(0) => {
                STEPS_TO_LIVE.set(None);
                std::panic::resume_unwind(Box::new(Killed));
            }
            Some(left) => STEPS_TO_LIVE.set(Some(left - 1)),
            None => {}
        }
    }
}
