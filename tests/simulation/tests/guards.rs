//! Without any one of the guards the simulation finds a broken invariant; with all in place it finds none.
use redis_checkout::fault_injection::{Guard, disable};
use simulation::{Report, Seeds, simulate};

/// Seeds within which a missing guard must show.
const SEEDS: u64 = 2000;

/// Runs `seeds` seeds, starting at `first`, up to the first one that breaks an invariant.
fn run(first: u64, seeds: u64) -> Report {
    let end = first + seeds;
    simulate(Seeds { first, end, step: 1, most: 1, stories: false }, &|| {}).expect("a simulation")
}

#[test]
fn nothing_breaks_with_every_guard_in_place() {
    let report = run(0, 200);
    assert!(report.broken.is_empty(), "{}", report.broken[0]);
    assert!(report.purchases > 200);
}

#[test]
fn a_run_is_the_same_when_it_is_repeated() {
    disable(Some(Guard::SeatIsLeft));
    let twice = [0, 1].map(|_| run(0, SEEDS));
    assert_eq!(twice[0].broken[0].seed, twice[1].broken[0].seed);
    assert_eq!(twice[0].purchases, twice[1].purchases);
}

macro_rules! every_guard_is_needed {
    ($($name:ident: $guard:ident $(from $first:literal)?),+ $(,)?) => {
        $(#[test]
        fn $name() {
            disable(Some(Guard::$guard));
            // A rare fault starts at a seed that is known to show it.
            let first = [$($first,)? 0][0];
            let report = run(first, SEEDS);
            assert!(!report.broken.is_empty(), "{:?} was taken away, and nothing broke", Guard::$guard);
            println!("{:?}: {}", Guard::$guard, report.broken[0]);
        })+

        #[test]
        fn each_guard_has_a_test() {
            assert_eq!([$(Guard::$guard),+], Guard::ALL);
        }
    };
}

every_guard_is_needed! {
    without_it_seats_are_sold_twice: SeatIsLeft,
    without_it_a_seat_is_free_while_it_is_paid_for: SeatUntilCanceled,
    without_it_late_money_buys_a_seat_that_is_not_there: LateMoneyNeedsSeat,
    without_it_a_repeated_request_opens_two_purchases: OpenedOnce,
    without_it_a_retry_makes_a_second_intent: FrozenAttempt,
    without_it_an_intent_whose_id_was_lost_stays_open: IntentIsSought,
    without_it_a_payment_is_lost_to_a_cancellation: PaymentWins,
    without_it_another_amount_is_kept: ExactAmount,
    without_it_a_second_payment_is_kept: StrayGoesBack,
    without_it_access_stays_after_a_refund: RevokedWithMoney,
    without_it_more_is_given_back_than_was_paid: RefundsAddUp from 200,
    without_it_a_crash_loses_commands: CommandsCommitWithState,
    without_it_lost_messages_hold_purchases_up: Swept,
    without_it_a_seat_is_free_while_its_page_is_open: PageIsClosed,
    without_it_what_happened_to_a_payment_besides_is_forgotten: StripeIsAskedForMore from 6800,
    without_it_a_coupon_is_used_too_often: CouponIsLeft,
    without_it_an_abandoned_purchase_keeps_its_coupon: RedemptionGoesBack,
    without_it_codes_are_good_after_their_refund: CodesGoWithMoney,
    without_it_a_power_cut_loses_what_somebody_was_told: CommitIsSynced,
    without_it_a_full_disk_loses_what_somebody_was_told: CommitIsAwaited,
    without_it_half_a_request_is_carried_out: RequestIsWhole,
}
