//! Measures what a visitor downloads, in bytes as the server sends them. Prints a table, and fails if a size is over
//! budget.
#![expect(clippy::print_stdout, reason = "the table is for whoever runs it")]
use checkout_tests::TestApp;
use reqwest::header::ACCEPT_ENCODING;
use std::process::ExitCode;

/// Budgets in bytes of brotli (`docs/performance.md`).
const LOADER: usize = 5_000;
const FIRST_SCREEN: usize = 3_000;
const ALL: usize = 60_000;

/// An offering with every feature.
const OFFERING: &str = "ru-live";

struct Sizes {
    name: String,
    raw: usize,
    gzip: usize,
    brotli: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    let app = TestApp::start().await;
    let loader = measure(&app, "loader with CSS", "/embed/v1.js").await;
    let (mut screens, mut words) = (Vec::new(), Vec::new());
    for (variant, _) in widget::variants().iter() {
        for (language, _) in widget::locales().iter() {
            let path = format!("/embed/card/{OFFERING}?lang={language}&variant={variant}");
            screens.push(measure(&app, &format!("first screen ({variant}, {language})"), &path).await);
            let address = named(&app.get(&path).await.text, "words");
            words.push(measure(&app, &format!("words ({variant}, {language})"), &address).await);
        }
    }
    let first = app.get(&format!("/embed/card/{OFFERING}")).await.text;
    let glue = measure(&app, "glue", &named(&first, "glue")).await;
    let wasm = measure(&app, "WASM", &named(&first, "wasm")).await;
    let (screen, words) = (largest(screens), largest(words));
    let all = [&loader, &screen, &glue, &wasm, &words];
    let sum = |part: fn(&Sizes) -> usize| all.iter().map(|sizes| part(sizes)).sum::<usize>();
    let total = Sizes {
        name: "until one can pay".to_owned(),
        raw: sum(|sizes| sizes.raw),
        gzip: sum(|sizes| sizes.gzip),
        brotli: sum(|sizes| sizes.brotli),
    };
    println!("{:<34}{:>9}{:>9}{:>9}{:>9}", "bytes", "raw", "gzip", "brotli", "budget");
    let mut over = false;
    for (sizes, budget) in [
        (&loader, Some(LOADER)),
        (&screen, Some(FIRST_SCREEN)),
        (&glue, None),
        (&wasm, None),
        (&words, None),
        (&total, Some(ALL)),
    ] {
        let Sizes { name, raw, gzip, brotli } = sizes;
        let too_large = budget.is_some_and(|budget| *brotli > budget);
        let budget = budget.map(|budget| budget.to_string()).unwrap_or_default();
        println!("{name:<34}{raw:>9}{gzip:>9}{brotli:>9}{budget:>9}{}", if too_large { " over" } else { "" });
        over |= too_large;
    }
    if over { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

async fn measure(app: &TestApp, name: &str, path: &str) -> Sizes {
    let mut sizes = [0; 3];
    for (size, encoding) in sizes.iter_mut().zip(["identity", "gzip", "br"]) {
        let request = app.request(reqwest::Method::GET, path).header(ACCEPT_ENCODING, encoding);
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        *size = answer.bytes().await.expect("a body").len();
    }
    let [raw, gzip, brotli] = sizes;
    Sizes { name: name.to_owned(), raw, gzip, brotli }
}

/// The address at `field` in a first screen's data.
fn named(screen: &str, field: &str) -> String {
    let json = screen.split_once('>').and_then(|(_, rest)| rest.split_once("</script>")).expect("data").0;
    let told: serde_json::Value = serde_json::from_str(json).expect("JSON");
    told[field].as_str().expect("an address").to_owned()
}

fn largest(all: Vec<Sizes>) -> Sizes {
    all.into_iter().max_by_key(|sizes| sizes.brotli).expect("at least one")
}
