//! One request and its answer.

use super::address::Origin;
use super::{Address, Again, Body, Failure, Patience, Refusal};
use crate::{Error, Result};
use std::time::Duration;
use ureq::Agent;
use ureq::http::Response;

/// What asks.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    agent: Agent,
    patience: Patience,
}

/// A secret that is sent to one origin and to no other, whatever redirects and links say.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) origin: Origin,
    pub(crate) secret: String,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) address: &'a Address,
    pub(crate) token: Option<&'a Token>,
    /// The first byte that is wanted.
    pub(crate) start_bytes: u64,
    /// Media types that are wanted.
    pub(crate) accept: &'static str,
}

impl<'a> Request<'a> {
    pub(crate) fn new(address: &'a Address) -> Self {
        Self { address, token: None, start_bytes: 0, accept: "*/*" }
    }
}

/// What came.
pub(crate) struct Answer {
    /// The address that answered, after all redirects.
    pub(crate) address: Address,
    /// The byte at which the body really begins.
    pub(crate) begins_bytes: u64,
    /// Length of the whole file, where the header states it.
    pub(crate) whole_bytes: Option<u64>,
    /// Whether nothing is left from the byte that was asked for (status 416).
    pub(crate) is_beyond_end: bool,
    /// The header `Link`.
    pub(crate) link: Option<String>,
    pub(crate) body: Body,
}

const MOST_REDIRECTS: usize = 10;
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A pause that is worth a word.
const LONG_PAUSE: Duration = Duration::from_secs(10);
const ATTEMPTS_WITHOUT_ANSWER: u32 = 3;

impl Client {
    pub(crate) fn new(patience: &Patience) -> Self {
        let silence = patience.silence;
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // Redirects are followed here, where it is known whom the token is for.
            .max_redirects(0)
            .timeout_resolve(Some(silence))
            .timeout_connect(Some(silence.min(Duration::from_secs(20))))
            .timeout_recv_response(Some(2 * silence))
            .timeout_per_read(Some(silence))
            .user_agent(concat!("noisefloor/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Self { agent, patience: patience.clone() }
    }

    /// Asks once, and follows redirects.
    ///
    /// # Errors
    /// If there is no answer, it is a refusal, or it leads nowhere.
    pub(crate) fn get(&self, request: Request<'_>) -> Result<Answer, Failure> {
        let mut address = request.address.clone();
        for _ in 0..=MOST_REDIRECTS {
            let response = self.ask(&address, request)?;
            let url = address.as_str();
            let status = response.status();
            if status.is_redirection() && status.as_u16() != 304 {
                let location = header(&response, "location").ok_or_else(|| {
                    Failure::refused(url, format!("the server answers {status} and not where"))
                })?;
                address = address
                    .led_to(location)
                    .map_err(|reason| Failure::refused(url, format!("the server redirects, and {reason}")))?;
                continue;
            }
            let is_beyond_end = status.as_u16() == 416 && request.start_bytes > 0;
            if !status.is_success() && !is_beyond_end {
                let reason = format!("the server answers {status}");
                if status.as_u16() != 429 && !status.is_server_error() {
                    let code = header(&response, "x-error-code").map(str::to_owned);
                    let origin = address.origin().clone();
                    let refusal = Some(Box::new(Refusal { status: status.as_u16(), origin, code }));
                    return Err(Failure { refusal, ..Failure::refused(url, reason) });
                }
                let seconds = header(&response, "retry-after").and_then(|text| text.parse().ok());
                let again = Again::Later(seconds.map(Duration::from_secs));
                return Err(Failure { again, ..Failure::refused(url, reason) });
            }
            let encoding = header(&response, "content-encoding").unwrap_or("identity");
            if !encoding.eq_ignore_ascii_case("identity") {
                let reason = format!("the answer is encoded as {encoding}, which was not asked for");
                return Err(Failure::refused(url, reason));
            }
            let (begins_bytes, whole_bytes) = place(&response)
                .ok_or_else(|| Failure::refused(url, "a part of the file, and no right Content-Range"))?;
            let link = header(&response, "link").map(str::to_owned);
            let body = Body::new(url, response.into_body(), &self.patience);
            return Ok(Answer { address, begins_bytes, whole_bytes, is_beyond_end, link, body });
        }
        let reason = format!("the server redirects more than {MOST_REDIRECTS} times");
        Err(Failure::refused(request.address.as_str(), reason))
    }

    fn ask(&self, address: &Address, request: Request<'_>) -> Result<Response<ureq::Body>, Failure> {
        let mut call = self.agent.get(address.as_str()).header("Accept", request.accept);
        if let Some(token) = request.token.filter(|token| token.origin == *address.origin()) {
            call = call.header("Authorization", format!("Bearer {}", token.secret));
        }
        if request.start_bytes > 0 {
            call = call.header("Range", format!("bytes={}-", request.start_bytes));
        }
        call.call().map_err(|error| Failure::of(address.as_str(), error))
    }

    /// Asks until there is an answer that asking again would not change.
    ///
    /// # Errors
    /// The last failure, with the number of attempts.
    pub(crate) fn patiently<T>(&self, mut ask: impl FnMut() -> Result<T, Failure>) -> Result<T> {
        let mut pause = self.patience.pause;
        let (mut attempt, mut attempts) = (1, self.patience.attempts.max(1));
        loop {
            let Failure { error, again, .. } = match ask() {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            let asked_pause = match again {
                Again::Never => return Err(error),
                Again::Later(pause) => pause,
                Again::Few => {
                    attempts = attempts.min(ATTEMPTS_WITHOUT_ANSWER);
                    None
                }
            };
            if attempt >= attempts {
                return Err(counted(error, attempt));
            }
            let wait = asked_pause.unwrap_or(pause).min(LONGEST_PAUSE);
            if wait >= LONG_PAUSE {
                tracing::warn!("{error}; asking again in {} s", wait.as_secs());
            } else {
                tracing::debug!("{error}; asking again");
            }
            std::thread::sleep(wait);
            pause = (pause * 2).min(LONGEST_PAUSE);
            attempt += 1;
        }
    }
}

/// Says how often it was asked.
fn counted(error: Error, attempts: u32) -> Error {
    let more = |reason: String| format!("{reason} (asked {attempts} times)");
    match error {
        Error::Hub { url, reason } => Error::Hub { url, reason: more(reason) },
        Error::Missing { what, reason } => Error::Missing { what, reason: more(reason) },
        other => other,
    }
}

fn header<'a>(response: &'a Response<ureq::Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// The byte at which the body begins, and the length of the whole file where it is stated; `None`
/// for a part that does not say which.
fn place(response: &Response<ureq::Body>) -> Option<(u64, Option<u64>)> {
    let range = header(response, "content-range").and_then(|range| range.strip_prefix("bytes "));
    match response.status().as_u16() {
        206 => {
            let (span, whole) = range?.split_once('/')?;
            let (first, last) = span.split_once('-')?;
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            let whole: Option<u64> = if whole == "*" { None } else { Some(whole.parse().ok()?) };
            (first <= last && whole.is_none_or(|whole| last < whole)).then_some((first, whole))
        }
        416 => Some((0, range.and_then(|range| range.strip_prefix("*/")?.parse().ok()))),
        _ => Some((0, header(response, "content-length").and_then(|text| text.parse().ok()))),
    }
}
