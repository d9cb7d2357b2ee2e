//! One run of one program.

use nf_codec::{Error, Result};
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bytes of a program's complaint that go into the error.
const TAIL_BYTES: usize = 500;

/// A program with its arguments, in which `{in}` and `{out}` stand for files.
pub(super) struct Program {
    /// The codec for which it works, for errors.
    pub(super) codec: String,
    pub(super) command: Vec<String>,
    pub(super) timeout: Duration,
}

impl Program {
    /// Runs it in `folder` until it ends well.
    ///
    /// # Errors
    /// If it cannot be started, takes too long or ends with a failure; the end of its standard
    /// error is quoted.
    pub(super) fn run(&self, from: &Path, to: &Path, folder: &Path) -> Result<()> {
        let words = self.command.iter().map(|word| {
            word.replace("{in}", &from.to_string_lossy()).replace("{out}", &to.to_string_lossy())
        });
        let [program, arguments @ ..] = &words.collect::<Vec<_>>()[..] else {
            return Err(Error::backend(&self.codec, "an empty command"));
        };
        let io = |what: &str, source| Error::Io { what: format!("{}: {what}", self.codec), source };
        // A file, not a pipe: a pipe blocks the program when nobody empties it, and its heirs hold
        // it open.
        let complaint_path = folder.join("stderr");
        let complaint = File::create(&complaint_path).map_err(|error| io("its standard error", error))?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(complaint);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(|error| io(&format!("starting '{program}'"), error))?;
        let running = Running::begin(&child);
        let status = self.wait(&mut child).map_err(|error| io(&format!("waiting for '{program}'"), error))?;
        drop(running);
        let reason = match status {
            Some(status) if status.success() => return Ok(()),
            Some(status) => format!("'{program}' ended with {status}"),
            None => format!("'{program}' was stopped after {} s", self.timeout.as_secs()),
        };
        let complaint = std::fs::read(&complaint_path).unwrap_or_default();
        let tail = String::from_utf8_lossy(&complaint[complaint.len().saturating_sub(TAIL_BYTES)..]);
        let colon = if tail.trim().is_empty() { "" } else { ": " };
        Err(Error::backend(&self.codec, format!("{reason}{colon}{}", tail.trim())))
    }

    /// The end of the child, or `None` if it had to be killed.
    fn wait(&self, child: &mut Child) -> std::io::Result<Option<ExitStatus>> {
        let start = Instant::now();
        let mut pause = Duration::from_micros(100);
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            if start.elapsed() >= self.timeout {
                kill_with_heirs(child);
                child.wait()?;
                return Ok(None);
            }
            std::thread::sleep(pause);
            // Never more than 1 % of what has passed, so that timings stay true.
            pause = (start.elapsed() / 100).clamp(pause, Duration::from_millis(50));
        }
    }
}

/// The programs that are running now; `None` once they are not to run any longer.
static RUNNING: Mutex<Option<Vec<u32>>> = Mutex::new(Some(Vec::new()));

fn all_running() -> MutexGuard<'static, Option<Vec<u32>>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills every external program that is running, with all that it started, and any that is started
/// later. For a process that is about to end: a Ctrl-C reaches this program only, because external
/// ones have process groups of their own.
pub fn stop_external_programs() {
    all_running().take().into_iter().flatten().for_each(kill_group);
}

/// A program's place among those that are running, as long as it lives.
struct Running(u32);

impl Running {
    fn begin(child: &Child) -> Self {
        match &mut *all_running() {
            Some(running) => running.push(child.id()),
            None => kill_group(child.id()),
        }
        Self(child.id())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(running) = &mut *all_running() {
            running.retain(|id| *id != self.0);
        }
    }
}

/// Kills the process group of a program; elsewhere than on Unix there is none.
fn kill_group(id: u32) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw) {
        // If the group is gone, nothing is left to do.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    #[cfg(not(unix))]
    let _ = id;
}

/// Kills a child that is still running, and on Unix its whole process group.
fn kill_with_heirs(child: &mut Child) {
    kill_group(child.id());
    // It fails only if the child has ended, which `wait` finds out.
    let _ = child.kill();
}
