//! Which top modules of a crate use which others, read from its sources, and cycles among them.
//!
//! A top module is a file or folder beside `lib.rs` or `main.rs`. It uses another one that it names
//! as `crate::other` or `super::other`, itself or through a name that the root re-exports. What
//! stands in `#[cfg(test)]` does not count, nor do the declarations of the root.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The other top modules that each top module uses, with the file that does.
pub(crate) type Uses = BTreeMap<String, BTreeMap<String, String>>;

/// Reads the sources of a crate below `src`.
pub(crate) fn uses(src: &Path) -> Uses {
    let root = ["lib.rs", "main.rs"].map(|name| src.join(name)).into_iter().find(|path| path.is_file());
    let root = without_tests(&code(&fs::read_to_string(root.unwrap()).unwrap()));
    let words = tokens(&root);
    let declared = words.windows(3).filter(|w| w[0] == "mod" && w[2] == ";").map(|w| w[1].to_owned());
    let mut uses: Uses = declared.map(|name| (name, BTreeMap::new())).collect();
    let exported = exported(&words);
    let mut files = vec![];
    sources(src, &mut vec![], &mut files);
    for (path, text) in files {
        let Some(top) = path.first().filter(|top| uses.contains_key(*top)).cloned() else { continue };
        for name in from_root(&tokens(&without_tests(&code(&text))), path.len()) {
            let module = if uses.contains_key(&name) { Some(&name) } else { exported.get(&name) };
            if let Some(module) = module.filter(|module| **module != top) {
                uses.get_mut(&top).unwrap().entry(module.clone()).or_insert_with(|| path.join("::"));
            }
        }
    }
    uses
}

/// Module path and text of every file below a folder, those that only tests have left out.
fn sources(folder: &Path, path: &mut Vec<String>, found: &mut Vec<(Vec<String>, String)>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        let stem = entry.file_stem().unwrap().to_str().unwrap().to_owned();
        if entry.is_dir() {
            path.push(stem);
            sources(&entry, path, found);
            path.pop();
        } else if entry.extension().is_some_and(|ending| ending == "rs") && stem != "tests" {
            let own = if stem == "mod" { path.clone() } else { [path.clone(), vec![stem]].concat() };
            found.push((own, fs::read_to_string(&entry).unwrap()));
        }
    }
}

/// Names that the root re-exports, each with the module that it comes from.
fn exported(words: &[String]) -> BTreeMap<String, String> {
    let mut exported = BTreeMap::new();
    for (at, word) in words.iter().enumerate() {
        if word == "use" {
            let end = words[at..].iter().position(|word| word == ";").map_or(words.len(), |n| at + n);
            let mut path = words[at + 1..end].iter().filter(|word| is_name(word) && *word != "crate");
            if let Some(module) = path.next() {
                exported.extend(path.map(|name| (name.clone(), module.clone())));
            }
        }
    }
    exported
}

/// The names that stand directly after the root in paths of a module `depth` below it.
fn from_root(words: &[String], depth: usize) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut at = 0;
    while at < words.len() {
        let mut end = at;
        let mut supers = 0;
        if words[end] == "crate" {
            end += 1;
        } else {
            while words.get(end).is_some_and(|word| word == "super") {
                supers += 1;
                end += if words.get(end + 1).is_some_and(|word| word == "::") { 2 } else { 1 };
            }
            // So that it stands before the `::` in both cases.
            end = end.saturating_sub(1).max(at);
        }
        let reaches_root = words[at] == "crate" || supers == depth && supers > 0;
        if !reaches_root || words.get(end).is_none_or(|word| word != "::") {
            at += 1.max(2 * supers);
            continue;
        }
        match words.get(end + 1).map(String::as_str) {
            Some("{") => {
                let mut nested = 0;
                let mut first = true;
                for word in &words[end + 1..] {
                    match word.as_str() {
                        "{" => nested += 1,
                        "}" => nested -= 1,
                        "," => first |= nested == 1,
                        name if nested == 1 && first && is_name(name) => {
                            names.insert(name.to_owned());
                            first = false;
                        }
                        _ => {}
                    }
                    if nested == 0 {
                        break;
                    }
                }
            }
            Some(name) if is_name(name) => drop(names.insert(name.to_owned())),
            _ => {}
        }
        at = end + 1;
    }
    names
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Words and signs; `::` is one sign.
fn tokens(code: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![];
    let mut chars = code.chars().peekable();
    while let Some(c) = chars.next() {
        let mut word = String::from(c);
        let inside = |c: char| c.is_alphanumeric() || c == '_';
        while inside(c) && chars.peek().is_some_and(|&next| inside(next)) {
            word.extend(chars.next());
        }
        if c == ':' && chars.peek() == Some(&':') {
            word.extend(chars.next());
        }
        if !c.is_whitespace() {
            words.push(word);
        }
    }
    words
}

/// The text without comments, and with empty strings.
fn code(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(raw) = rest.strip_prefix("r#\"") {
            raw.find("\"#").map_or(rest.len(), |end| end + 5)
        } else if c == '"' {
            let mut escaped = false;
            let end = rest[1..].find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            end.map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with("'\"'") || rest.starts_with("'{'") || rest.starts_with("'}'") {
            3
        } else {
            out.push(c);
            c.len_utf8()
        };
        rest = &rest[skipped..];
    }
    out
}

/// Code without the items under `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::new();
    let mut rest = code;
    while let Some(start) = rest.find(MARK) {
        out.push_str(&rest[..start]);
        rest = &rest[start + MARK.len()..];
        // The item ends with its block, or with a semicolon before any block.
        let mut nested = 0;
        let end = rest.find(|c| {
            nested += i32::from(c == '{') - i32::from(c == '}');
            nested == 0 && (c == '}' || c == ';')
        });
        rest = &rest[end.map_or(rest.len(), |end| end + 1)..];
    }
    out + rest
}

/// A cycle among top modules in words, if there is one.
pub(crate) fn cycle(uses: &Uses) -> Option<String> {
    fn visit<'a>(uses: &'a Uses, path: &mut Vec<&'a str>, done: &mut BTreeSet<&'a str>) -> Option<String> {
        let here = *path.last()?;
        for (next, file) in uses.get(here)? {
            if let Some(start) = path.iter().position(|module| module == next) {
                return Some(format!("{} -> {next} (closed by {file})", path[start..].join(" -> ")));
            }
            if !done.contains(next.as_str()) {
                path.push(next);
                let found = visit(uses, path, done);
                path.pop();
                if found.is_some() {
                    return found;
                }
            }
        }
        done.insert(here);
        None
    }
    let mut done = BTreeSet::new();
    uses.keys().find_map(|module| visit(uses, &mut vec![module], &mut done))
}
