//! Shows what is under way, how far it is and how long it will still take: on one line of a terminal, elsewhere on a
//! line of its own now and then.

use std::io::{IsTerminal as _, Write as _, stderr, stdout};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread::{ThreadId, current};
use std::time::{Duration, Instant};

use crate::elapsed;

/// How often the line is drawn again.
const REDRAW_INTERVAL: Duration = Duration::from_secs(1);
/// How often a line is added to a log.
const LOG_INTERVAL: Duration = Duration::from_secs(30);
/// An estimate before this time, or before this share is done, would be a guess.
const ESTIMATE_AFTER: Duration = Duration::from_secs(10);
const ESTIMATE_FROM: f64 = 0.1;

static BOARD: Mutex<Board> = Mutex::new(Board { steps: Vec::new(), next: 0, drawn: false });

/// Everything under way; several steps may run at once.
struct Board {
    steps: Vec<State>,
    next: u64,
    /// Whether the terminal's last line is ours, to be drawn over.
    drawn: bool,
}

struct State {
    id: u64,
    text: String,
    start: Instant,
    /// The thread that does it. The latest step of a thread is part of its earlier steps, and is shown instead of them.
    thread: ThreadId,
    /// Counts crates, if it is a build.
    done: usize,
    total: usize,
}

/// One thing under way, until it is finished or dropped.
pub(crate) struct Step {
    id: u64,
    text: String,
    start: Instant,
    finished: bool,
}

impl Step {
    pub(crate) fn start(text: impl Into<String>) -> Self {
        let (text, start) = (text.into(), Instant::now());
        keep_drawing();
        let mut board = board();
        let id = board.next;
        board.next += 1;
        board.steps.push(State { id, text: text.clone(), start, thread: current().id(), done: 0, total: 0 });
        if stdout().is_terminal() {
            board.draw();
        } else {
            board.print(&format!("{text}…"));
        }
        Self { id, text, start, finished: false }
    }

    /// Records that `done` crates of `total` are built.
    pub(crate) fn built(&self, done: usize, total: usize) {
        let mut board = board();
        if let Some(state) = board.steps.iter_mut().find(|state| state.id == self.id) {
            (state.done, state.total) = (done, total);
        }
    }

    /// Prints how it went, and how long it took.
    pub(crate) fn finish(mut self, outcome: &str) -> Duration {
        let took = self.start.elapsed();
        self.finished = true;
        let mut board = board();
        board.steps.retain(|state| state.id != self.id);
        board.print(&format!("{}: {outcome} in {}", self.text, elapsed::words(took)));
        took
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if !self.finished {
            let mut board = board();
            board.steps.retain(|state| state.id != self.id);
            board.print(&format!("{}: stopped after {}", self.text, elapsed::words(self.start.elapsed())));
        }
    }
}

/// Prints a line of its own, without garbling what is under way.
pub(crate) fn say(text: &str) {
    board().print(text);
}

/// The same, to standard error.
pub(crate) fn complain(text: &str) {
    // Errors are ignored as in `write`.
    let _ = writeln!(stderr(), "{text}");
}

/// `println!` would panic if the log's disk is full or nobody reads any more, which is no reason to stop.
fn write(text: &str) {
    let _ = stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush());
}

impl Board {
    fn print(&mut self, text: &str) {
        let clear = if self.drawn { "\r\x1b[K" } else { "" };
        self.drawn = false;
        write(&format!("{clear}{text}\n"));
        if stdout().is_terminal() && !self.steps.is_empty() {
            self.draw();
        }
    }

    fn draw(&mut self) {
        let width = terminal_width();
        let line: String = self.line().chars().take(width).collect();
        write(&format!("\r\x1b[K{line}"));
        self.drawn = true;
    }

    /// `building the server (120 of 480 crates), installing typos · 1 min 2 s, about 2 min left`.
    fn line(&self) -> String {
        let now = Instant::now();
        let counted = |state: &State| match state.total {
            0 => state.text.clone(),
            total => format!("{} ({} of {total} crates)", state.text, state.done),
        };
        let innermost = self.steps.iter().enumerate().filter(|(place, state)| {
            self.steps[place + 1..].iter().all(|later| later.thread != state.thread)
        });
        let texts = innermost.map(|(_, state)| counted(state)).collect::<Vec<_>>().join(", ");
        let longest = self.steps.iter().map(|state| now - state.start).max().unwrap_or_default();
        let left = self.steps.iter().filter_map(|state| state.left(now - state.start)).max();
        let left = left.map(|left| format!(", about {} left", elapsed::rounded(left))).unwrap_or_default();
        format!("{texts} · {}{left}", elapsed::words(longest))
    }
}

impl State {
    fn left(&self, elapsed: Duration) -> Option<Duration> {
        time_left(elapsed, self.done, self.total)
    }
}

/// Estimates the rest of a build from this machine's pace so far. In measured builds crates came at an even pace; only
/// the last few took twice as long.
fn time_left(elapsed: Duration, done: usize, total: usize) -> Option<Duration> {
    if elapsed < ESTIMATE_AFTER || total == 0 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "a build has some hundred crates")]
    let share = done as f64 / total as f64;
    (share >= ESTIMATE_FROM).then(|| elapsed.mul_f64((1.0 - share).max(0.0) / share))
}

fn board() -> MutexGuard<'static, Board> {
    // A panic while drawing leaves nothing behind that matters.
    BOARD.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keep_drawing() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let terminal = stdout().is_terminal();
        let interval = if terminal { REDRAW_INTERVAL } else { LOG_INTERVAL };
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(interval);
                let mut board = board();
                if board.steps.is_empty() {
                    continue;
                }
                if terminal {
                    board.draw();
                } else {
                    let line = board.line();
                    board.print(&format!("  {line}"));
                }
            }
        });
    });
}

/// The usable width: longer lines would wrap, and could not be drawn over.
fn terminal_width() -> usize {
    let columns = rustix::termios::tcgetwinsize(stdout()).map_or(0, |size| usize::from(size.ws_col));
    if columns == 0 { 80 } else { columns - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_waits_until_it_is_none_that_is_guessed() {
        assert_eq!(time_left(Duration::from_secs(9), 50, 100), None);
        assert_eq!(time_left(Duration::from_secs(20), 5, 100), None);
        assert_eq!(time_left(Duration::from_secs(20), 0, 0), None);
    }

    #[test]
    fn a_build_that_is_done_has_nothing_left() {
        assert_eq!(time_left(Duration::from_secs(60), 100, 100), Some(Duration::ZERO));
        assert_eq!(time_left(Duration::from_secs(60), 75, 100), Some(Duration::from_secs(20)));
    }

    #[test]
    fn the_line_names_all_that_is_under_way() {
        let start = Instant::now();
        let here = current().id();
        let elsewhere = std::thread::spawn(|| current().id()).join().unwrap();
        let state = |text: &str, thread, done, total| State {
            id: 0,
            text: text.to_owned(),
            start,
            thread,
            done,
            total,
        };
        let steps = vec![
            state("test build", here, 0, 0),
            state("installing typos", elsewhere, 0, 0),
            state("building the server", here, 12, 480),
        ];
        let line = Board { steps, next: 0, drawn: false }.line();
        assert_eq!(line, "installing typos, building the server (12 of 480 crates) · 0.0 s");
    }
}
