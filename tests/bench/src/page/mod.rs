//! `cargo xtask bench page`: how long a visitor waits, compared with a plain HTML page with the same words.
mod browser;
mod host;
mod table;

use crate::{database, process::Server};
use browser::{Browser, Network};
use host::{Kind, Parts};
use sandbox::{Options, Sandbox};
use std::path::Path;
use table::{Round, Table};
use tokio::net::TcpListener;

/// Rounds; each visits every page, so that all see the same noise.
const ROUNDS: usize = 5;
/// How long the price may take on the slow connection, as a multiple of the plain page's time.
const GOALS: [(Kind, f64); 2] = [(Kind::Widget, 1.6), (Kind::Named, 1.25)];
/// The longest that a task of an unthrottled page may take, in milliseconds.
const LONGEST_TASK: f64 = 50.0;

/// Measures the release build `binary`; fails if a goal is missed.
pub(crate) async fn run(
    binary: &Path,
    folder: &Path,
    chromium: &Path,
    chromedriver: &Path,
) -> anyhow::Result<()> {
    let sandbox = Sandbox::start(Options::default()).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let database = database::fresh(folder)?;
    // All visits come from one address and never pay, so its limits are off.
    let settings = [("ALLOWED_ORIGINS", origin.as_str()), ("LIMIT_NETWORKS", "127.0.0.0/8=off")];
    let server = Server::start(binary, &database, 30, &sandbox, &settings).await?;
    let base = format!("http://{}", server.address);
    sandbox.connect(&base);
    host::serve(&Parts::read(sandbox.course_url(), &base).await?, listener)?;
    let browser = Browser { chromium, chromedriver, not_counted: sandbox.stripe_url() };
    let mut missed = Vec::new();
    for network in [Network::Unthrottled, Network::Slow] {
        let mut table = Table::default();
        for number in 0..ROUNDS {
            let mut round = Round::default();
            // The pages take turns in coming first.
            let mut kinds = Kind::ALL;
            kinds.rotate_left(number % Kind::ALL.len());
            for kind in kinds {
                let page = format!("{origin}{}", kind.path());
                round.look(kind, browser.visit(&page, network).await?);
                if kind != Kind::Plain {
                    round.buy(kind, browser.visit(&format!("{page}#buy"), network).await?);
                }
            }
            table.add(round);
        }
        println!("{}\n{table}", title(network));
        missed.extend(goals(&table, network));
    }
    anyhow::ensure!(missed.is_empty(), "missed: {}", missed.join("; "));
    Ok(())
}

const fn title(network: Network) -> &'static str {
    match network {
        Network::Unthrottled => "unthrottled",
        Network::Slow => "1.6 Mbit/s, 150 ms, a processor a quarter as fast",
    }
}

/// The goals that were missed.
fn goals(table: &Table, network: Network) -> Vec<String> {
    let mut missed = Vec::new();
    for (kind, goal) in GOALS {
        let (price, shift, longest) = (table.price(kind), table.shift(kind), table.longest(kind));
        let ratio = price / table.price(Kind::Plain);
        if network == Network::Slow && ratio > goal {
            missed.push(format!("the price took {ratio:.2}× on {}, and may take {goal}×", kind.path()));
        }
        if shift > 0.0 {
            missed.push(format!("{} shifted by {shift:.4}", kind.path()));
        }
        if network == Network::Unthrottled && longest > LONGEST_TASK {
            missed.push(format!("a task of {longest:.0} ms on {}", kind.path()));
        }
    }
    missed
}
