//! Signed-in learners: which tokens the server trusts, and what follows from them.
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use checkout_tests::{Answer, COURSE, LAUNCH_SECRET, Setup, TestApp, intent_of};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use sandbox::{SIGN_IN_AUDIENCE, SignIn};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_sign_names_the_learner_to_everybody() {
    let app = TestApp::set_up(Setup { tells_accounts: true, ..Setup::default() }).await;
    let sign_in = app.sandbox.sign_in();
    let claims = sign_in.claims("ada@example.com", "okta-1");
    let launch = json!({ "iss": "flockjay", "aud": SIGN_IN_AUDIENCE, "sub": "fj-1", "email": "ada@example.com", "exp": claims["exp"] });
    for (token, external_id) in [
        (sign_in.sign(Algorithm::RS256, &claims), "okta-1"),
        (sign_in.sign(Algorithm::ES256, &claims), "okta-1"),
        (sign_in.sign(Algorithm::EdDSA, &claims), "okta-1"),
        (shared_secret(LAUNCH_SECRET, &launch), "fj-1"),
    ] {
        let opened = open(&app, &token).await.expect(201).json();
        assert_eq!((&opened["email"], &opened["token_refused"]), (&json!("a•••@example.com"), &Value::Null));
        let id = opened["id"].as_str().unwrap();
        pay(&app, id, "grace@example.com").await.expect_problem(422, "invalid_request").json();
        // The email may be sent masked, as it was shown, or in full.
        pay(&app, id, "a•••@example.com").await.expect(200);
        let secret = pay(&app, id, "ADA@example.com").await.expect(200).text_at("client_secret");
        let intent = app.sandbox.stripe().intent(&intent_of(&secret)).unwrap();
        assert_eq!(intent["receipt_email"], "ada@example.com");
        assert_eq!(intent["metadata"]["learner_external_id"], external_id);
        app.sandbox.stripe().confirm(&intent_of(&secret), "4242424242424242").expect("a payment");
        app.reaches(id, "granted").await;
        let granted: Value = serde_json::from_str(app.grant_calls().last().unwrap()).unwrap();
        assert_eq!(granted["learner"]["email"], "ada@example.com");
        assert_eq!(granted["learner"]["external_id"], external_id);
        // FlockJay's own ids mean nothing to other systems.
        let known = if external_id == "fj-1" { Value::Null } else { json!(external_id) };
        let reference = opened["reference"].clone();
        app.until("the account system told", |sandbox| {
            let messages = sandbox.accounts().messages();
            let ours = messages.iter().find(|message| message.data["reference"] == reference);
            ours.is_some_and(|message| message.data["learner"]["external_id"] == known)
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_leaves_a_guest_and_tells_nothing() {
    let app = TestApp::start().await;
    app.buy(COURSE, 4900).await;
    let sign_in = app.sandbox.sign_in();
    let good = sign_in.claims("ada@example.com", "okta-1");
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        sign_in.sign(Algorithm::ES256, &claims)
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        sign_in.sign(Algorithm::ES256, &claims)
    };
    let now = good["iat"].as_u64().unwrap();
    let token = sign_in.sign(Algorithm::ES256, &good);
    let parts: Vec<_> = token.split('.').collect();
    let unsigned = [&part(&json!({ "alg": "none", "typ": "JWT" })), parts[1], ""].join(".");
    let other = part(&json!({ "email": "grace@example.com" }));
    let mut for_another = good.clone();
    for_another["aud"] = json!([SIGN_IN_AUDIENCE, "another"]);
    for_another["azp"] = json!("another");
    let access = Header { typ: Some("at+jwt".to_owned()), ..Header::new(Algorithm::HS256) };
    let key = EncodingKey::from_secret(LAUNCH_SECRET.as_bytes());
    let access = encode(&access, &good, &key).unwrap();
    for (token, word) in [
        (sign_in.sign(Algorithm::ES256, &for_another), "audience"),
        (with("iat", json!(now + 120)), "not_yet"),
        (access, "malformed"),
        (sign_in.sign(Algorithm::RS256, &sign_in.thin_claims("ada@example.com", "okta-1")), "email"),
        (with("exp", json!(now - 61)), "expired"),
        (with("nbf", json!(now + 120)), "not_yet"),
        (with("iss", json!("https://okta.example")), "issuer"),
        (with("aud", json!("another")), "audience"),
        (with("aud", json!(["another"])), "audience"),
        (with("email_verified", json!(false)), "email"),
        (with("email", json!("ada")), "email"),
        (without("email"), "email"),
        (without("email_verified"), "email"),
        (without("exp"), "malformed"),
        (without("aud"), "malformed"),
        (without("iss"), "malformed"),
        (without("sub"), "malformed"),
        (with("sub", json!("")), "malformed"),
        (with("exp", json!("never")), "malformed"),
        (unsigned, "malformed"),
        (
            encode(
                &Header::new(Algorithm::HS384),
                &good,
                &EncodingKey::from_secret(LAUNCH_SECRET.as_bytes()),
            )
            .unwrap(),
            "algorithm",
        ),
        ([parts[0], &other, parts[2]].join("."), "signature"),
        ([parts[0], parts[1], "AAAA"].join("."), "signature"),
        (unknown_key(&good), "key"),
        // Signed with a value that everybody can know, the public key, in place of a secret.
        (shared_secret(&public_key(&app).await, &good), "signature"),
        (shared_secret("another secret that nobody has ever shared", &good), "signature"),
        (parts[..2].join("."), "malformed"),
        ("x".to_owned(), "malformed"),
        ("x".repeat(9000), "malformed"),
        (String::new(), "malformed"),
    ] {
        let opened = open(&app, &token).await.expect(201).json();
        assert_eq!(
            (&opened["token_refused"], &opened["email"]),
            (&json!(word), &Value::Null),
            "{word}: {token}"
        );
        app.delete(&format!("/v1/purchases/{}", opened["id"].as_str().unwrap())).await.expect(200);
        let asked = mine(&app, COURSE, &token).await.expect_problem(422, "invalid_request").json();
        assert_eq!(asked["field"], "learner_token", "{asked}");
    }
    let guest = open(&app, "x").await.expect(201).text_at("id");
    pay(&app, &guest, "grace@example.com").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_it_is_shown_the_way_in_and_nobody_else_is() {
    let app = TestApp::start().await;
    let sign_in = app.sandbox.sign_in();
    // Bought as a guest, with the email in a different letter case.
    let id = app.open(COURSE).await;
    let secret = pay(&app, &id, "Ada@Example.com").await.expect(200).text_at("client_secret");
    let intent = intent_of(&secret);
    let token = sign_in.token("ada@example.com", "okta-1");
    mine(&app, COURSE, &token).await.expect(204);
    app.sandbox.stripe().confirm(&intent, "4242424242424242").expect("a payment");
    let granted = app.reaches(&id, "granted").await;
    let found = mine(&app, COURSE, &token).await.expect(200);
    assert_eq!(found.header("cache-control"), "no-store");
    assert_eq!((&found.json()["id"], &found.json()["access_url"]), (&granted["id"], &granted["access_url"]));
    assert!(!found.text.contains("da@"), "{}", found.text);
    mine(&app, "ru-live", &token).await.expect(204);
    let grace = sign_in.token("grace@example.com", "okta-2");
    mine(&app, COURSE, &grace).await.expect(204);
    app.sandbox.stripe().refund(&intent, None).unwrap();
    app.reaches(&id, "refunded").await;
    mine(&app, COURSE, &token).await.expect(204);
    // The same id from another issuer is another learner.
    let launch = json!({ "iss": "flockjay", "aud": SIGN_IN_AUDIENCE, "sub": "okta-2", "email": "eve@example.com", "exp": u32::MAX });
    let eve = shared_secret(LAUNCH_SECRET, &launch);
    // Learners who change their email keep what they bought.
    let id = open(&app, &grace).await.expect(201).text_at("id");
    let secret = pay(&app, &id, "grace@example.com").await.expect(200).text_at("client_secret");
    app.sandbox.stripe().confirm(&intent_of(&secret), "4242424242424242").expect("a payment");
    app.reaches(&id, "granted").await;
    mine(&app, COURSE, &sign_in.token("grace@new.example", "okta-2")).await.expect(200);
    mine(&app, COURSE, &eve).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_kept_changed_at_once_and_not_asked_for_by_whoever_makes_names_up() {
    let mut app = TestApp::start().await;
    let claims = app.sandbox.sign_in().claims("ada@example.com", "okta-1");
    let token = |sign_in: &SignIn| sign_in.sign(Algorithm::ES256, &claims);
    let old = token(app.sandbox.sign_in());
    for _ in 0..3 {
        assert_eq!(open(&app, &old).await.expect(201).json()["email"], "a•••@example.com");
    }
    let asked = app.sandbox.sign_in().asked();
    assert!(asked <= 2, "{asked}");
    // Cached keys still count while the service is down.
    app.sandbox.sign_in().is_down(true);
    assert_eq!(open(&app, &old).await.expect(201).json()["email"], "a•••@example.com");
    app.sandbox.sign_in().is_down(false);
    app.sandbox.sign_in().rotate();
    let new = token(app.sandbox.sign_in());
    assert_eq!(open(&app, &new).await.expect(201).json()["email"], "a•••@example.com");
    assert_eq!(open(&app, &old).await.expect(201).json()["token_refused"], "key", "it was withdrawn");
    for _ in 0..30 {
        mine(&app, COURSE, &unknown_key(&claims)).await.expect_problem(422, "invalid_request");
    }
    let asked = app.sandbox.sign_in().asked();
    assert!(asked <= 12, "{asked}");
    assert_eq!(open(&app, &new).await.expect(201).json()["email"], "a•••@example.com");
    // After a restart the server has no cached keys.
    app.sandbox.sign_in().is_down(true);
    app.restart().await;
    assert_eq!(open(&app, &new).await.expect(201).json()["token_refused"], "unavailable");
    mine(&app, COURSE, &new).await.expect_problem(503, "unavailable");
    app.sandbox.sign_in().is_down(false);
    let ask = || {
        app.request(reqwest::Method::POST, "/v1/purchases/mine")
            .json(&json!({ "sku": COURSE, "learner_token": new }))
    };
    app.until_answered(ask, 204).await;
    assert_eq!(open(&app, &new).await.expect(201).json()["email"], "a•••@example.com");
}

async fn open(app: &TestApp, token: &str) -> Answer {
    app.post("/v1/purchases", &json!({ "sku": COURSE, "learner_token": token })).await
}

async fn mine(app: &TestApp, sku: &str, token: &str) -> Answer {
    app.post("/v1/purchases/mine", &json!({ "sku": sku, "learner_token": token })).await
}

async fn pay(app: &TestApp, id: &str, email: &str) -> Answer {
    app.post(&format!("/v1/purchases/{id}/pay"), &json!({ "email": email, "expected_total": 4900 })).await
}

fn shared_secret(secret: &str, claims: &Value) -> String {
    encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

fn part(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token that names a key which nobody has published.
fn unknown_key(claims: &Value) -> String {
    let header =
        part(&json!({ "alg": "ES256", "typ": "JWT", "kid": format!("ec-{}", rand::random::<u32>()) }));
    [header, part(claims), BASE64_URL_SAFE_NO_PAD.encode([7; 64])].join(".")
}

/// The modulus of the RSA key that the sign-in service publishes.
async fn public_key(app: &TestApp) -> String {
    let keys = reqwest::get(format!("{}/v1/keys", app.sandbox.sign_in().issuer())).await.unwrap();
    let keys: Value = serde_json::from_str(&keys.text().await.unwrap()).unwrap();
    keys["keys"].as_array().unwrap().iter().find_map(|key| key["n"].as_str()).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_says_itself_where_its_keys_are_and_a_setting_whose_emails_are_verified() {
    let app = TestApp::set_up(Setup { signs_in_at_organisation: true, ..Setup::default() }).await;
    let organisation = app.sandbox.sign_in();
    let mut claims = organisation.claims("ada@example.com", "okta-1");
    claims["iss"] = json!(organisation.organisations_issuer());
    let opened = open(&app, &organisation.sign(Algorithm::RS256, &claims)).await.expect(201);
    assert_eq!(opened.json()["email"], "a•••@example.com", "its keys are elsewhere than a custom server's");
    drop(app);
    let mut app = TestApp::start().await;
    let issuer = app.sandbox.sign_in().claims("ada@example.com", "okta-1")["iss"].clone();
    app.restart_with(&[format!("--learner-trusted-emails={}", issuer.as_str().unwrap())]).await;
    let custom = app.sandbox.sign_in();
    let mut claims = custom.claims("ada@example.com", "okta-1");
    claims.as_object_mut().unwrap().remove("email_verified");
    let opened = open(&app, &custom.sign(Algorithm::RS256, &claims)).await.expect(201);
    assert_eq!(opened.json()["email"], "a•••@example.com");
    claims["email_verified"] = json!(false);
    let opened = open(&app, &custom.sign(Algorithm::RS256, &claims)).await.expect(201);
    assert_eq!(opened.json()["token_refused"], "email", "what is said to be wrong is never right");
}
