//! What a server sends after its header.

use super::{Again, Failure, Patience};
use std::io::Read;
use std::time::{Duration, Instant};

/// The bytes of an answer. Reading fails where nothing comes for too long, or less than the least
/// speed.
pub(crate) struct Body {
    url: String,
    reader: Box<dyn Read + Send>,
    pace: Pace,
}

/// How fast bytes come, by the time that is spent waiting for them: a full disk or a busy reader is
/// not the server's fault.
pub(crate) struct Pace {
    patience: Patience,
    /// Since the speed was last looked at.
    waited: Duration,
    came_bytes: u64,
}

impl Pace {
    pub(crate) fn new(patience: &Patience) -> Self {
        Self { patience: patience.clone(), waited: Duration::ZERO, came_bytes: 0 }
    }

    /// Notes that `bytes` of `url` came after a wait.
    ///
    /// # Errors
    /// If that is too slow.
    pub(crate) fn came(&mut self, url: &str, bytes: u64, waited: Duration) -> Result<(), Failure> {
        self.waited += waited;
        self.came_bytes += bytes;
        if bytes > 0 && self.waited >= self.patience.speed_window {
            let least = self.patience.least_bytes_per_s;
            if (self.came_bytes as f64) < least as f64 * self.waited.as_secs_f64() {
                let seconds = self.waited.as_secs_f64();
                let reason = format!(
                    "the server sent {} bytes in {seconds:.1} s, fewer than {least} a second",
                    self.came_bytes
                );
                return Err(Failure { again: Again::Few, ..Failure::refused(url, reason) });
            }
            (self.waited, self.came_bytes) = (Duration::ZERO, 0);
        }
        Ok(())
    }
}

impl Body {
    pub(crate) fn new(url: &str, body: ureq::Body, patience: &Patience) -> Self {
        let reader = Box::new(body.into_reader());
        Self { url: url.to_owned(), reader, pace: Pace::new(patience) }
    }

    /// The next bytes; none at the end.
    ///
    /// # Errors
    /// If the connection is lost, silent or too slow.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        let start = Instant::now();
        let n = self.reader.read(buffer).map_err(|error| Failure::of(&self.url, error.into()))?;
        self.pace.came(&self.url, n as u64, start.elapsed())?;
        Ok(n)
    }

    /// Passes over some bytes.
    ///
    /// # Errors
    /// As for [`Body::read`], and if there are fewer.
    pub(crate) fn skip(&mut self, mut bytes: u64) -> Result<(), Failure> {
        let mut buffer = vec![0; 1 << 16];
        while bytes > 0 {
            let most = usize::try_from(bytes).unwrap_or(usize::MAX).min(buffer.len());
            match self.read(&mut buffer[..most])? {
                0 => return Err(Failure::lost(&self.url, "the answer ends early")),
                n => bytes -= n as u64,
            }
        }
        Ok(())
    }

    /// All that is left.
    ///
    /// # Errors
    /// As for [`Body::read`], and if that is more than `most_bytes`.
    pub(crate) fn all(&mut self, most_bytes: u64) -> Result<Vec<u8>, Failure> {
        let (mut all, mut buffer) = (vec![], vec![0; 1 << 16]);
        loop {
            match self.read(&mut buffer)? {
                0 => return Ok(all),
                n if all.len() as u64 + n as u64 > most_bytes => {
                    let reason = format!("the answer is longer than {most_bytes} bytes");
                    return Err(Failure::refused(&self.url, reason));
                }
                n => all.extend_from_slice(&buffer[..n]),
            }
        }
    }
}
