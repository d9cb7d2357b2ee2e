//! Short names of codecs, each different from all others of its run.
//!
//! A net is called by its experiment, without the digest at the end of its checkpoint's name:
//! `net:checkpoint=mine-1a2b3c4d,tile=128` is `mine, tile=128`. Where several nets of a run share a
//! name, as those of a sweep do, each is called by the settings in which their experiments differ
//! (`mine, schedule.rate=0.01`), or keeps its digest where these are not known.

use nf_bench::Run;
use std::collections::{BTreeMap, BTreeSet};

/// Longest list of settings in a name; beyond, a digest says as much.
const LONGEST_SETTINGS_CHARS: usize = 48;

/// The names of the codecs of a run, by spec.
#[derive(Clone, Debug, Default)]
pub struct Names {
    short: BTreeMap<String, String>,
}

/// Where the experiment (TOML) behind a checkpoint is found, if it is at hand.
pub type Experiments<'a> = dyn Fn(&str) -> Option<String> + 'a;

impl Names {
    /// For the codecs in the rows of a run.
    pub fn of_run(run: &Run, experiments: &Experiments) -> Self {
        let specs: BTreeSet<&str> = run.rows.iter().map(|row| row.codec.as_str()).collect();
        Self::of(specs, experiments)
    }

    /// For these specs.
    pub fn of<'a>(specs: impl IntoIterator<Item = &'a str>, experiments: &Experiments) -> Self {
        let mut by_name: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for spec in specs {
            by_name.entry(without_digest(spec)).or_default().push(spec);
        }
        let mut names = Self::default();
        for (name, specs) in by_name {
            if let [only] = specs[..] {
                names.short.insert(only.to_owned(), name);
                continue;
            }
            let settings: Vec<Option<Settings>> =
                specs.iter().map(|spec| flattened(&experiments(checkpoint(spec)?)?)).collect();
            let told: Vec<Option<String>> = (0..specs.len()).map(|i| differing(&settings, i)).collect();
            let all_differ = told.iter().collect::<BTreeSet<_>>().len() == told.len();
            for (spec, told) in specs.iter().zip(&told) {
                let short = match told {
                    Some(told) if all_differ => format!("{name}, {told}"),
                    _ => with_digest(spec),
                };
                names.short.insert((*spec).to_owned(), short);
            }
        }
        names
    }

    /// The short name of a spec.
    pub fn short(&self, spec: &str) -> String {
        self.short.get(spec).cloned().unwrap_or_else(|| without_digest(spec))
    }

    /// The short name in at most `columns` characters, `~` standing for what is left out; no other
    /// codec's is the same.
    pub fn cut(&self, spec: &str, columns: usize) -> String {
        let name = self.short(spec);
        let others: Vec<&String> =
            self.short.iter().filter(|(other, _)| *other != spec).map(|(_, name)| name).collect();
        let head = |name: &str| shortened(name, columns, columns.saturating_sub(1));
        let middle = |name: &str| shortened(name, columns, columns / 3);
        for cut in [&head as &dyn Fn(&str) -> String, &middle] {
            let own = cut(&name);
            if !others.iter().any(|other| cut(other) == own) {
                return own;
            }
        }
        // Its number among the codecs tells it from all others.
        let number = self.short.keys().position(|other| other == spec).map_or(0, |at| at + 1);
        let end = format!("~{number}");
        name.chars().take(columns.saturating_sub(end.len())).chain(end.chars()).collect()
    }
}

/// The text if it has at most `columns` characters, otherwise its first `head`, a `~`, and the end.
fn shortened(text: &str, columns: usize, head: usize) -> String {
    let count = text.chars().count();
    if count <= columns {
        return text.to_owned();
    }
    let tail = columns.saturating_sub(head + 1);
    text.chars().take(head).chain(['~']).chain(text.chars().skip(count - tail)).collect()
}

/// The checkpoint that a spec names.
pub(crate) fn checkpoint(spec: &str) -> Option<&str> {
    spec.split_once(':')?.1.split(',').find_map(|pair| pair.strip_prefix("checkpoint="))
}

/// A spec with a checkpoint as the checkpoint's name by `name`, and the other options.
fn by_checkpoint(spec: &str, name: impl Fn(&str) -> String) -> String {
    let Some((_, options)) = spec.split_once(':').filter(|_| checkpoint(spec).is_some()) else {
        return spec.to_owned();
    };
    let part = |pair: &str| pair.strip_prefix("checkpoint=").map_or_else(|| pair.to_owned(), &name);
    options.split(',').map(part).collect::<Vec<_>>().join(", ")
}

