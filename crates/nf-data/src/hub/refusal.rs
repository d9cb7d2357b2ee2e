//! What the hub's refusals mean, in words that say what to do.

use super::environment::PROCESS;
use crate::net::Refusal;

/// What was asked of the hub.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked<'a> {
    /// The commit of a revision: repository, revision.
    Revision(&'a str, &'a str),
    /// The list of a commit: repository, commit.
    List(&'a str, &'a str),
    /// A file: repository, commit, path.
    File(&'a str, &'a str, &'a str),
}

impl<'a> Asked<'a> {
    /// What a refusal of the hub at `endpoint` means for somebody with or without a token.
    pub(super) fn words(self, refusal: &Refusal, endpoint: &str, has_token: bool) -> Option<String> {
        let (repository, status) = (self.repository(), refusal.status);
        let of = |code: &str| refusal.code.as_deref() == Some(code);
        let place = PROCESS.token_path();
        let place = place.map_or_else(String::new, |path| format!(" or {}", path.display()));
        let accept = format!("accept the terms at {endpoint}/datasets/{repository}");
        let log_in = format!(
            "set HF_TOKEN (a token is made at {endpoint}/settings/tokens) or put it into a file that HF_TOKEN_PATH names"
        );
        let no_repository = of("RepoNotFound");
        Some(match status {
            401 | 403 if of("GatedRepo") && !has_token => {
                format!(
                    "{repository} is shown only to those who agree to its terms (status {status}): {accept}, and {log_in}"
                )
            }
            401 | 404 if no_repository && has_token => format!(
                "there is no dataset {repository}, or the user of the token in HF_TOKEN{place} may not see it (status \
                 {status}): check the name"
            ),
            401 if has_token => format!(
                "the hub does not accept the token in HF_TOKEN{place} (status 401): make another at \
                 {endpoint}/settings/tokens"
            ),
            401 => format!(
                "there is no dataset {repository}, or it is private or has terms (status 401): check the name; {accept} \
                 if it asks for that, and {log_in}"
            ),
            403 if has_token => format!(
                "the user of the token in HF_TOKEN{place} may not read {repository} (status 403): {accept}, or ask its \
                 owner; the token needs the right to read gated repositories"
            ),
            403 => {
                format!("{repository} may not be read without a token (status 403): {accept}, and {log_in}")
            }
            404 => match self {
                Self::File(_, commit, path) if !no_repository => {
                    format!("there is no file {path} in {repository} at revision {commit} (status 404)")
                }
                Self::Revision(_, revision) if of("RevisionNotFound") => {
                    format!("{repository} has no revision {revision} (status 404)")
                }
                Self::Revision(_, revision) if !no_repository => {
                    format!("there is no dataset {repository}, or it has no revision {revision} (status 404)")
                }
                Self::List(_, commit) if !no_repository => {
                    format!("{repository} has no commit {commit} (status 404)")
                }
                _ => format!("there is no dataset {repository} at {endpoint} (status 404)"),
            },
            _ => return None,
        })
    }

    fn repository(self) -> &'a str {
        match self {
            Self::Revision(repository, _) | Self::List(repository, _) | Self::File(repository, ..) => {
                repository
            }
        }
    }
}
