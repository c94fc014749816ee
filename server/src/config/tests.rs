//! Valid settings, and every way in which they can be wrong.
use super::*;
use crate::store::Schema;
use clap::{Args as _, Parser};
use expect_test::expect_file;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    raw: RawConfig,
}

const GOOD: &[&str] = &[
    // Any file that exists.
    concat!("--catalog=", env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
    "--stripe-secret-key=sk_test_sandbox",
    "--stripe-publishable-key=pk_test_sandbox",
    "--stripe-webhook-secrets=whsec_a,whsec_b",
    "--stripe-api-url=http://127.0.0.1:1",
    "--stripe-js-url=http://127.0.0.1:1/v3/",
    "--flockjay-url=http://127.0.0.1:2/",
    "--flockjay-token=token",
];

fn check(changed: &[&str]) -> Result<Config, Vec<String>> {
    let name = |arg: &str| arg.split('=').next().map(str::to_owned);
    let kept = GOOD.iter().filter(|good| !changed.iter().any(|new| name(new) == name(good)));
    let args = std::iter::once(&"test").chain(kept).chain(changed).filter(|arg| !arg.ends_with("=-"));
    Cli::try_parse_from(args).unwrap().raw.check().map_err(|mistakes| mistakes.0)
}

#[test]
fn good_settings_are_taken() {
    let config = check(&["--allowed-origins=https://redis.io, http://127.0.0.1:3"]).unwrap();
    assert_eq!(config.allowed_origins, ["https://redis.io", "http://127.0.0.1:3"]);
    assert_eq!(config.stripe.webhook_secrets, ["whsec_a", "whsec_b"]);
    assert_eq!(config.retry.give_up, Duration::from_secs(72 * 3600));
}

#[test]
fn ways_to_pay_and_stripes_domain_are_named_as_stripe_names_them() {
    let methods =
        |text: &str| check(&[&format!("--payment-methods={text}")]).map(|config| config.stripe.methods);
    assert_eq!(methods("instant").unwrap(), PaymentMethods::INSTANT);
    assert!(methods("all").unwrap().delayed);
    assert_eq!(methods("pmc_1").unwrap().configuration.as_deref(), Some("pmc_1"));
    for wrong in ["", "card", "pmc_", "All"] {
        assert!(methods(wrong).unwrap_err()[0].starts_with("PAYMENT_METHODS: "), "{wrong}");
    }
    let page =
        |host: &str| check(&[&format!("--stripe-checkout-host={host}")]).map(|config| config.stripe.pages);
    assert_eq!(page("pay.example.com").unwrap(), ["https://pay.example.com", "https://checkout.stripe.com"]);
    assert_eq!(page("").unwrap(), ["http://127.0.0.1:1"], "the stand-in's own");
    for wrong in ["https://pay.example.com", "pay.example.com/x", "pay", "127.0.0.1"] {
        assert!(page(wrong).unwrap_err()[0].starts_with("STRIPE_CHECKOUT_HOST: "), "{wrong}");
    }
    for old in [
        "--partial-dispute=end",
        "--learner-email-verified=always",
        "--stripe-checkout-url=https://x.example",
    ] {
        assert!(check(&[old]).unwrap_err()[0].contains("is now called"), "{old}");
    }
    assert!(check(&["--dispute-partial-access=end"]).unwrap_err()[0].contains("must be keep or revoke"));
    let trusting = [
        "--learner-issuer=https://a.example",
        "--learner-audience=x",
        "--learner-trusted-emails=https://b.example",
    ];
    assert!(check(&trusting).unwrap_err()[0].starts_with("LEARNER_TRUSTED_EMAILS: "));
}

#[test]
fn a_mail_server_is_spoken_to_in_secret_and_named_with_a_sender() {
    let from = "--smtp-from=Redis University <ru@redis.example>";
    for (url, from, wrong) in [
        ("--smtp-url=smtps://user:secret@mail.example", from, None),
        ("--smtp-url=smtp://mail.example:587?tls=required", from, None),
        ("--smtp-url=smtp://127.0.0.1:2525", from, None),
        ("--smtp-url=", "--smtp-from=", None),
        ("--smtp-url=smtp://user:secret@mail.example", from, Some("SMTP_URL")),
        ("--smtp-url=https://user:secret@mail.example?tls=required", from, Some("SMTP_URL")),
        ("--smtp-url=secret", from, Some("SMTP_URL")),
        ("--smtp-url=", from, Some("SMTP_URL")),
        ("--smtp-url=smtps://mail.example", "--smtp-from=", Some("SMTP_FROM")),
        ("--smtp-url=smtps://mail.example", "--smtp-from=nobody", Some("SMTP_FROM")),
    ] {
        match (check(&[url, from]), wrong) {
            (Ok(config), None) => assert_eq!(config.mail.is_some(), url.len() > 11, "{url}"),
            (Err(mistakes), Some(name)) => {
                assert!(mistakes.iter().all(|mistake| mistake.starts_with(name)), "{url}: {mistakes:?}");
                assert!(!mistakes.concat().contains("secret"), "{url}: {mistakes:?}");
            }
            (checked, _) => panic!("{url} {from}: {:?}", checked.err()),
        }
    }
}

#[test]
fn every_mistake_is_named_at_once() {
    let mistakes = check(&[
        "--listen=here",
        "--database-url=mysql://x",
        "--allowed-origins=https://redis.io/courses",
        "--catalog=/nowhere/catalog.toml",
        "--stripe-secret-key=whsec_secret",
        "--stripe-webhook-secrets=-",
        "--flockjay-token=-",
        "--hold-seconds=99999999999999",
        "--retry-hours=many",
    ])
    .unwrap_err();
    let names: Vec<_> = mistakes.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(
        names,
        [
            "LISTEN",
            "DATABASE_URL",
            "ALLOWED_ORIGINS",
            "CATALOG",
            "STRIPE_SECRET_KEY",
            "STRIPE_WEBHOOK_SECRETS",
            "FLOCKJAY_TOKEN",
            "HOLD_SECONDS",
            "RETRY_HOURS"
        ]
    );
    assert!(!mistakes.join("\n").contains("whsec_secret"), "a secret is never repeated");
}

#[test]
fn flockjay_is_spoken_to_in_secret() {
    assert!(check(&["--flockjay-url=https://flockjay.example/api"]).is_ok());
    for readable in ["http://flockjay.example/api", "http://127.evil.example"] {
        let mistakes = check(&[&format!("--flockjay-url={readable}")]).unwrap_err();
        assert!(mistakes[0].starts_with("FLOCKJAY_URL: must begin with https://"), "{mistakes:?}");
    }
}

#[test]
fn who_migrates_is_said() {
    let schema = |flags: &[&str]| check(flags).map(|config| config.schema);
    let postgres = "--database-url=postgres://a@localhost/b";
    assert_eq!(schema(&[]), Ok(Schema::Migrate), "SQLite is this server's alone");
    assert_eq!(schema(&[postgres]), Ok(Schema::Create));
    assert_eq!(schema(&[postgres, "--migrate"]), Ok(Schema::Migrate));
    assert!(schema(&["--migrate=perhaps"]).unwrap_err()[0].starts_with("MIGRATE"));
}

#[test]
fn live_keys_and_the_sandbox_refuse_each_other() {
    let live = ["--stripe-secret-key=sk_live_1", "--stripe-publishable-key=pk_live_1"];
    assert!(check(&live).unwrap_err()[0].contains("must not be set with live keys"));
    let own = ["--stripe-api-url=-", "--stripe-js-url=-"];
    assert!(check(&own).unwrap_err()[0].contains("must point to the sandbox"));
    let named = ["--stripe-api-url=https://api.stripe.com", "--stripe-js-url=https://js.stripe.com/v3/"];
    assert!(check(&named).unwrap_err()[0].contains("must point to the sandbox"));
    assert!(check(&["--stripe-secret-key=sk_live_1"]).unwrap_err()[0].contains("use two live keys"));
    assert!(check(&[live, own].concat()).is_ok());
}

/// `UPDATE_EXPECT=1 cargo test -p redis-checkout --lib` writes the table anew from the settings.
#[test]
fn the_documented_settings_are_the_ones_there_are() {
    let document = include_str!("../../../docs/configuration.md");
    let (before, rest) = document.split_once("| variable |").unwrap();
    let (_, after) = rest.split_once("\n\n").unwrap();
    let command = RawConfig::augment_args(clap::Command::new("serve"));
    let rows = command.get_arguments().filter(|setting| !setting.is_hide_set()).map(|setting| {
        let variable = setting.get_env().unwrap().to_string_lossy();
        let default = match setting.get_default_values() {
            [default] if !default.is_empty() => format!("`{}`", default.to_string_lossy()),
            _ => String::new(),
        };
        let help = setting.get_long_help().or(setting.get_help()).map(ToString::to_string).unwrap();
        assert!(help.len() > 10, "{variable} needs a description");
        format!("\n| `{variable}` | {default} | {} |", help.trim_end_matches('.').replace('|', "\\|"))
    });
    let table = ["| variable | default | what it is |\n|---|---|---|".to_owned()].into_iter().chain(rows);
    let current = format!("{before}{}\n\n{after}", table.collect::<String>());
    expect_file!["../../../docs/configuration.md"].assert_eq(&current);
}
