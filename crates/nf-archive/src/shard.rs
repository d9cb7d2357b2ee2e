//! Parts of an archive that are worked on by themselves.

use std::fmt;
use std::str::FromStr;

/// A part of the files: the `part`-th of `parts`, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 1 to `parts`.
    pub part: u32,
    /// How many there are.
    pub parts: u32,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is no shard, expected I/N with I from 1 to N, such as 3/16");
        let (part, parts) = text.split_once('/').ok_or_else(wrong)?;
        let shard =
            Self { part: part.parse().map_err(|_| wrong())?, parts: parts.parse().map_err(|_| wrong())? };
        if (1..=shard.parts).contains(&shard.part) { Ok(shard) } else { Err(wrong()) }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.parts)
    }
}

impl Shard {
    /// All of the files.
    pub const WHOLE: Self = Self { part: 1, parts: 1 };

    /// Whether a source belongs to this part: by its name alone, so that new files move no others.
    pub(crate) fn has(self, source: &str) -> bool {
        let digest = blake3::hash(source.as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&digest.as_bytes()[..8]);
        u64::from_le_bytes(first) % u64::from(self.parts) == u64::from(self.part - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_in_one_part() {
        let names: Vec<String> = (0..1000).map(|i| format!("night/{i}.fits")).collect();
        let shards: Vec<Shard> = (1..=7).map(|part| Shard { part, parts: 7 }).collect();
        for name in &names {
            assert_eq!(shards.iter().filter(|shard| shard.has(name)).count(), 1, "{name}");
        }
        for shard in shards {
            let share = names.iter().filter(|name| shard.has(name)).count();
            assert!((90..200).contains(&share), "{shard} has {share} of 1000");
        }
    }

    #[test]
    fn shards_are_counted_from_one() {
        assert_eq!("3/16".parse(), Ok(Shard { part: 3, parts: 16 }));
        for text in ["0/4", "5/4", "1", "a/b", "1/0", "-1/2", "1/2/3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
