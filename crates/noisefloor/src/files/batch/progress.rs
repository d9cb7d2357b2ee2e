//! How far the work on many files is: a bar on a terminal, a line a minute in a log.

use crate::message::say;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a log is told.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// Files and bytes done of those to do.
pub(crate) struct Progress {
    bar: ProgressBar,
    quiet: bool,
    state: Mutex<State>,
}

struct State {
    files: u64,
    bytes: u64,
    files_done: u64,
    bytes_done: u64,
    /// Of the outputs of the files that are done.
    bytes_out: u64,
    started: Instant,
    /// When a log was last told; `None` where a bar is drawn or nothing is wanted.
    told: Option<Instant>,
}

impl State {
    fn line(&self) -> String {
        let seconds = self.started.elapsed().as_secs_f64().max(1e-3);
        let mut line = format!(
            "{} of {} files, {:.1} MB/s",
            self.files_done,
            self.files,
            self.bytes_done as f64 / 1e6 / seconds
        );
        if self.bytes_out > 0 {
            line += &format!(", ratio {:.3}", self.bytes_done as f64 / self.bytes_out as f64);
        }
        let done = self.share_done();
        if done > 0.0 && done < 1.0 {
            let left = Duration::from_secs_f64(seconds * (1.0 - done) / done);
            line += &format!(", {} left", HumanDuration(left));
        }
        line
    }

    /// Small files cost time by their number and large ones by their bytes: the mean of both shares
    /// is never far off.
    fn share_done(&self) -> f64 {
        let share = |done: u64, all: u64| done as f64 / all.max(1) as f64;
        (share(self.files_done, self.files) + share(self.bytes_done, self.bytes)) / 2.0
    }
}

impl Progress {
    /// The work on so many files of so many bytes together; `quiet` shows nothing of it.
    pub(crate) fn new(files: u64, bytes: u64, quiet: bool) -> Self {
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(bytes) };
        bar.set_length(bytes);
        bar.set_style(
            ProgressStyle::with_template("{bar:20} {msg}").expect("the template is constant and valid"),
        );
        let now = Instant::now();
        let told = (!quiet && !std::io::stderr().is_terminal()).then_some(now);
        let state = State { files, bytes, files_done: 0, bytes_done: 0, bytes_out: 0, started: now, told };
        Self { bar, quiet, state: Mutex::new(state) }
    }

    /// Shows that, of the file being worked on, so many bytes are done.
    pub(crate) fn within_file(&self, bytes: u64) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.bar.set_position(state.bytes_done.saturating_add(bytes));
    }

    /// A file is done: the bytes that it has, and those of its output.
    pub(crate) fn file_done(&self, bytes_in: u64, bytes_out: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.files_done += 1;
        state.bytes_done += bytes_in;
        state.bytes_out += bytes_out;
        self.bar.set_position(state.bytes_done);
        let line = state.line();
        if state.told.is_some_and(|told| told.elapsed() >= LOG_EVERY) {
            state.told = Some(Instant::now());
            say(&line);
        }
        self.bar.set_message(line);
    }

    /// Prints lines, above the bar where there is one; nothing if quiet.
    pub(crate) fn say(&self, lines: &str) {
        if !self.quiet {
            self.tell(lines);
        }
    }

    /// Prints lines even if quiet: what failed.
    pub(crate) fn tell(&self, lines: &str) {
        self.bar.suspend(|| say(lines));
    }

    /// The bar goes.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_files_speed_ratio_and_the_time_left() {
        let progress = Progress::new(4, 4_000_000, true);
        progress.within_file(10);
        progress.file_done(1_000_000, 400_000);
        let mut state = progress.state.lock().expect("nobody failed");
        state.started = Instant::now() - Duration::from_secs(2);
        let line = state.line();
        assert!(line.starts_with("1 of 4 files, 0.5 MB/s, ratio 2.500, 6 seconds left"), "{line}");
    }
}
