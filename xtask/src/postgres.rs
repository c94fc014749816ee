//! A private PostgreSQL cluster in a temporary directory, removed on drop.

use std::ffi::OsString;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::process::{self, Running, command};
use crate::{interrupt, machine, progress, tools};

/// A file in the cluster's data folder.
const CERTIFICATE: &str = "server.crt";
const START_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);
/// The user of Debian's package: PostgreSQL refuses to run as root.
const USER: &str = "postgres";

/// Runs a cluster until Ctrl-C, or until it dies.
pub(crate) fn run() -> Result<()> {
    let mut cluster = Cluster::start()?;
    let [(url, at), (certificate, file)] =
        cluster.environment().map(|(name, value)| (name, value.display().to_string()));
    progress::say(&format!("{url}={at} {certificate}={file} cargo test -p checkout-tests --test api"));
    loop {
        if interrupt::check().is_err() {
            return Ok(());
        }
        if let Some(status) = cluster.running.ended()? {
            bail!("PostgreSQL ended with {status}");
        }
        std::thread::sleep(POLL);
    }
}

pub(crate) struct Cluster {
    // Dropped first, so that the server ends before its folder is removed.
    running: Running,
    folder: TempDir,
    port: u16,
}

impl Cluster {
    /// Installs PostgreSQL if it is missing, creates a cluster, and waits until it answers.
    pub(crate) fn start() -> Result<Self> {
        let programs = tools::postgres::ensure()?;
        let folder = tempfile::Builder::new().prefix("redis-checkout-postgres-").tempdir()?;
        if rustix::process::geteuid().is_root() {
            process::run(command("chown").arg(USER).arg(folder.path()))?;
        }
        let data = folder.path().join("data");
        let log = folder.path().join("log");
        let mut init = as_its_user(&programs.join("initdb"));
        init.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        init.arg("--pgdata").arg(&data);
        process::run(init.current_dir(folder.path()).stdout(Stdio::null()))?;
        certify(&data, folder.path())?;
        let port = free_port()?;
        let mut server = as_its_user(&programs.join("postgres"));
        server.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        // No data here outlives the machine, so nothing needs to be safe on its disk.
        let settings = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "max_connections=400",
            "ssl=on",
        ];
        for setting in settings {
            server.args(["-c", setting]);
        }
        let output = File::create(&log).context("cannot write PostgreSQL's log")?;
        server.stdout(output.try_clone()?).stderr(output).current_dir(folder.path());
        let mut cluster = Self { running: Running::spawn(&mut server)?, folder, port };
        cluster.wait(&programs, &log)?;
        Ok(cluster)
    }

    /// The variables by which tests find the cluster, and its self-signed certificate.
    pub(crate) fn environment(&self) -> [(&'static str, OsString); 2] {
        let certificate = self.folder.path().join("data").join(CERTIFICATE);
        [("TEST_POSTGRES", self.url("postgres").into()), ("TEST_POSTGRES_CERTIFICATE", certificate.into())]
    }

    /// The address of `database` in it.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    fn wait(&mut self, programs: &Path, log: &Path) -> Result<()> {
        let start = Instant::now();
        loop {
            let mut ask = command(programs.join("pg_isready"));
            ask.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]).current_dir(self.folder.path());
            if ask.status().context("cannot run pg_isready")?.success() {
                return Ok(());
            }
            interrupt::check()?;
            if self.running.ended()?.is_some() || start.elapsed() > START_LIMIT {
                bail!("PostgreSQL did not start:\n{}", std::fs::read_to_string(log).unwrap_or_default());
            }
            std::thread::sleep(POLL);
        }
    }
}

/// Creates a certificate for this machine and its key, under the names that PostgreSQL looks for.
fn certify(data: &Path, folder: &Path) -> Result<()> {
    let mut openssl = as_its_user(Path::new("openssl"));
    openssl.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]);
    openssl.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    openssl.arg("-keyout").arg(data.join("server.key")).arg("-out").arg(data.join(CERTIFICATE));
    process::run_quietly(openssl.current_dir(folder)).context(
        "PostgreSQL's certificate can't be made: install openssl 1.1.1 or later so that it is on PATH",
    )
}

/// A command that the kernel ends if we die; runs as PostgreSQL's user if we are root.
fn as_its_user(program: &Path) -> Command {
    let mut its = if rustix::process::geteuid().is_root() {
        let mut changed = command("setpriv");
        let user = [&format!("--reuid={USER}"), &format!("--regid={USER}")];
        changed.args(user).args(["--clear-groups", "--pdeathsig", "INT"]).arg(program);
        changed
    } else {
        process::tied_to_us(program)
    };
    // It would not start with a locale that isn't installed.
    its.envs(machine::environment());
    its
}

/// A port that nobody listens on at the moment. It is below the range from which the system gives ports to everybody
/// who asks for any, so that no test takes it before its program starts.
pub(crate) fn free_port() -> Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 8_000).unwrap_or_default();
    for _ in 0..8_000 {
        let port = 10_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 8_000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port from 10000 to 17999 is free")
}
