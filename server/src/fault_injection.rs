//! Fault injection for tests: disables guards, and kills the process at chosen steps. Without the feature
//! `fault-injection`, all of it compiles to nothing.

/// A check that protects an invariant. With one disabled, the simulation must find the invariant broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// A seat is taken only if one is left.
    SeatIsLeft,
    /// A seat stays taken until Stripe has confirmed that nothing will be paid.
    SeatUntilCanceled,
    /// A payment that arrives after its seat was released needs a new seat.
    LateMoneyNeedsSeat,
    /// The same `Idempotency-Key` opens only one purchase.
    OpenedOnce,
    /// Every retry sends the same request to create a payment intent.
    FrozenAttempt,
    /// A payment intent whose id was lost is searched for by its reference.
    IntentIsSought,
    /// A cancellation that comes too late records the payment instead.
    PaymentWins,
    /// A payment of another amount than the one shown is refunded.
    ExactAmount,
    /// A second payment for one purchase is refunded.
    StrayGoesBack,
    /// Access is revoked once the whole payment has been returned.
    RevokedWithMoney,
    /// Pending refunds count when the next one is requested.
    RefundsAddUp,
    /// Commands commit together with the state that they follow from.
    CommandsCommitWithState,
    /// The sweep picks up purchases that have waited too long.
    Swept,
    /// A seat stays taken until Stripe's page no longer accepts a payment.
    PageIsClosed,
    /// After a payment on Stripe's page, or with an intent that was not on record, Stripe is asked what else happened
    /// to it.
    StripeIsAskedForMore,
    /// A coupon is used only if a use is left.
    CouponIsLeft,
    /// A purchase that ends without a payment releases its coupon redemption.
    RedemptionGoesBack,
    /// Unused codes are revoked when the payment for them is refunded.
    CodesGoWithMoney,
    /// A commit is synced to the disk.
    CommitIsSynced,
    /// A write that the disk refused is never reported as committed.
    CommitIsAwaited,
    /// A request whose body breaks off is not carried out.
    RequestIsWhole,
}

impl Guard {
    pub const ALL: [Self; 21] = [
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
        Self::RequestIsWhole,
    ];
}

/// The guards that the state machine keeps. It reads no switch, so it is handed them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guards {
    #[cfg(feature = "fault-injection")]
    disabled: Option<Guard>,
}

impl Guards {
    pub const ALL: Self = Self {
        #[cfg(feature = "fault-injection")]
        disabled: None,
    };

    /// Those that are enabled on this thread.
    #[cfg(feature = "fault-injection")]
    #[must_use]
    pub fn of_this_thread() -> Self {
        Self { disabled: on::disabled() }
    }

    #[cfg(feature = "fault-injection")]
    pub(crate) fn hold(self, guard: Guard) -> bool {
        self.disabled != Some(guard)
    }

    #[cfg(not(feature = "fault-injection"))]
    pub(crate) const fn hold(self, _: Guard) -> bool {
        true
    }
}

/// A step of a purchase at which a process may die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    OpenStored,
    OpenCommitted,
    CouponStored,
    CouponCommitted,
    PayStored,
    PayCommitted,
    IntentMade,
    SessionMade,
    RecordStored,
    RecordCommitted,
    WebhookStored,
    WebhookCommitted,
    OutboxLeased,
    OutboxCarriedOut,
    OutboxStored,
    OutboxCommitted,
    /// Before the commands that [`Guard::CommandsCommitWithState`] would have committed with the state.
    CommandsLater,
}

impl Step {
    /// Those that a purchase reaches with every guard enabled.
    pub const ALL: [Self; 16] = [
        Self::OpenStored,
        Self::OpenCommitted,
        Self::CouponStored,
        Self::CouponCommitted,
        Self::PayStored,
        Self::PayCommitted,
        Self::IntentMade,
        Self::SessionMade,
        Self::RecordStored,
        Self::RecordCommitted,
        Self::WebhookStored,
        Self::WebhookCommitted,
        Self::OutboxLeased,
        Self::OutboxCarriedOut,
        Self::OutboxStored,
        Self::OutboxCommitted,
    ];

