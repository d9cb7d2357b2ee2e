//! Levels as numbers, `-1` to `-9`, as gzip and zstd have them.

use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches};
use nf_codec::Spec;
use nf_floor::Level;

/// The level that was asked for by its number.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LevelFlag(Option<u8>);

const NUMBERS: [&str; 9] = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];

const HELP: &str =
    "Levels of floor: -1 and -2 are `fast`, -3 to -6 `default`, -7 and -8 `high`, -9 `max` (slow)";

/// The level that a number stands for.
fn level(number: u8) -> Level {
    match number {
        ..=2 => Level::Fast,
        3..=6 => Level::Default,
        7..=8 => Level::High,
        _ => Level::Max,
    }
}

impl LevelFlag {
    /// The codec of the level, if one was asked for.
    pub(crate) fn codec(self) -> Option<Spec> {
        Some(Spec::new("floor").with("level", level(self.0?), Level::Default))
    }

    /// The number, 1 to 9.
    pub(crate) fn number(self) -> Option<u8> {
        self.0
    }
}

impl clap::Args for LevelFlag {
    fn augment_args(command: Command) -> Command {
        NUMBERS.iter().fold(command, |command, number| {
            let short = number.chars().next();
            let others = NUMBERS.iter().filter(|other| *other != number);
            let arg = Arg::new(*number).short(short).action(ArgAction::SetTrue).hide(*number != "1");
            let arg = arg.help(HELP).help_heading("Coding");
            command.arg(arg.overrides_with_all(others).overrides_with(*number).conflicts_with("codec"))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for LevelFlag {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let asked = (1..).zip(NUMBERS).find(|(_, number)| matches.get_flag(number));
        Ok(Self(asked.map(|(number, _)| number)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Trial {
        #[command(flatten)]
        level: LevelFlag,
        #[arg(long)]
        codec: Option<String>,
    }

    #[test]
    fn numbers_are_levels_and_the_last_one_counts() {
        let spec = |args: &[&str]| {
            let parsed = Trial::try_parse_from([&["trial"], args].concat()).map_err(|e| e.kind())?;
            Ok(parsed.level.codec().map(|spec| spec.to_string()))
        };
        assert_eq!(spec(&["-1"]), Ok(Some("floor:level=fast".into())));
        assert_eq!(spec(&["-5"]), Ok(Some("floor".into())));
        assert_eq!(spec(&["-9", "-8"]), Ok(Some("floor:level=high".into())));
        assert_eq!(spec(&["-9"]), Ok(Some("floor:level=max".into())));
        assert_eq!(spec(&[]), Ok(None));
        assert_eq!(spec(&["-9", "--codec", "rice"]), Err(clap::error::ErrorKind::ArgumentConflict));
    }
}
