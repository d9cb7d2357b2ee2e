//! How long the encoder searches.

use std::fmt;
use std::str::FromStr;

/// How long the encoder searches; a level also tries what the levels below try, and keeps the
/// smallest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Hundreds of megabytes per second.
    Fast,
    /// Tens of megabytes per second, and hundreds when decoding.
    #[default]
    Default,
    /// About twenty megabytes per second.
    High,
    /// About one megabyte per second.
    Max,
}

impl Level {
    /// Every level, fastest first.
    pub const ALL: [Self; 4] = [Self::Fast, Self::Default, Self::High, Self::Max];

    /// The word used in specs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Default => "default",
            Self::High => "high",
            Self::Max => "max",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Level {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|level| level.name() == word).ok_or(())
    }
}
