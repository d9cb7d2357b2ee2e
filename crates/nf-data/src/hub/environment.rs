//! What all clients of the hub read from the environment: where their cache is, and the user's
//! token.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Longest file of a token that is read, bytes.
const MOST_TOKEN_BYTES: u64 = 4096;

/// The environment's variables; an empty one counts as absent.
pub(super) struct Environment<'a>(pub(super) &'a dyn Fn(&str) -> Option<OsString>);

/// Those of this process.
pub(super) const PROCESS: Environment<'static> = Environment(&|name| std::env::var_os(name));

impl Environment<'_> {
    pub(super) fn text(&self, name: &str) -> Option<String> {
        (self.0)(name)?.into_string().ok().filter(|text| !text.is_empty())
    }

    /// A path, in which a leading `~` is the user's home.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        let path = PathBuf::from((self.0)(name).filter(|value| !value.is_empty())?);
        match path.strip_prefix("~") {
            Ok(rest) => Some(PathBuf::from((self.0)("HOME")?).join(rest)),
            Err(_) => Some(path),
        }
    }

    /// Whether a switch is on; anything but 0, off, no and false counts.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| {
            !["0", "off", "no", "false"].iter().any(|off| text.trim().eq_ignore_ascii_case(off))
        })
    }

    /// The user's cache: `XDG_CACHE_HOME`, or `.cache` in the user's home.
    pub(super) fn user_cache(&self) -> Option<PathBuf> {
        self.path("XDG_CACHE_HOME").or_else(|| Some(self.path("HOME")?.join(".cache")))
    }

    /// The folder `huggingface` of the user, `HF_HOME` or the usual one.
    fn home(&self) -> Option<PathBuf> {
        self.path("HF_HOME").or_else(|| Some(self.user_cache()?.join("huggingface")))
    }

    /// The hub's cache where a variable names it: `HF_HUB_CACHE`, its former name
    /// `HUGGINGFACE_HUB_CACHE`, or `HF_HOME`.
    pub(super) fn named_hub_cache(&self) -> Option<PathBuf> {
        let own = self.path("HF_HUB_CACHE").or_else(|| self.path("HUGGINGFACE_HUB_CACHE"));
        own.or_else(|| Some(self.path("HF_HOME")?.join("hub")))
    }

    /// The hub's cache: the one that is named, or the usual one.
    pub(super) fn hub_cache(&self) -> Option<PathBuf> {
        self.named_hub_cache().or_else(|| Some(self.home()?.join("hub")))
    }

    /// The file that holds the user's token: `HF_TOKEN_PATH`, or `token` in `HF_HOME`.
    pub(super) fn token_path(&self) -> Option<PathBuf> {
        self.path("HF_TOKEN_PATH").or_else(|| Some(self.home()?.join("token")))
    }

    /// The user's token: `HF_TOKEN`, its former name `HUGGING_FACE_HUB_TOKEN`, or the file that
    /// logging in writes. `HF_HUB_DISABLE_IMPLICIT_TOKEN=1` sends none.
    pub(super) fn token(&self) -> Option<String> {
        if self.is_on("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
            return None;
        }
        let stated = self.text("HF_TOKEN").or_else(|| self.text("HUGGING_FACE_HUB_TOKEN"));
        let token = stated.or_else(|| read_token(&self.token_path()?))?;
        let token = token.trim();
        (!token.is_empty()).then(|| token.to_owned())
    }
}

fn read_token(path: &Path) -> Option<String> {
    let meta = std::fs::metadata(path).ok()?;
    if !meta.is_file() || meta.len() > MOST_TOKEN_BYTES {
        tracing::warn!("{}: is no file of a token; none is sent", path.display());
        return None;
    }
    std::fs::read_to_string(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(variables: &[(&str, &str)], read: impl FnOnce(&Environment<'_>) -> T) -> T {
        let find = |name: &str| variables.iter().find(|(other, _)| *other == name).map(|(_, v)| v.into());
        read(&Environment(&find))
    }

    #[test]
    fn caches_are_named_as_every_client_names_them() {
        let cache = |variables: &[(&str, &str)]| {
            with(variables, |environment| (environment.named_hub_cache(), environment.hub_cache()))
        };
        let both = |path: &str| (Some(PathBuf::from(path)), Some(PathBuf::from(path)));
        let usual = |path: &str| (None, Some(PathBuf::from(path)));
        assert_eq!(cache(&[]), (None, None));
        assert_eq!(cache(&[("HOME", "/h")]), usual("/h/.cache/huggingface/hub"));
        assert_eq!(cache(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")]), usual("/x/huggingface/hub"));
        assert_eq!(cache(&[("HF_HOME", "/f"), ("XDG_CACHE_HOME", "/x")]), both("/f/hub"));
        assert_eq!(cache(&[("HF_HUB_CACHE", ""), ("HF_HOME", "/f")]), both("/f/hub"));
        assert_eq!(cache(&[("HUGGINGFACE_HUB_CACHE", "/o"), ("HF_HOME", "/f")]), both("/o"));
        assert_eq!(
            cache(&[("HF_HUB_CACHE", "~/c"), ("HUGGINGFACE_HUB_CACHE", "/o"), ("HOME", "/h")]),
            both("/h/c")
        );
    }

    #[test]
    fn tokens_come_from_variables_before_files() {
        let dir = tempfile::tempdir().unwrap();
        let (home, file) = (dir.path().to_str().unwrap(), dir.path().join("other"));
        std::fs::write(dir.path().join("token"), "  of-home\r\n").unwrap();
        std::fs::write(&file, "of-file\n").unwrap();
        let token = |variables: &[(&str, &str)]| with(variables, |environment| environment.token());
        let of = |text: &str| Some(text.to_owned());
        assert_eq!(token(&[("HF_TOKEN", "a"), ("HF_HOME", home)]), of("a"));
        assert_eq!(token(&[("HUGGING_FACE_HUB_TOKEN", " b ")]), of("b"));
        assert_eq!(token(&[("HF_TOKEN", ""), ("HF_HOME", home)]), of("of-home"));
        assert_eq!(token(&[("HF_TOKEN_PATH", file.to_str().unwrap()), ("HF_HOME", home)]), of("of-file"));
        assert_eq!(token(&[("HF_TOKEN_PATH", "/no/such/file"), ("HF_HOME", home)]), None);
        assert_eq!(token(&[("HF_TOKEN_PATH", home)]), None, "a folder is no token");
        assert_eq!(token(&[("HF_TOKEN", "a"), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]), None);
    }

    #[test]
    fn switches_are_on_unless_they_say_no() {
        for (text, on) in
            [("1", true), ("TRUE", true), ("yes", true), ("0", false), ("False", false), ("", false)]
        {
            assert_eq!(with(&[("HF_HUB_OFFLINE", text)], |e| e.is_on("HF_HUB_OFFLINE")), on, "{text}");
        }
    }
}
