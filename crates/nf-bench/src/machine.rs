//! What a run was measured on, and by which build.

use serde::{Deserialize, Serialize};
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// The program that measures; told by the binary, which knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// Its version.
    pub version: String,
    /// The commit it was built from, or `unknown`.
    pub commit: String,
    /// Whether the sources differed from that commit; `unknown` outside a checkout.
    pub dirty: String,
    /// The compiler's version line.
    pub toolchain: String,
    /// Profile, target and features.
    pub options: String,
    /// Every crate in it with its version: a codec's bytes depend on them.
    pub packages: Vec<String>,
}

/// The machine, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// When the run began, in UTC.
    pub started_utc: String,
    /// The command line.
    pub command: String,
    /// Model of the processor.
    pub cpu: String,
    /// Cores that this process may use; codecs use one.
    pub cores: usize,
    /// Memory, where the system tells.
    pub memory_bytes: Option<u64>,
    /// Distribution, kernel and architecture.
    pub system: String,
    /// Processes that wanted to run at the start, averaged over a minute: times are worth little
    /// above 1.
    pub load_1min: Option<f64>,
    /// The program.
    pub build: Build,
}

impl Machine {
    /// This machine, now.
    pub fn here(command: &str, build: &Build) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key))?;
            Some(line.trim_start_matches([' ', '\t', ':', '=']).trim().trim_matches('"').to_owned())
        };
        let unknown = || "unknown".to_owned();
        let distribution = field(&read("/etc/os-release"), "PRETTY_NAME");
        // What follows the version numbers of a kernel is the name of somebody's build.
        let release = read("/proc/sys/kernel/osrelease");
        let version = release.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or_default();
        let kernel = if version.is_empty() { String::new() } else { format!("Linux {version}") };
        let memory = field(&read("/proc/meminfo"), "MemTotal");
        let kibibytes = memory.and_then(|text| text.strip_suffix("kB")?.trim().parse::<u64>().ok());
        Self {
            started_utc: utc(now_s()),
            command: command.to_owned(),
            cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: kibibytes.and_then(|kibibytes| kibibytes.checked_mul(1024)),
            system: [distribution.unwrap_or_else(|| std::env::consts::OS.to_owned()), kernel]
                .into_iter()
                .chain([std::env::consts::ARCH.to_owned()])
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
                .join(", "),
            load_1min: read("/proc/loadavg").split(' ').next().and_then(|word| word.parse().ok()),
            build: build.clone(),
        }
    }

    /// Whether times and bytes of the two may stand in one table.
    pub fn is_like(&self, other: &Self) -> bool {
        let hardware = |machine: &Self| (machine.cpu.clone(), machine.cores, machine.system.clone());
        hardware(self) == hardware(other) && self.build == other.build
    }

    /// One line for people.
    pub fn line(&self) -> String {
        let memory = self
            .memory_bytes
            .map_or(String::new(), |bytes| format!(", {:.0} GiB", bytes as f64 / f64::from(1u32 << 30)));
        format!("{}, {} cores{memory}; {}", self.cpu, self.cores, self.system)
    }
}

pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// `YYYY-MM-DDTHH:MM:SSZ` of a number of seconds since 1970.
pub(crate) fn utc(seconds: u64) -> String {
    // Days are counted from 1 March of year 0, so that leap days come last in a year, in years that
    // repeat every 400 (146097 days) of the Gregorian calendar.
    let days = seconds / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", era * 400 + year)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_799, "2000-02-29T23:59:59Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc(seconds), text);
        }
    }

    #[test]
    fn the_description_round_trips_and_knows_another_build() {
        let machine = Machine::here("noisefloor bench", &Build { version: "1".into(), ..Build::default() });
        let text = toml::to_string(&machine).unwrap();
        let again: Machine = toml::from_str(&text).unwrap();
        assert!(machine.is_like(&again));
        assert!(!machine.is_like(&Machine::here("", &Build::default())));
    }
}
