//! The server's log, for the tests that look for secrets in it.
use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use tracing_subscriber::fmt::MakeWriter;

static LOGS: LazyLock<Buffer> = LazyLock::new(Buffer::default);

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

/// Everything logged so far by every test of this process.
pub fn logged() -> String {
    String::from_utf8_lossy(&LOGS.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

/// Starts collecting, as the binary would log.
pub(crate) fn collect() {
    let subscriber = tracing_subscriber::fmt().json().with_writer(LOGS.clone());
    // Another test may have installed its subscriber first.
    let _ = subscriber.with_env_filter("debug,hyper=off,h2=off,reqwest=off,sqlx=warn,stripe=off").try_init();
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Buffer {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
