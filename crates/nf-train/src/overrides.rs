//! `--set key=value`: settings changed without editing the file.

use toml::{Table, Value};

/// Puts `value` at the dotted key of an assignment `key=value`. The value is read as TOML, or taken
/// as a text if it is not; tables on the way are made.
///
/// # Errors
/// If there is no `=`, the key is empty, or a part of it names something that is no table.
pub(crate) fn assign(table: &mut Table, assignment: &str) -> Result<(), String> {
    let wrong = |reason: &str| format!("--set {assignment}: {reason}");
    let (key, text) = assignment.split_once('=').ok_or_else(|| wrong("expected key=value"))?;
    let mut parts: Vec<&str> = key.trim().split('.').collect();
    if parts.iter().any(|part| part.trim().is_empty()) {
        return Err(wrong("the key has an empty part"));
    }
    let last = parts.pop().expect("a split text has at least one part");
    let mut place = table;
    for part in parts {
        let next = place.entry(part).or_insert_with(|| Value::Table(Table::new()));
        place = next.as_table_mut().ok_or_else(|| wrong(&format!("'{part}' is no table")))?;
    }
    place.insert(last.to_owned(), read(text.trim()));
    Ok(())
}

fn read(text: &str) -> Value {
    let line: Result<Table, _> = toml::from_str(&format!("value = {text}"));
    line.ok().and_then(|mut table| table.remove("value")).unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Lays `over` upon `under`: tables are joined, anything else is replaced.
pub(crate) fn merge(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn values_are_toml_or_text() {
        let mut settings = table("seed = 1\n[stop]\nsteps = 10\n");
        for assignment in ["seed=2", "stop.minutes = 0.5", "data.train=['a']", "device=cpu", "on=true"] {
            assign(&mut settings, assignment).unwrap();
        }
        let expected =
            "seed = 2\ndevice = 'cpu'\non = true\n[stop]\nsteps = 10\nminutes = 0.5\n[data]\ntrain = ['a']";
        assert_eq!(settings, table(expected));
    }

    #[test]
    fn malformed_assignments_are_errors() {
        let mut settings = table("seed = 1");
        for (assignment, reason) in
            [("seed", "key=value"), ("=3", "empty part"), ("a..b=3", "empty part"), ("seed.x=3", "no table")]
        {
            let error = assign(&mut settings, assignment).unwrap_err();
            assert!(error.contains(assignment) && error.contains(reason), "{error}");
        }
    }

    #[test]
    fn tables_are_merged() {
        let mut under = table("a = 1\n[t]\nb = 2\nc = 3\n");
        merge(&mut under, table("a = 4\n[t]\nc = 5\n"));
        assert_eq!(under, table("a = 4\n[t]\nb = 2\nc = 5\n"));
    }
}
