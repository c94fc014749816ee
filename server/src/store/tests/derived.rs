//! Catching up with what a server of an earlier release has written.
use super::*;

#[tokio::test]
async fn what_an_earlier_release_has_written_is_found_counted_and_booked() {
    let fixture = Fixture::new().await;
    let (id, other) = (fixture.open(1).await, fixture.open(2).await);
    fixture.pay(&id).await;
    fixture.pay(&other).await;
    assert!(fixture.store.underived_purchases(None, 9).await.unwrap().is_empty());
    // As that release would have stored it: it knows neither the columns nor the ledger.
    for statement in [
        "UPDATE purchases SET email_key = NULL, pressed = 0, derived_version = version - 1 WHERE id = $1",
        "DELETE FROM ledger WHERE purchase_id = $1",
        "INSERT INTO redemptions (purchase_id, code, email, at) VALUES ($1, 'HALF', 'JÜRGEN@example.com', 0)",
    ] {
        sqlx::query(statement).bind(id.as_str()).execute(fixture.store.pool()).await.unwrap();
    }
    assert_eq!(fixture.store.underived_purchases(None, 9).await.unwrap(), std::slice::from_ref(&id));
    assert_eq!(fixture.store.purchase_in_books(&id).await.unwrap(), None, "nobody compares it yet");
    let mut tx = fixture.store.begin().await.unwrap();
    tx.derive(&id, NOW).await.unwrap();
    tx.commit().await.unwrap();
    let (_, booked) = fixture.store.purchase_in_books(&id).await.unwrap().unwrap();
    assert_eq!((booked.charged, booked.refunded), (4900, 0));
    let row = sqlx::query("SELECT email_key, pressed FROM purchases WHERE id = $1");
    let row = row.bind(id.as_str()).fetch_one(fixture.store.pool()).await.unwrap();
    assert_eq!(
        (row.get::<String, _>("email_key").as_str(), row.get::<i64, _>("pressed")),
        ("ada@example.com", 1)
    );
    let row = sqlx::query("SELECT email FROM redemptions").fetch_one(fixture.store.pool()).await.unwrap();
    assert_eq!(row.get::<String, _>("email"), "jürgen@example.com", "so that it is counted and erased");
    assert!(fixture.store.underived_purchases(None, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_change_books_what_an_earlier_release_has_not() {
    let fixture = Fixture::new().await;
    let id = fixture.open(1).await;
    fixture.pay(&id).await;
    for statement in ["UPDATE purchases SET derived_version = NULL", "DELETE FROM ledger"] {
        sqlx::query(statement).execute(fixture.store.pool()).await.unwrap();
    }
    fixture.apply(&id, Event::GrantCreated { access_url: "https://learn".to_owned() }).await;
    let (_, booked) = fixture.store.purchase_in_books(&id).await.unwrap().unwrap();
    assert_eq!(booked.charged, 4900);
    assert!(fixture.store.underived_purchases(None, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn of_a_dispute_that_an_earlier_release_has_told_of_stripe_is_asked_how_much() {
    let fixture = Fixture::new().await;
    let id = fixture.open(1).await;
    fixture.pay(&id).await;
    sqlx::query(
        "UPDATE purchases SET derived_version = NULL, body = replace(body, '\"dispute\":null', '\"dispute\":\"lost\"')",
    )
    .execute(fixture.store.pool())
    .await
    .unwrap();
    assert!(
        fixture.store.purchase(&id).await.unwrap().dispute_forbids_refund(),
        "nobody knows how much is left"
    );
    let mut tx = fixture.store.begin().await.unwrap();
    tx.derive(&id, NOW).await.unwrap();
    tx.commit().await.unwrap();
    let asked = fixture.store.lease(&Receiver::Stripe, NOW, LEASE).await.unwrap().unwrap();
    assert_eq!(asked.command, Command::AskStripe);
}
