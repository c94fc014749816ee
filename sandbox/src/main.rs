//! Runs the stand-ins until interrupted.
#![forbid(unsafe_code)]

use std::net::SocketAddr;

use anyhow::Context;
use clap::Parser;
use sandbox::{Options, Sandbox};

/// Stand-ins for everything around the checkout: Stripe, FlockJay, sign-in, accounts, a mail server and a course page.
#[derive(Debug, Parser)]
#[command(version)]
struct Flags {
    /// Address of the Stripe stand-in
    #[arg(long, default_value = "127.0.0.1:12111")]
    stripe_listen: SocketAddr,
    /// Address of the FlockJay stand-in
    #[arg(long, default_value = "127.0.0.1:12112")]
    flockjay_listen: SocketAddr,
    /// Address of the mail server
    #[arg(long, default_value = "127.0.0.1:12114")]
    mail_listen: SocketAddr,
    /// Address of the course page
    #[arg(long, default_value = "127.0.0.1:12113")]
    course_listen: SocketAddr,
    /// URL of the checkout
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    checkout_url: String,
    /// The checkout's secret key
    #[arg(long, default_value = "sk_test_sandbox")]
    secret_key: String,
    /// The key that pages use
    #[arg(long, default_value = "pk_test_sandbox")]
    publishable_key: String,
    /// Secret that signs webhooks
    #[arg(long, default_value = "whsec_sandbox")]
    webhook_secret: String,
    /// Token that FlockJay expects in `Authorization: Token`
    #[arg(long, default_value = "sandbox-token")]
    flockjay_token: String,
    /// The real Stripe.js: the course page's policy then names Stripe's origins
    #[arg(long, value_name = "URL")]
    stripe_js: Option<String>,
    /// File to write the Salesforce app's private key to
    #[arg(long, value_name = "PATH")]
    salesforce_key_file: Option<std::path::PathBuf>,
    /// Leaves the Stripe stand-in out, for a demo with a Stripe test account
    #[arg(long)]
    no_stripe: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let flags = Flags::parse();
    let checkout_url = flags.checkout_url.clone();
    url::Url::parse(&checkout_url).context("--checkout-url is not a URL")?;
    let no_stripe = flags.no_stripe;
    if let Some(file) = &flags.salesforce_key_file {
        std::fs::write(file, sandbox::salesforce_key()).context("--salesforce-key-file can't be written")?;
    }
    let sandbox = Sandbox::start(flags.into()).await?;
    sandbox.connect(&checkout_url);
    announce(&sandbox, no_stripe);
    interrupted().await?;
    sandbox.shutdown().await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "whoever started this waits for the addresses")]
fn announce(sandbox: &Sandbox, no_stripe: bool) {
    if !no_stripe {
        println!("stripe    {}", sandbox.stripe_url());
    }
    println!("flockjay  {}", sandbox.flockjay_url());
    println!("mail      {}", sandbox.mail_url());
    println!("course    {}", sandbox.course_url());
    println!("ready");
}

async fn interrupted() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot listen for an interrupt"),
        _ = terminated.recv() => Ok(()),
    }
}

impl From<Flags> for Options {
    fn from(flags: Flags) -> Self {
        Self {
            stripe_listen: flags.stripe_listen,
            flockjay_listen: flags.flockjay_listen,
            mail_listen: flags.mail_listen,
            course_listen: flags.course_listen,
            secret_key: flags.secret_key,
            publishable_key: flags.publishable_key,
            webhook_secret: flags.webhook_secret,
            flockjay_token: flags.flockjay_token,
            stripe_js: flags.stripe_js,
            no_stripe: flags.no_stripe,
        }
    }
}
