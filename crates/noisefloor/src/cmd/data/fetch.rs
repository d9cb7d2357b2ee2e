//! `noisefloor data fetch`: every file of a dataset, here and checked.

use super::{Unreadable, Which, progress_bar};
use crate::files::output::text;
use crate::message::say;
use anyhow::bail;
use indicatif::HumanBytes;
use nf_data::OpenOptions;
use nf_data::hub::StreamOptions;
use nf_data::originals::Originals;
use std::io::Write;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// Where original frames are fetched from instead of where they are published: an address in
    /// which {repository}, {revision}, {path} and {git_blob} are filled in, or one to which the
    /// first three are appended [env: NOISEFLOOR_MIRROR]
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    if let Some(originals) = Originals::of(&args.which.dataset, &args.which.options(), args.mirror.clone())? {
        fetch_originals(&originals)?;
    } else if args.mirror.is_some() {
        bail!(
            "--mirror: the manifest of '{}' states no original frames",
            args.which.dataset.to_string_lossy()
        );
    }
    let stream = StreamOptions { check_fetched: true, ..StreamOptions::from_environment() };
    let options = OpenOptions { stream: Some(stream), ..args.which.options() };
    let set = nf_data::open(&args.which.dataset, &options)?;
    if let Some(download) = set.download()
        && download.bytes > download.budget_bytes
    {
        bail!(
            "{}: {} files of {} in all, fetched files may take {}; {} sets another limit (what is not fetched is \
             streamed when it is used)",
            set.card(),
            download.files,
            HumanBytes(download.bytes),
            HumanBytes(download.budget_bytes),
            nf_data::hub::BUDGET_VARIABLE
        );
    }
    let bar = progress_bar(set.len())?;
    let mut unreadable = Unreadable::default();
    for index in 0..set.len() {
        if let Some(download) = set.download() {
            let (files, bytes) = (download.missing_files, HumanBytes(download.missing_bytes));
            bar.set_message(format!("{files} files of {bytes} to come"));
        }
        bar.suspend(|| match set.image(index) {
            Ok(image) => {
                writeln!(text(), "{} {} {}", set.name(index), image.shape(), image.digest())
            }
            Err(error) => {
                unreadable.tell(error);
                Ok(())
            }
        })?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    writeln!(text(), "{}: {} images", set.card(), set.len() - unreadable.images)?;
    unreadable.finish(set.len())
}

/// Fetches the frames that are not here yet; one that cannot be had is named, and the others are
/// fetched all the same.
fn fetch_originals(originals: &Originals) -> anyhow::Result<()> {
    let bar = progress_bar(originals.len())?;
    let (mut fetched, mut failed) = (0, 0);
    for index in 0..originals.len() {
        bar.set_message(originals.name(index).to_owned());
        match originals.fetch(index) {
            Ok(true) => fetched += 1,
            Ok(false) => {}
            Err(error) => {
                bar.suspend(|| say(&crate::message::one_line(&error.into())));
                failed += 1;
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if fetched > 0 {
        writeln!(text(), "{fetched} frames fetched to {}", originals.folder().display())?;
    }
    if failed > 0 {
        bail!("{failed} of {} frames could not be fetched, see above", originals.len());
    }
    Ok(())
}