fn without_digest(spec: &str) -> String {
    let is_digest = |end: &str| end.len() == 8 && end.bytes().all(|b| b.is_ascii_hexdigit());
    by_checkpoint(spec, |id| match id.rsplit_once('-') {
        Some((name, end)) if is_digest(end) => name.to_owned(),
        _ => id.to_owned(),
    })
}

fn with_digest(spec: &str) -> String {
    by_checkpoint(spec, str::to_owned)
}

/// Settings of an experiment by their dotted keys, as `--set` takes them.
type Settings = BTreeMap<String, String>;

fn flattened(toml: &str) -> Option<Settings> {
    fn add(settings: &mut Settings, prefix: &str, table: &toml::Table) {
        for (key, value) in table {
            let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            match value {
                toml::Value::Table(table) => add(settings, &key, table),
                value => drop(settings.insert(key, value.to_string())),
            }
        }
    }
    let mut settings = Settings::new();
    add(&mut settings, "", &toml.parse().ok()?);
    Some(settings)
}

/// The settings of one experiment that are not the same in all.
fn differing(all: &[Option<Settings>], index: usize) -> Option<String> {
    let all: Vec<&Settings> = all.iter().map(Option::as_ref).collect::<Option<_>>()?;
    let keys: BTreeSet<&String> = all.iter().flat_map(|settings| settings.keys()).collect();
    let differs = |key: &&&String| all.iter().any(|settings| settings.get(**key) != all[0].get(**key));
    let told = keys.iter().filter(differs).map(|key| {
        let value = all[index].get(*key).map_or("none", String::as_str);
        format!("{key}={value}")
    });
    let told = told.collect::<Vec<_>>().join(", ");
    (!told.is_empty() && told.chars().count() <= LONGEST_SETTINGS_CHARS).then_some(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn names_of_nets_are_short_while_they_are_unique() {
        let specs = [
            "net:checkpoint=pixelcnnpp-tiny-keck-739d0350,tile=128",
            "net:checkpoint=a/b",
            "jpegxl:effort=9",
            "net:checkpoint=mine-11111111",
            "net:checkpoint=mine-22222222",
        ];
        let names = Names::of(specs, &none);
        let short: Vec<String> = specs.iter().map(|spec| names.short(spec)).collect();
        let expected =
            ["pixelcnnpp-tiny-keck, tile=128", "a/b", "jpegxl:effort=9", "mine-11111111", "mine-22222222"];
        assert_eq!(short, expected);
    }

    #[test]
    fn nets_of_a_sweep_are_called_by_the_settings_that_differ() {
        let specs = ["net:checkpoint=mine-00000001", "net:checkpoint=mine-00000002"];
        let experiment = |rate: &str, more: &str| {
            format!("name = 'mine'\n[tiles]\nbatch = 8\n[schedule]\nrate = {rate}\n{more}")
        };
        let of = |id: &str| match id {
            "mine-00000001" => Some(experiment("0.01", "")),
            "mine-00000002" => Some(experiment("0.001", "")),
            _ => None,
        };
        let names = Names::of(specs, &of);
        assert_eq!(names.short(specs[0]), "mine, schedule.rate=0.01");
        assert_eq!(names.short(specs[1]), "mine, schedule.rate=0.001");
        assert_eq!(names.cut(specs[0], 20), "mine, ~ule.rate=0.01");
        // One of three is not at hand, or nothing differs: digests.
        let three = [specs[0], specs[1], "net:checkpoint=mine-00000003"];
        assert_eq!(Names::of(three, &of).short(specs[0]), "mine-00000001");
        let same = |_: &str| Some(experiment("1", ""));
        assert_eq!(Names::of(specs, &same).short(specs[0]), "mine-00000001");
        let long = |id: &str| Some(experiment(&id[5..], &format!("[data]\ntrain = '{}'", id.repeat(9))));
        assert_eq!(Names::of(specs, &long).short(specs[1]), "mine-00000002");
    }

    #[test]
    fn cut_names_stay_different() {
        let specs = ["codec:a=123456789,b=1", "codec:a=123456789,b=2", "other"];
        let names = Names::of(specs, &none);
        assert_eq!(names.cut("other", 12), "other");
        assert_eq!(names.cut(specs[0], 12), "code~789,b=1");
        assert_eq!(names.cut(specs[1], 12), "code~789,b=2");
        let middles = ["codec:a=1,b=123456789", "codec:a=2,b=123456789"];
        let names = Names::of(middles, &none);
        assert_eq!(
            (names.cut(middles[0], 8), names.cut(middles[1], 8)),
            ("codec:~1".into(), "codec:~2".into())
        );
    }
}