    /// Its name in `CRASH_AT`. For a step of the outbox, the command's name follows: `outbox.leased create_grant`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenStored => "open.stored",
            Self::OpenCommitted => "open.committed",
            Self::CouponStored => "coupon.stored",
            Self::CouponCommitted => "coupon.committed",
            Self::PayStored => "pay.stored",
            Self::PayCommitted => "pay.committed",
            Self::IntentMade => "pay.intent_made",
            Self::SessionMade => "pay.session_made",
            Self::RecordStored => "record.stored",
            Self::RecordCommitted => "record.committed",
            Self::WebhookStored => "webhook.stored",
            Self::WebhookCommitted => "webhook.committed",
            Self::OutboxLeased => "outbox.leased",
            Self::OutboxCarriedOut => "outbox.carried_out",
            Self::OutboxStored => "outbox.stored",
            Self::OutboxCommitted => "outbox.committed",
            Self::CommandsLater => "commands.later",
        }
    }

    /// Whether the outbox reaches it, once for each command.
    #[must_use]
    pub const fn is_of_outbox(self) -> bool {
        matches!(
            self,
            Self::OutboxLeased | Self::OutboxCarriedOut | Self::OutboxStored | Self::OutboxCommitted
        )
    }
}

#[cfg(feature = "fault-injection")]
pub use on::{Killed, disable, fall_silent_at, kill_at};
#[cfg(feature = "fault-injection")]
pub(crate) use on::{enabled, falls_silent, reach};

#[cfg(not(feature = "fault-injection"))]
pub(crate) const fn enabled(_: Guard) -> bool {
    true
}

#[cfg(not(feature = "fault-injection"))]
pub(crate) const fn reach(_step: Step, _of: &str) {}

#[cfg(not(feature = "fault-injection"))]
pub(crate) const fn falls_silent() -> bool {
    false
}

#[cfg(feature = "fault-injection")]
mod on {
    use super::{Guard, Step};
    use std::cell::Cell;
    use std::sync::OnceLock;

    thread_local! {
        static DISABLED: Cell<Option<Guard>> = const { Cell::new(None) };
        /// Steps that this thread may still reach.
        static STEPS_TO_LIVE: Cell<Option<u32>> = const { Cell::new(None) };
        /// Commits of this thread that still get an answer.
        static COMMITS_ANSWERED: Cell<Option<u32>> = const { Cell::new(None) };
    }

    /// The payload with which a thread that was killed at a step unwinds.
    #[derive(Debug)]
    pub struct Killed;

    /// Disables `guard` on this thread; `None` enables all guards.
    pub fn disable(guard: Option<Guard>) {
        DISABLED.set(guard);
    }

    /// Makes this thread unwind with [`Killed`] at the `nth` step from here; `None` disarms it.
    pub fn kill_at(nth: Option<u32>) {
        STEPS_TO_LIVE.set(nth);
    }

    /// Makes the database keep the `nth` commit from here, but not answer it; `None` disarms it.
    pub fn fall_silent_at(nth: Option<u32>) {
        COMMITS_ANSWERED.set(nth);
    }

    /// Whether this commit gets no answer.
    pub(crate) fn falls_silent() -> bool {
        let left = COMMITS_ANSWERED.get();
        COMMITS_ANSWERED.set(left.and_then(|left| left.checked_sub(1)));
        left == Some(0)
    }

    pub(super) fn disabled() -> Option<Guard> {
        DISABLED.get()
    }

    pub(crate) fn enabled(guard: Guard) -> bool {
        disabled() != Some(guard)
    }

    /// Marks the step `step` of the work on `of`. The process dies here if `CRASH_AT` names the step.
    pub(crate) fn reach(step: Step, of: &str) {
        static CRASH_AT: OnceLock<Option<String>> = OnceLock::new();
        let crash_at = CRASH_AT.get_or_init(|| std::env::var("CRASH_AT").ok());
        if let Some(name) = crash_at
            && name.strip_prefix(step.name()).is_some_and(|rest| rest.trim_start() == of)
        {
            // Like `kill -9`: nothing is flushed, closed or rolled back.
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
