//! The measured processes.
use crate::database::Database;
use crate::load::{self, Request};
use anyhow::Context;
use sandbox::Sandbox;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Server {
    /// Starts the release build on `database`, selling `seats` seats, with these settings added. It is ready when this
    /// returns.
    pub(crate) async fn start(
        binary: &Path,
        database: &Database,
        seats: usize,
        sandbox: &Sandbox,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let free = TcpListener::bind("127.0.0.1:0")?;
        let address = free.local_addr()?;
        drop(free);
        let catalog = database.folder().join("catalog.toml");
        std::fs::write(&catalog, catalog_text(seats))?;
        let child = Command::new(binary)
            .arg("serve")
            .env("LISTEN", address.to_string())
            .env("DATABASE_URL", database.url())
            .env("CATALOG", &catalog)
            .env("STRIPE_SECRET_KEY", "sk_test_sandbox")
            .env("STRIPE_PUBLISHABLE_KEY", "pk_test_sandbox")
            .env("STRIPE_WEBHOOK_SECRETS", "whsec_sandbox")
            .env("STRIPE_API_URL", sandbox.stripe_url())
            .env("STRIPE_JS_URL", sandbox.stripe_js_url())
            .env("FLOCKJAY_URL", sandbox.flockjay_url())
            .env("FLOCKJAY_TOKEN", "sandbox-token")
            .env("TRUSTED_PROXIES", "127.0.0.1")
            // The only limit that a benchmark would run into.
            .env("LIMIT_OFFERING", "off")
            .envs(settings.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{} does not start", binary.display()))?;
        let mut server = Self { address, child };
        server.until_ready().await?;
        Ok(server)
    }

    /// Starts a bare route that serves this answer.
    pub(crate) async fn bare(answer: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("bare")
            .arg("--answer")
            .arg(answer)
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().context("its output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let mut server = Self { address: line.trim().parse()?, child };
        server.until_ready().await?;
        Ok(server)
    }

    /// Resident memory in MiB.
    pub(crate) fn resident(&self) -> anyhow::Result<f64> {
        self.memory("VmRSS:")
    }

    /// Peak resident memory in MiB.
    pub(crate) fn most_resident(&self) -> anyhow::Result<f64> {
        self.memory("VmHWM:")
    }

    fn memory(&self, field: &str) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field)).context("no such field")?;
        let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes / 1024.0)
    }

    async fn until_ready(&mut self) -> anyhow::Result<()> {
        let until = Instant::now() + Duration::from_secs(30);
        let mut looks = tokio::time::interval(Duration::from_millis(1));
        while load::one(self.address, &Request::get("/readyz")).await.is_err() {
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("a server ended before it was ready: {status}");
            }
            anyhow::ensure!(Instant::now() < until, "a server is not ready after 30 s");
            looks.tick().await;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn catalog_text(seats: usize) -> String {
    format!(
        r#"
[[offering]]
sku = "ru-course"
kind = "course"
title = "Redis fundamentals"
summary = "Data structures, caching and messaging."
price = {{ amount = 4900, currency = "usd" }}
flockjay = {{ kind = "course", id = "101" }}

[[offering]]
sku = "ru-live"
kind = "live"
title = "Vector search with Redis, live"
summary = "Two days with an instructor."
price = {{ amount = 49000, currency = "usd" }}
flockjay = {{ kind = "live_session", id = "8812" }}
seats = {seats}
"#
    )
}
