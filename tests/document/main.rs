//! Checks the OpenAPI document against the running server with third-party tools: `cargo xtask test` installs them, and
//! names them in the environment.
use checkout_tests::{COURSE, TestApp, intent_of};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

const GOOD: &str = "4242424242424242";
const TOKEN: &str = "a-service-token-of-the-tests-0123";

/// Credentials and parameters for the tool, and the exceptions from what it expects of every server, each with its
/// reason.
const SETTINGS: &str = r#"
[auth.openapi.service_token]
bearer = "{token}"

[parameters]
"path.sku" = "ru-course"
"path.id" = "{purchase}"
# A purchase that does not change is waited for as long as one asks.
"query.wait" = 0

# Whether a code, an address or a price is taken is no matter of the schema: what fits it may still be refused.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "422", "429", "503"]

[[operations]]
include-path = "/embed/assets/{name}"
parameters = { "path.name" = "{asset}" }

# Only Stripe signs.
[[operations]]
include-path = "/v1/stripe/webhook"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400"]

# A stream does not end: that it begins as it says is enough.
[[operations]]
include-path = "/v1/offerings/{sku}/seats"
phases.fuzzing.enabled = false
phases.stateful.enabled = false
"#;

/// A program that the environment names.
fn program(name: &str) -> OsString {
    std::env::var_os(name).unwrap_or_else(|| panic!("{name} names the program"))
}

/// Runs the command to its end, and asserts that it succeeds.
async fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().await.expect("the program runs");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&said));
}

/// A server, and its document in a file.
async fn described() -> (TestApp, tempfile::TempDir, PathBuf) {
    let app = TestApp::with(&["--service-tokens", TOKEN]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("openapi.json");
    let document = app.get("/openapi.json").await.expect(200).text;
    tokio::fs::write(&file, document).await.expect("a file");
    (app, folder, file)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs programs that cargo xtask test installs"]
async fn it_is_a_valid_document() {
    let (_app, _folder, file) = described().await;
    run(Command::new(program("OPENAPI_SPEC_VALIDATOR")).args(["--subschema-errors", "all"]).arg(file)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs programs that cargo xtask test installs"]
async fn every_route_answers_as_it_says_whatever_is_asked() {
    let (app, folder, file) = described().await;
    let purchase = app.open(COURSE).await;
    let settings = folder.path().join("schemathesis.toml");
    let card = app.get(&format!("/embed/card/{COURSE}")).await.expect(200).text;
    let asset =
        card.split("/embed/assets/").nth(1).and_then(|rest| rest.split('"').next()).expect("an asset");
    let text = [("{token}", TOKEN), ("{purchase}", &purchase), ("{asset}", asset)]
        .iter()
        .fold(SETTINGS.to_owned(), |text, (name, value)| text.replace(name, value));
    tokio::fs::write(&settings, text).await.expect("a file");
    let mut tool = Command::new(program("SCHEMATHESIS"));
    tool.arg("--config-file").arg(settings).arg("run").arg(file).args(["--url", app.base()]);
    tool.args(["--checks=all", "--max-examples=20", "--generation-deterministic", "--no-color"]);
    run(tool.current_dir(folder.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs programs that cargo xtask test installs"]
async fn a_client_that_is_made_from_it_compiles_and_buys() {
    let (app, folder, file) = described().await;
    let packages = PathBuf::from(program("NODE_PACKAGES"));
    let types = folder.path().join("checkout.d.ts");
    run(Command::new(packages.join(".bin/openapi-typescript")).arg(file).arg("--output").arg(types)).await;
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/document/buy.ts");
    tokio::fs::copy(here, folder.path().join("buy.ts")).await.expect("a copy");
    std::os::unix::fs::symlink(&packages, folder.path().join("node_modules")).expect("a link");
    let mut compile = Command::new(program("TSC"));
    compile.args(["--strict", "--noEmit", "--skipLibCheck", "--target", "es2022", "--module", "esnext"]);
    run(compile.args(["--moduleResolution", "bundler", "buy.ts"]).current_dir(folder.path())).await;
    let mut bundle = Command::new(program("ESBUILD"));
    bundle.args(["--bundle", "--format=esm", "--platform=node", "--outfile=buy.mjs", "buy.ts"]);
    run(bundle.current_dir(folder.path())).await;

    let mut client = Command::new("node")
        .args(["buy.mjs", app.base(), COURSE])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node runs");
    let mut lines = BufReader::new(client.stdout.take().expect("its output")).lines();
    let secret = lines.next_line().await.expect("a line").expect("a client secret");
    app.sandbox.stripe().confirm(&intent_of(&secret), GOOD).expect("a payment");
    let state = lines.next_line().await.expect("a line");
    assert_eq!(state.as_deref(), Some("granted"));
    assert!(client.wait().await.expect("its end").success());
}
