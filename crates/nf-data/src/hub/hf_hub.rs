//! The crate `hf-hub` as a transport: files that the hub keeps in its store of chunks (Xet) are put
//! together from there.
//!
//! It is asked for what is missing of a file, as a stream. Lists and digests, retries, resuming and
//! limits of time and size stay ours, since `hf-hub` 1.0.0 neither resumes nor verifies: it takes
//! an answer that ends early for a whole file.

use super::client::{Hub, RemoteFile};
use super::refusal::Asked;
use crate::net::download::{On, Part};
use crate::net::{Address, Again, Failure, Pace, Refusal};
use futures_util::{Stream, StreamExt};
use hf_hub::{HFClient, HFError};
use std::future::Future;
use std::path::Path;
use std::time::{Duration, Instant};

/// Fetches what `part` lacks of a file of a commit.
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
    let address = hub.file_address(repository, commit, &file.path)?;
    // Says so if nothing may be asked, or with which token.
    hub.with_request(&address, |_| Ok(()))?;
    let have = std::fs::metadata(part).map_or(0, |meta| meta.len());
    let have = if have > file.size_bytes { 0 } else { have };
    if have == file.size_bytes && part.exists() {
        return Ok(());
    }
    let url = address.as_str();
    // A runtime for one file: those that fetch are few threads, and each waits for its own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::refused(url, format!("no runtime for hf-hub: {error}")))?;
    let asked = Asked::File(repository, commit, &file.path);
    let transfer = Transfer { hub, url, file, part, on };
    runtime.block_on(transfer.run(repository, commit, have)).map_err(|failure| hub.in_words(failure, asked))
}

struct Transfer<'a> {
    hub: &'a Hub,
    url: &'a str,
    file: &'a RemoteFile,
    part: &'a Path,
    on: &'a On<'a>,
}

impl Transfer<'_> {
    async fn run(&self, repository: &str, commit: &str, have: u64) -> Result<(), Failure> {
        let options = self.hub.options();
        let mut client = HFClient::builder()
            .endpoint(&options.endpoint)
            .user_agent(concat!("noisefloor/", env!("CARGO_PKG_VERSION")))
            .cache_enabled(false)
            .retry_max_attempts(0);
        if let Some(token) = &options.token {
            client = client.token(token);
        }
        let client = client.build().map_err(|error| self.failure(error))?;
        let (owner, name) = hf_hub::split_id(repository);
        let dataset = client.dataset(owner, name);
        let size = self.file.size_bytes;
        for begins in [have, 0] {
            let call = dataset.download_file_stream().filename(self.file.path.as_str()).revision(commit);
            let call = call.maybe_range((begins > 0).then_some(begins..size)).send();
            let (length, stream) = self.in_time(2 * options.patience.silence, call).await?;
            // Neither status nor range of the answer are told; its length says whether it begins
            // where it was asked to. A server that ignores the range sends the whole file.
            let begins = match length {
                _ if begins == 0 => 0,
                Some(length) if length == size - begins => begins,
                Some(length) if length == size => 0,
                _ => continue,
            };
            return self.write(stream, begins).await;
        }
        Err(Failure::lost(self.url, "the answer does not say which part of the file it is"))
    }

    /// Appends a stream that begins at a byte of the file.
    async fn write<B: AsRef<[u8]>>(
        &self,
        mut stream: impl Stream<Item = Result<B, HFError>> + Unpin,
        begins: u64,
    ) -> Result<(), Failure> {
        let patience = &self.hub.options().patience;
        let size = self.file.size_bytes;
        let mut part = Part::open(self.part, self.url, begins, size, self.on)?;
        let mut pace = Pace::new(patience);
        loop {
            let start = Instant::now();
            let next = tokio::time::timeout(patience.silence, stream.next()).await;
            let piece = match next.map_err(|_| Failure::silent(self.url))? {
                None => return part.finish(Some(size)),
                Some(piece) => piece.map_err(|error| self.failure(error))?,
            };
            let piece = piece.as_ref();
            part.add(piece)?;
            pace.came(self.url, piece.len() as u64, start.elapsed())?;
        }
    }

    async fn in_time<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<T, HFError>>,
    ) -> Result<T, Failure> {
        match tokio::time::timeout(limit, call).await {
            Err(_) => Err(Failure::silent(self.url)),
            Ok(answer) => answer.map_err(|error| self.failure(error)),
        }
    }

    /// What the library says, as our own requests would.
    fn failure(&self, error: HFError) -> Failure {
        let (context, pause) = match &error {
            HFError::Http { context }
            | HFError::AuthRequired { context }
            | HFError::Forbidden { context } => (Some(context), None),
            HFError::RepoNotFound { context, .. } | HFError::EntryNotFound { context, .. } => {
                (context.as_ref(), None)
            }
            HFError::RateLimited { retry_after, context } => (Some(context), *retry_after),
            HFError::Request { source, .. } if source.is_connect() => {
                return Failure::nobody(self.url, &chain(source));
            }
            HFError::Request { source, .. } if source.is_builder() || source.is_redirect() => {
                return Failure::refused(self.url, chain(source));
            }
            _ => (None, None),
        };
        let Some(context) = context else { return Failure::lost(self.url, chain(&error)) };
        let (status, code) = (context.status.as_u16(), context.error_code.clone());
        let reason = format!("the server answers {}", context.status);
        if status == 429 || status >= 500 {
            return Failure { again: Again::Later(pause), ..Failure::refused(&context.url, reason) };
        }
        let origin = Address::new(&context.url).ok().map(|address| address.origin().clone());
        let refusal = origin.map(|origin| Box::new(Refusal { status, origin, code }));
        Failure { refusal, ..Failure::refused(&context.url, reason) }
    }
}

/// An error with what led to it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    text.replace('\n', " ")
}
