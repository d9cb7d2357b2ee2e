//! `noisefloor data fetch`: every file of a dataset, here and checked.

use super::{Unreadable, Which, progress_bar};
use crate::files::disk::free_bytes;
use crate::files::output::text;
use crate::message::say;
use anyhow::{Context, bail, ensure};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use nf_data::hub::{BUDGET_VARIABLE, Progress, StreamOptions};
use nf_data::originals::Originals;
use nf_data::{Dataset, Download, OpenOptions};
use std::io::Write;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// Split, instead of the one in the name
    #[arg(long, value_name = "NAME")]
    split: Option<String>,
    /// Only the first files of the split, of so many gigabytes (10^9 bytes) together; also allows
    /// these more than NOISEFLOOR_CACHE_GB
    #[arg(long, value_name = "N")]
    max_gb: Option<f64>,
    /// Print what it would take, and fetch nothing but lists
    #[arg(long)]
    dry_run: bool,
    /// Where original frames are fetched from instead of where they are published: an address in
    /// which {repository}, {revision}, {path} and {git_blob} are filled in, or one to which the
    /// first three are appended [env: NOISEFLOOR_MIRROR]
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let name = args.which.dataset.to_string_lossy();
    let options = OpenOptions { split: args.split.clone(), ..args.which.options() };
    if let Some(originals) = Originals::of(&args.which.dataset, &options, args.mirror.clone())? {
        ensure!(
            args.max_gb.is_none(),
            "--max-gb: is for datasets of the hub; '{name}' has its frames elsewhere"
        );
        if args.dry_run {
            return tell_originals(&originals);
        }
        fetch_originals(&originals)?;
    } else if args.mirror.is_some() {
        bail!("--mirror: the manifest of '{name}' states no original frames");
    }
    let mut stream = StreamOptions { check_fetched: true, ..StreamOptions::from_environment() };
    let later_bytes = stream.budget_bytes;
    if let Some(gigabytes) = args.max_gb {
        ensure!(gigabytes > 0.0, "--max-gb: {gigabytes} gigabytes, expected more than none");
        stream.most_bytes = Some((gigabytes * 1e9) as u64);
        stream.budget_bytes = u64::MAX;
    }
    let bar = ProgressBar::hidden();
    let came = bar.clone();
    stream.progress = Progress::new(move |bytes| came.inc(bytes));
    let set = nf_data::open(&args.which.dataset, &OpenOptions { stream: Some(stream), ..options })?;
    let download = set.download();
    if args.dry_run {
        return tell(&*set, download.as_ref());
    }
    if let Some(download) = &download {
        ensure_space(&*set, download)?;
    }
    let unreadable = fetch(&*set, download.as_ref(), &bar)?;
    writeln!(text(), "{}: {} images", set.card(), set.len() - unreadable.images)?;
    if let Some(download) = download.filter(|_| args.max_gb.is_some()) {
        tell_limit(&download, later_bytes)?;
    }
    unreadable.finish(set.len())
}

/// Fetches all files by reading all images, which checks both.
fn fetch(set: &dyn Dataset, download: Option<&Download>, bytes: &ProgressBar) -> anyhow::Result<Unreadable> {
    let missing = download.filter(|download| download.missing_bytes > 0);
    let images = progress_bar(set.len())?;
    let bar = if missing.is_some() { bytes } else { &images };
    if let Some(missing) = missing {
        let template = "{bar:24} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left, {msg}";
        bytes.set_style(ProgressStyle::with_template(template)?);
        bytes.set_length(missing.missing_bytes);
        bytes.set_position(missing.begun_bytes);
        bytes.reset_eta();
        bytes.set_draw_target(indicatif::ProgressDrawTarget::stderr());
    }
    let mut unreadable = Unreadable::default();
    for index in 0..set.len() {
        bar.set_message(format!("image {} of {}", index + 1, set.len()));
        // Not while the bar is suspended: the bytes that come move it.
        let image = set.image(index);
        bar.suspend(|| match image {
            Ok(image) => writeln!(text(), "{} {} {}", set.name(index), image.shape(), image.digest()),
            Err(error) => {
                unreadable.tell(error);
                Ok(())
            }
        })?;
        if missing.is_none() {
            images.inc(1);
        }
    }
    bytes.finish_and_clear();
    images.finish_and_clear();
    Ok(unreadable)
}

