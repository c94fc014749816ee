//! Restarts this test's own PostgreSQL, as its operator may at any time.
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{AnyConnection, Connection, Executor, Row};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The restarted PostgreSQL, which stops with the test.
pub(crate) struct Restarted(Child);

/// Makes the server at `url` drop everything in flight, and restarts it on the same data and port.
pub(crate) async fn restart(url: &str) -> Restarted {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await.expect("PostgreSQL answers");
    let row = connection.fetch_one("SHOW data_directory").await.expect("its folder");
    let data: String = row.get(0);
    drop(connection);
    let lock = std::fs::read_to_string(Path::new(&data).join("postmaster.pid")).expect("its process");
    let pid: i32 = lock.lines().next().and_then(|line| line.parse().ok()).expect("a number");
    let arguments = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).expect("its command line");
    let arguments: Vec<_> = arguments.split_terminator('\0').collect();
    // An immediate shutdown: transactions are cut off, and the next start recovers.
    kill_process(Pid::from_raw(pid).expect("a process"), Signal::QUIT).expect("a signal");
    until("PostgreSQL is gone", || !Path::new(&data).join("postmaster.pid").exists()).await;
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(arguments[0]);
        command
    } else {
        Command::new(arguments[0])
    };
    command.args(&arguments[1..]).current_dir(&data).stdout(Stdio::null()).stderr(Stdio::null());
    Restarted(command.spawn().expect("PostgreSQL starts"))
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    while !condition() {
        assert!(Instant::now() < end, "{what}: not so");
        looks.tick().await;
    }
}

impl Drop for Restarted {
    fn drop(&mut self) {
        if let Ok(pid) = i32::try_from(self.0.id())
            && let Some(pid) = Pid::from_raw(pid)
        {
            // A fast shutdown, so that nothing is left behind.
            let _ = kill_process(pid, Signal::INT);
        }
        let _ = self.0.wait();
    }
}
