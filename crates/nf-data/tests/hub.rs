//! Datasets of the hub, streamed from a stand-in server, by every transport.
#![allow(clippy::unwrap_used, reason = "tests")]

mod server;

use nf_data::hub::{Patience, Store, StreamOptions, Transport};
use nf_data::{Dataset, Error, OpenOptions, open};
use nf_image::{PlaneAxis, Shape};
use server::frames::{CACHED, FILE, card, hdu, one_file, plain, repository, row, value};
use server::{COMMIT, Fault, RESOLVE, REVISION, Server};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The tests of the folder `hub` over one transport.
macro_rules! over {
    ($name:ident, $transport:expr) => {
        mod $name {
            use super::*;

            const TRANSPORT: Transport = $transport;

            include!("hub/cases.rs");
            include!("hub/experiments.rs");
        }
    };
}

over!(own, Transport::Own);
#[cfg(feature = "hf-hub")]
over!(hf_hub, Transport::HfHub);