fn files(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

/// Bytes that are still to come.
fn to_come(download: &Download) -> u64 {
    download.missing_bytes - download.begun_bytes.min(download.missing_bytes)
}

/// Refuses to begin what cannot end well.
fn ensure_space(set: &dyn Dataset, download: &Download) -> anyhow::Result<()> {
    if download.bytes > download.budget_bytes {
        bail!(
            "{}: {} files of {} in all, fetched files may take {}; {BUDGET_VARIABLE} or --max-gb sets another limit \
             (what is not fetched is streamed when it is used)",
            set.card(),
            download.files,
            HumanBytes(download.bytes),
            HumanBytes(download.budget_bytes),
        );
    }
    if let Some(free) = free_bytes(&download.folder).filter(|free| to_come(download) > *free) {
        bail!(
            "{}: {} are to be fetched, and {} are free in {}; HF_HUB_CACHE names another folder, --max-gb fetches less",
            set.card(),
            HumanBytes(to_come(download)),
            HumanBytes(free),
            download.folder.display(),
        );
    }
    Ok(())
}

/// Says what fetching a dataset would take.
fn tell(set: &dyn Dataset, download: Option<&Download>) -> anyhow::Result<()> {
    let mut out = text();
    let card = set.card();
    let Some(download) = download else {
        writeln!(out, "{card}: {} images, nothing to fetch", set.len())?;
        return Ok(());
    };
    let size = |count: usize, bytes: u64| format!("{} of {}", files(count), HumanBytes(bytes));
    writeln!(out, "{card}: {} images in {}", set.len(), size(download.files, download.bytes))?;
    writeln!(out, "from      {}", card.origin)?;
    let here = download.files - download.missing_files;
    writeln!(out, "here      {}", size(here, download.bytes.saturating_sub(download.missing_bytes)))?;
    let begun = match download.begun_bytes {
        0 => String::new(),
        bytes => format!(", of which {} are here", HumanBytes(bytes)),
    };
    writeln!(out, "to fetch  {}{begun}", size(download.missing_files, download.missing_bytes))?;
    if download.left_out_files > 0 {
        writeln!(out, "left out  {} (--max-gb)", size(download.left_out_files, download.left_out_bytes))?;
    }
    let free = free_bytes(&download.folder);
    let free = free.map_or_else(String::new, |bytes| format!(", {} free", HumanBytes(bytes)));
    writeln!(out, "to        {}{free}", download.folder.display())?;
    if download.bytes > download.budget_bytes {
        let budget = HumanBytes(download.budget_bytes);
        writeln!(
            out,
            "too much: fetched files may take {budget}; {BUDGET_VARIABLE} or --max-gb sets another limit"
        )?;
    }
    Ok(())
}

/// Says what a limit left out, and what later runs make of what was fetched.
fn tell_limit(download: &Download, later_bytes: u64) -> anyhow::Result<()> {
    if download.left_out_files > 0 {
        let (count, bytes) = (files(download.left_out_files), HumanBytes(download.left_out_bytes));
        writeln!(text(), "{count} of {bytes} left out by --max-gb; they are streamed when they are used")?;
    }
    if download.bytes > later_bytes {
        say(&format!(
            "later runs that fetch more of this repository drop files above {}; {BUDGET_VARIABLE} sets another limit",
            HumanBytes(later_bytes)
        ));
    }
    Ok(())
}

/// Says how many frames are to be fetched where they are published.
fn tell_originals(originals: &Originals) -> anyhow::Result<()> {
    let folder = originals.folder();
    let here = (0..originals.len()).filter(|&index| folder.join(originals.name(index)).exists()).count();
    let (all, missing) = (originals.len(), originals.len() - here);
    writeln!(
        text(),
        "{all} frames, {here} here, {missing} to fetch from where they are published (sizes are not known)"
    )
    .and_then(|()| writeln!(text(), "to        {}", folder.display()))
    .context("printing")
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
