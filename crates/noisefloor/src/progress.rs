//! A run of `bench` on the terminal.

use indicatif::{ProgressBar, ProgressStyle};
use nf_bench::{Measurement, Observer};
use nf_report::printable;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A bar on the terminal with the time that is left; nothing where standard error is not a
/// terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    is_quiet: bool,
    codecs: BTreeMap<String, Pace>,
    started: Instant,
}

/// How far a codec is, and how long it took so far.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    waiting: usize,
    done: usize,
    spent: Duration,
}

impl Progress {
    /// Of a run; a quiet one shows no bar, and failures only.
    pub(crate) fn new(is_quiet: bool) -> Self {
        Self { bar: ProgressBar::hidden(), is_quiet, codecs: BTreeMap::new(), started: Instant::now() }
    }
}

impl Observer for Progress {
    fn start(&mut self, plan: &[(String, usize)]) {
        let pace = |waiting| Pace { waiting, ..Pace::default() };
        self.codecs = plan.iter().map(|(codec, images)| (codec.clone(), pace(*images))).collect();
        if self.is_quiet {
            return;
        }
        self.bar = ProgressBar::new(plan.iter().map(|(_, images)| *images as u64).sum());
        let style = ProgressStyle::with_template("{bar:24} {pos}/{len} {msg}");
        self.bar.set_style(style.expect("the template is well-formed"));
    }

    fn begin(&mut self, _dataset: &str, image: &str, codec: &str) {
        let left = time_left(self.codecs.values()).map_or("?".to_owned(), minutes);
        self.bar.set_message(printable(&format!("{left} left  {codec}  {image}")));
        self.started = Instant::now();
    }

    fn row(&mut self, row: &Measurement) {
        if row.is_failure() {
            let Measurement { dataset, image, codec, status, .. } = row;
            self.bar.println(printable(&format!("{dataset} {image} {codec}: {}", status.text())));
        }
        if let Some(pace) = self.codecs.get_mut(&row.codec).filter(|pace| pace.waiting > 0) {
            pace.waiting -= 1;
            pace.done += 1;
            pace.spent += self.started.elapsed();
            self.bar.inc(1);
        }
    }

    fn finish(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Codecs differ by a factor of thousands, so each is extrapolated by itself; `None` until every
/// one has been seen once.
fn time_left<'a>(codecs: impl Iterator<Item = &'a Pace>) -> Option<Duration> {
    codecs
        .filter(|pace| pace.waiting > 0)
        .map(|pace| (pace.done > 0).then(|| pace.spent.mul_f64(pace.waiting as f64 / pace.done as f64)))
        .sum()
}

fn minutes(left: Duration) -> String {
    match left.as_secs() {
        seconds @ 0..=99 => format!("{seconds} s"),
        seconds @ 100..=5999 => format!("{} min", seconds / 60),
        seconds => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_codecs_weigh_more_in_the_time_left() {
        let pace = |waiting, done, s| Pace { waiting, done, spent: Duration::from_secs(s) };
        assert_eq!(time_left([pace(10, 2, 4), pace(3, 1, 60)].iter()), Some(Duration::from_secs(200)));
        assert_eq!(time_left([pace(10, 2, 4), pace(3, 0, 0)].iter()), None);
        assert_eq!(time_left([pace(0, 0, 0)].iter()), Some(Duration::ZERO));
        assert_eq!(minutes(Duration::from_secs(7260)), "2 h 01 min");
    }
}
