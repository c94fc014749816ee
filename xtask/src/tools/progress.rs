//! One line that says what is being installed and for how long already.

use std::io::{IsTerminal as _, Write as _, stdout};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::elapsed;

pub(crate) struct Line {
    start: Instant,
    text: String,
    ticker: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Line {
    pub(crate) fn start(text: String) -> Self {
        let start = Instant::now();
        show(&format!("{text}…"));
        let ticker = stdout().is_terminal().then(|| tick(text.clone(), start));
        Self { start, text, ticker }
    }

    /// Ends the line with how it went, and how long it took.
    pub(crate) fn finish(self, outcome: &str) {
        let Self { start, text, ticker } = self;
        let took = elapsed::words(start.elapsed());
        if let Some((stop, thread)) = ticker {
            drop(stop);
            // It only prints: there is nothing to be told about a failure.
            let _ = thread.join();
            show(&format!("\r\x1b[K{text}…"));
        }
        println!(" {outcome} in {took}");
    }
}

fn tick(text: String, start: Instant) -> (Sender<()>, JoinHandle<()>) {
    let (stop, stopped) = channel::<()>();
    let thread = std::thread::spawn(move || {
        while stopped.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
            show(&format!("\r\x1b[K{text}… {}", elapsed::words(start.elapsed())));
        }
    });
    (stop, thread)
}

fn show(text: &str) {
    print!("{text}");
    // A terminal that is gone is no reason to stop.
    let _ = stdout().flush();
}
