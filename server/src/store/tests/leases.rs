//! Leases of commands and jobs.
use super::*;

#[tokio::test]
async fn a_command_is_leased_to_one_worker_until_the_lease_runs_out() {
    let fixture = Fixture::new().await;
    let id = fixture.open(1).await;
    fixture.pay(&id).await;
    let first = fixture.lease(NOW).await.unwrap();
    assert_eq!((&first.command, first.attempts), (&Command::CreateGrant, 1));
    assert!(fixture.lease(NOW).await.is_none());
    let second = fixture.lease(NOW.plus(LEASE)).await.unwrap();
    assert_eq!((&second.id, second.attempts), (&first.id, 2));
    // The first worker comes back late: its outcome is not recorded twice.
    let mut tx = fixture.store.begin().await.unwrap();
    assert!(!tx.finish(&first, NOW).await.unwrap());
    assert!(tx.finish(&second, NOW).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(fixture.store.outbox_depth().await.unwrap(), (0, 0));
}

#[tokio::test]
async fn commands_of_one_purchase_keep_their_order_at_one_receiver_and_wait_for_no_other() {
    let fixture = Fixture::new().await;
    let id = fixture.open(1).await;
    fixture.pay(&id).await;
    fixture.apply(&id, Event::RefundsCounted { succeeded: 4900, failed: 0 }).await;
    fixture.apply(&id, Event::GrantCreated { access_url: "https://learn".to_owned() }).await;
    let grant = fixture.lease(NOW).await.unwrap();
    assert_eq!(grant.command, Command::CreateGrant);
    assert!(fixture.lease(NOW).await.is_none(), "revoking waits for granting");
    fixture.store.retry(&grant, "busy", NOW.plus(LEASE)).await.unwrap();
    assert!(fixture.lease(NOW).await.is_none(), "also while granting waits for its next try");
    let grant = fixture.lease(NOW.plus(LEASE)).await.unwrap();
    let mut tx = fixture.store.begin().await.unwrap();
    assert!(tx.finish(&grant, NOW).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(fixture.lease(NOW.plus(LEASE)).await.unwrap().command, Command::RevokeGrant);

    let other = fixture.open(2).await;
    fixture.pay(&other).await;
    let failed = fixture.lease(NOW).await.unwrap();
    fixture.store.retry(&failed, "down", NOW.plus(LEASE)).await.unwrap();
    fixture.apply(&other, Event::StripeHadNews { intent: None }).await;
    let asked = fixture.store.lease(&Receiver::Stripe, NOW, LEASE).await.unwrap().unwrap();
    assert_eq!(asked.command, Command::AskStripe);
}

#[tokio::test]
async fn a_command_under_way_does_not_swallow_the_next_of_its_kind() {
    let fixture = Fixture::new().await;
    let id = fixture.open(1).await;
    fixture.apply(&id, Event::StripeHadNews { intent: None }).await;
    fixture.apply(&id, Event::StripeHadNews { intent: None }).await;
    assert_eq!(fixture.store.outbox_depth().await.unwrap(), (1, 0), "one that waits does for both");
    fixture.store.lease(&Receiver::Stripe, NOW, LEASE).await.unwrap().unwrap();
    fixture.apply(&id, Event::StripeHadNews { intent: None }).await;
    assert_eq!(
        fixture.store.outbox_depth().await.unwrap(),
        (2, 0),
        "one under way may have looked too early"
    );
}

#[tokio::test]
async fn what_waits_for_another_command_is_not_said_to_be_due() {
    let fixture = Fixture::new().await;
    let id = fixture.open(1).await;
    fixture.pay(&id).await;
    let grant = fixture.lease(NOW).await.unwrap();
    fixture.apply(&id, Event::RefundsCounted { succeeded: 4900, failed: 0 }).await;
    fixture.store.retry(&grant, "down", NOW.plus(LEASE)).await.unwrap();
    assert_eq!(fixture.store.next_due(&Receiver::FlockJay).await.unwrap(), Some(NOW.plus(LEASE)));
}

#[tokio::test]
async fn a_lease_that_is_renewed_lasts() {
    let fixture = Fixture::new().await;
    let id = fixture.open(1).await;
    fixture.pay(&id).await;
    let grant = fixture.lease(NOW).await.unwrap();
    fixture.store.renew(&grant, NOW.plus(LEASE * 2)).await.unwrap();
    assert!(fixture.lease(NOW.plus(LEASE)).await.is_none());
    assert!(fixture.lease(NOW.plus(LEASE * 2)).await.is_some());
}

#[tokio::test]
async fn an_offering_fails_once_a_grant_has_waited_for_long() {
    let fixture = Fixture::new().await;
    let id = fixture.open(1).await;
    fixture.pay(&id).await;
    let failing = async |now: Timestamp| fixture.store.failing_skus(now, 3, NOW).await.unwrap();
    assert!(failing(NOW.plus(LEASE)).await.is_empty(), "it was not tried yet");
    let task = fixture.lease(NOW).await.unwrap();
    fixture.store.retry(&task, "down", NOW.plus(LEASE)).await.unwrap();
    let task = fixture.lease(NOW.plus(LEASE)).await.unwrap();
    assert!(failing(NOW).await.is_empty(), "it has not waited for long");
    assert_eq!(failing(NOW.plus(LEASE)).await.into_iter().collect::<Vec<_>>(), ["ru-test"]);
    fixture.store.retry(&task, "down", NOW.plus(LEASE)).await.unwrap();
    fixture.apply(&id, Event::GrantCreated { access_url: "https://learn".to_owned() }).await;
    assert!(failing(NOW.plus(LEASE)).await.is_empty(), "granted");
}

#[tokio::test]
async fn a_job_cut_off_in_the_middle_is_taken_over_and_one_that_is_done_waits_for_its_time() {
    let fixture = Fixture::new().await;
    let claim = async |now| fixture.store.claim_job("job", now, LEASE * 10, LEASE).await.unwrap();
    assert!(!claim(NOW).await, "new, and due after its interval");
    let due = NOW.plus(LEASE * 10);
    assert!(claim(due).await);
    assert!(!claim(due).await, "another has it");
    assert!(claim(due.plus(LEASE)).await, "who had it gave no sign of life");
    fixture.store.postpone_job("job", due.plus(LEASE * 10)).await.unwrap();
    assert!(!claim(due.plus(LEASE * 9)).await);
}

#[tokio::test]
async fn an_offering_that_was_refused_three_times_is_tried_again_after_a_while_and_once_is_enough_then() {
    let fixture = Fixture::new().await;
    let refuse = async |n: u8, now: Timestamp| {
        let id = fixture.open(n).await;
        fixture.pay(&id).await;
        let task = fixture.lease(now).await.unwrap();
        let mut tx = fixture.store.begin().await.unwrap();
        assert!(tx.give_to_person(&task, "no", now).await.unwrap());
        tx.commit().await.unwrap();
    };
    let failing = async |after: Timestamp| {
        fixture.store.failing_skus(NOW.minus(LEASE), 3, after).await.unwrap().contains("ru-test")
    };
    refuse(1, NOW).await;
    refuse(2, NOW).await;
    assert!(!failing(NOW.minus(LEASE)).await);
    refuse(3, NOW).await;
    assert!(failing(NOW.minus(LEASE)).await);
    assert!(!failing(NOW).await, "a while after the last");
    refuse(4, NOW.plus(LEASE)).await;
    assert!(failing(NOW).await);
}

#[tokio::test]
async fn the_time_of_a_command_runs_from_its_first_try() {
    let fixture = Fixture::new().await;
    let id = fixture.open(1).await;
    fixture.pay(&id).await;
    let late = NOW.plus(LEASE * 1000);
    let first = fixture.lease(late).await.unwrap();
    assert_eq!(first.tried_since, late);
    fixture.store.retry(&first, "down", late.plus(LEASE)).await.unwrap();
    assert_eq!(fixture.lease(late.plus(LEASE)).await.unwrap().tried_since, late);
}
