//! Addresses: which are of one origin, and where a relative one leads.

use ureq::http::Uri;

/// An address of the web, `http` or `https`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    text: String,
    origin: Origin,
}

/// Whom an address asks: two addresses of one origin reach the same server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    is_https: bool,
    host: String,
    port: u16,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// In words, if it is none or of another scheme.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is no address such as https://example.org/path");
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let is_https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong()),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(wrong)?.to_ascii_lowercase();
        // A name and password in an address would go into messages and logs.
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("an address with a user's name in it is not taken".to_owned());
        }
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        Ok(Self { text: text.to_owned(), origin: Origin { is_https, host, port } })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Where the server sends us from here.
    ///
    /// # Errors
    /// In words, if that is no address of the web, or less safe than this one.
    pub(crate) fn led_to(&self, location: &str) -> Result<Self, String> {
        let (scheme, rest) = self.text.split_once("://").unwrap_or_default();
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let path = rest[authority.len()..].split(['?', '#']).next().unwrap_or_default();
        let folder = &path[..path.rfind('/').map_or(0, |slash| slash + 1)];
        let has_scheme = location.split(['/', '?', '#']).next().is_some_and(|start| start.contains(':'));
        let text = if has_scheme {
            location.to_owned()
        } else if location.starts_with("//") {
            format!("{scheme}:{location}")
        } else if location.starts_with('/') {
            format!("{scheme}://{authority}{location}")
        } else {
            format!("{scheme}://{authority}/{}{location}", folder.trim_start_matches('/'))
        };
        let to = Self::new(&text)?;
        if self.origin.is_https && !to.origin.is_https {
            return Err(format!("'{text}' is not encrypted, as this address is"));
        }
        Ok(to)
    }
}

/// A path with everything escaped that an address may not hold.
pub(crate) fn escaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// One part of a path, in which a slash is escaped as well.
pub(crate) fn escaped_part(part: &str) -> String {
    escaped(part).replace('/', "%2F")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::new(text).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn origins_are_scheme_host_and_port() {
        let same = |a: &str, b: &str| address(a).origin() == address(b).origin();
        assert!(same("https://Hub.example/a", "https://hub.example:443/b?c"));
        assert!(!same("https://hub.example/a", "http://hub.example/a"));
        assert!(!same("https://hub.example/a", "https://hub.example:8443/a"));
        assert!(!same("https://hub.example/a", "https://hub.example.evil.org/a"));
        for text in
            ["huggingface", "file:///etc/passwd", "ftp://a/b", "https://", "", "//a/b", "https://u:p@h/"]
        {
            assert!(Address::new(text).is_err(), "{text}");
        }
    }

    #[test]
    fn locations_are_relative_to_where_they_are_found() {
        let here = address("https://h.org:8443/a/b/c?x=1");
        let to = |location: &str| here.led_to(location).map(|to| to.as_str().to_owned());
        assert_eq!(to("https://o.org/x").as_deref(), Ok("https://o.org/x"));
        assert_eq!(to("//o.org/x").as_deref(), Ok("https://o.org/x"));
        assert_eq!(to("/x?y=http://z").as_deref(), Ok("https://h.org:8443/x?y=http://z"));
        assert_eq!(to("d").as_deref(), Ok("https://h.org:8443/a/b/d"));
        assert_eq!(address("http://h.org").led_to("d").map(|to| to.text).as_deref(), Ok("http://h.org/d"));
        assert!(to("http://h.org/x").is_err_and(|reason| reason.contains("not encrypted")));
        assert!(to("file:///etc/passwd").is_err() && to("mailto:x").is_err());
    }

    #[test]
    fn paths_are_escaped() {
        assert_eq!(escaped("data/a b+ü:c.fits"), "data/a%20b%2B%C3%BC%3Ac.fits");
        assert_eq!(escaped_part("refs/convert/parquet"), "refs%2Fconvert%2Fparquet");
    }
}
