//! Ctrl-C and requests to end, by one rule for all verbs: what is unfinished is removed, external
//! programs are stopped, and the program ends with exit code 130.
//!
//! A verb that has a state to save asks for time by [`finish_first`]: then the first interruption
//! is a request to save and end, still with 130, and only the second ends the program at once.

use crate::files::output;
use anyhow::{Context, Result};
use std::process::{ExitCode, exit};
use std::sync::atomic::{AtomicBool, Ordering};

/// 128 + SIGINT, as shells report it.
const EXIT_CODE: u8 = 130;

static REQUESTED: AtomicBool = AtomicBool::new(false);
static FINISHES_FIRST: AtomicBool = AtomicBool::new(false);

/// From now on interruptions end the program in order.
///
/// # Errors
/// If the system refuses.
pub(crate) fn watch() -> Result<()> {
    ctrlc::set_handler(interrupted).context("watching for interruptions")
}

/// Asks for time: the first interruption only sets the flag that is returned.
#[cfg(feature = "train")]
pub(crate) fn finish_first() -> &'static AtomicBool {
    FINISHES_FIRST.store(true, Ordering::Relaxed);
    &REQUESTED
}

/// The exit code of a verb that failed: that of an interruption, if there was one.
pub(crate) fn exit_code() -> ExitCode {
    if REQUESTED.load(Ordering::Relaxed) { EXIT_CODE.into() } else { ExitCode::FAILURE }
}

fn interrupted() {
    let again = REQUESTED.swap(true, Ordering::Relaxed);
    if FINISHES_FIRST.load(Ordering::Relaxed) && !again {
        return;
    }
    nf_classic::stop_external_programs();
    output::remove_unfinished();
    exit(i32::from(EXIT_CODE));
}
