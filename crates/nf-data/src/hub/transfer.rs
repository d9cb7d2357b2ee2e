//! The bytes of one file of the hub, by whichever transport.

use super::client::{Hub, RemoteFile};
use super::refusal::Asked;
use super::transport::Transport;
use crate::net::download::{self, Expected, On};
use crate::net::{Failure, Request};
use std::path::Path;

/// Fetches what `part` lacks of a file of a commit. Afterwards the part is as long as the file,
/// which is all that is known of it.
///
/// # Errors
/// If that cannot be had; what came stays in `part`.
pub(super) fn append(
    hub: &Hub,
    repository: &str,
    commit: &str,
    file: &RemoteFile,
    part: &Path,
    on: &On<'_>,
) -> Result<(), Failure> {
    match hub.options().transport {
        Transport::Own => {
            let expected = Expected { bytes: Some(file.size_bytes), most_bytes: file.size_bytes };
            let address = hub.file_address(repository, commit, &file.path)?;
            let ask = |request: Request<'_>| Ok(download::append(hub.client(), request, expected, part, on));
            let asked = Asked::File(repository, commit, &file.path);
            hub.with_request(&address, ask)?.map_err(|failure| hub.in_words(failure, asked))
        }
        #[cfg(feature = "hf-hub")]
        Transport::HfHub => super::hf_hub::append(hub, repository, commit, file, part, on),
    }
}
