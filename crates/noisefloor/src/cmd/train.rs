//! `noisefloor train`: experiment files in, a checkpoint out of each.

use crate::files::output::text;
use crate::interrupt;
use crate::message::say;
use crate::registry::fits_options;
use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use nf_data::OpenOptions;
use nf_models::{Checkpoint, ModelCard, Net};
use nf_train::{
    Ancestor, DeviceClass, Divergence, End, Experiment, Frames, LoadReport, Observer, Position, RAW_BITS,
    Session, device_name,
};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Experiment files, such as those in configs/experiments; run in turn, finished ones are
    /// skipped
    #[arg(required = true, value_name = "EXPERIMENT")]
    experiments: Vec<PathBuf>,
    /// Continue from the last saved state of an experiment, if there is one
    #[arg(long)]
    resume: bool,
    /// auto, cpu, vulkan, wgpu, metal or cuda, instead of the experiment's device
    #[arg(long)]
    device: Option<DeviceClass>,
    /// Begin with the weights of this checkpoint, a folder or the name of one in checkpoints,
    /// instead of new ones; the network must be the experiment's
    #[arg(long, value_name = "CHECKPOINT")]
    from: Option<String>,
    /// Override a setting of every experiment, such as tiles.batch=16; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Folder that holds the frames, instead of the one named by the dataset
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Folder in which the folder of the checkpoint is created
    #[arg(long, value_name = "DIR", default_value = "checkpoints")]
    output: PathBuf,
    /// Save the state at least this often; bounds the work that can be lost
    #[arg(long, value_name = "MINUTES", default_value_t = 5.0)]
    save_every: f64,
}

/// Runs the queue: what fails is told and does not keep the rest waiting.
pub(crate) fn run(args: &Args) -> Result<()> {
    // The first interruption saves the state.
    let interrupted = interrupt::finish_first();
    let count = args.experiments.len();
    let mut failed = 0;
    for (begun, path) in (1..).zip(&args.experiments) {
        let ended = train(args, path, interrupted);
        // The answer of the whole command where there is one experiment, or nothing more is wanted.
        if count == 1 {
            return ended;
        } else if interrupted.load(Ordering::Relaxed) {
            return ended.and_then(|()| bail!("interrupted")).context(format!("{begun} of {count} begun"));
        } else if let Err(error) = ended {
            say(&format!("{}: {error:#}", path.display()));
            failed += 1;
        }
    }
    if failed > 0 {
        bail!("{failed} of {count} experiments failed, see above");
    }
    Ok(())
}

fn train(args: &Args, path: &Path, interrupted: &'static AtomicBool) -> Result<()> {
    let mut settings = args.set.clone();
    settings.extend(args.device.map(|device| format!("device={}", device.name())));
    let from = args.from.as_deref().map(Checkpoint::find);
    if let Some(from) = &from {
        settings.push(Ancestor::of(from)?.setting());
    }
    let experiment = Experiment::read(path, &settings)?;
    let id = experiment.id();
    let (checkpoint, log) = (args.output.join(&id), args.output.join(format!("{id}.run")));
    if let Some(position) = nf_train::finished(&experiment, &log)?.filter(|_| checkpoint.is_dir()) {
        say(&format!("{id}: finished at step {}, left as it is: {}", position.step, checkpoint.display()));
        return judge(&position);
    }
    if !experiment.skipped_devices.is_empty() {
        say(&format!(
            "device auto: {} ({})",
            experiment.device.name(),
            experiment.skipped_devices.join("; ")
        ));
    }
    let device = experiment.device.open()?;
    let device_words = device_in_words(experiment.device, device_name(&device));
    let save_every = Duration::try_from_secs_f64(args.save_every * 60.0).context("--save-every")?;
    let options = OpenOptions { data: args.data.clone(), fits: fits_options(), ..OpenOptions::default() };
    let frames = Frames::read(&experiment, &options)?;
    frames.notes().iter().for_each(|note| say(note));
    let (net, ancestry) = experiment.first_net(&device.clone().autodiff(), from.as_deref())?;
    let session = Session {
        experiment: &experiment,
        frames: &frames,
        device,
        output: &log,
        resume: args.resume,
        save_every,
        interrupted,
    };
    let mut keep = |net: &Net, position: &Position| {
        Checkpoint::save(&checkpoint, net, model_card(&device_words, &frames, &ancestry, position))
            .map_err(|error| nf_train::Error::Checkpoint(error.to_string()))?;
        Ok(())
    };
    say(&format!(
        "{id}: {} images to train on, {} to validate on, {}, {}",
        frames.images(),
        frames.validation_names().len(),
        net.config().name(),
        device_words,
    ));
    let mut bar = Bar::new(&experiment);
    let ended = session.learn(net, &mut bar, &mut keep);
    bar.bar.finish_and_clear();
    if bar.load.streams {
        say(&format!("data: {}", load_in_words(&bar.load)));
    }
    let (position, end) = ended?;
    report(&position, end, &checkpoint, &log)
}

fn report(position: &Position, end: End, checkpoint: &Path, log: &Path) -> Result<()> {
    let Position { step, seconds, best_step, .. } = position;
    let at = format!("step {step}, after {:.1} min of training", seconds / 60.0);
    let why = match end {
        End::Steps => "all steps are taken",
        End::Minutes => "the time is over",
        End::Patience => "nothing better came any more",
        End::Interrupted => bail!("interrupted at {at}; the state is saved, --resume goes on"),
    };
    say(&format!("{at}: {why}"));
    if let Some(bits) = position.best_bits {
        writeln!(
            text(),
            "{bits:.4} bits per pixel on the validation frames at step {best_step}: {}",
            checkpoint.display()
        )?;
    }
    writeln!(text(), "log: {}", log.join("train.csv").display())?;
    judge(position)
}

/// Says so where a run has diverged, and fails where nothing came of it.
fn judge(position: &Position) -> Result<()> {
    match position.divergence() {
        Some(divergence @ Divergence::Always { .. }) => bail!("{divergence}"),
        Some(divergence) => say(&format!("{divergence}")),
        None => {}
    }
    Ok(())
}

/// Where the weights come from.
fn model_card(device: &str, frames: &Frames, ancestry: &[String], position: &Position) -> ModelCard {
    const MOST_NAMES: usize = 32;
    let sets = frames.cards().iter().map(|card| format!("{card} ({})", card.digest.short()));
    let names = frames.validation_names();
    let (first, more) = names.split_at(names.len().min(MOST_NAMES));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    ModelCard {
        data: sets.collect::<Vec<_>>().join(", "),
        split: format!("trained on {} images; validated on {}{more}", frames.images(), first.join(", ")),
        validation_bits_per_sample: position.best_bits.unwrap_or(f64::NAN),
        steps: position.step,
        training_time_s: position.seconds.round(),
        device: device.to_owned(),
        ancestry: ancestry.to_vec(),
        parameters: 0,
        weights_blake3: String::new(),
        net: None,
    }
}

/// The class and the name of the device, and the processor beside it.
fn device_in_words(class: DeviceClass, name: Option<String>) -> String {
    let processor = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let processor = processor.unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let threads = rayon::current_num_threads();
    let name = name.map_or_else(String::new, |name| format!(" on {name}"));
    format!("{}{name}; host {processor}, {threads} threads", class.name())
}

/// What was read for the steps.
fn load_in_words(load: &LoadReport) -> String {
    let waited = format!("waited {:.1} s for tiles", load.waited.as_secs_f64());
    if load.images_read == 0 {
        return waited;
    }
    format!(
        "{} images read, {} files fetched, {:.0} % from this disk, {waited}",
        load.images_read,
        load.files_fetched,
        100.0 * load.cache_share()
    )
}

/// Steps, bits per pixel and the time left; nothing where standard error is no terminal.
struct Bar {
    bar: ProgressBar,
    steps: Option<u64>,
    minutes: Option<f64>,
    bits: f64,
    validation: String,
    first: Option<(u64, f64)>,
    load: LoadReport,
    /// Whether a validation was above what samples have, and the user was told.
    above_raw: bool,
}

impl Bar {
    fn new(experiment: &Experiment) -> Self {
        let bar = ProgressBar::new(experiment.stop.steps.unwrap_or(0));
        let style = ProgressStyle::with_template("{bar:24} step {pos} {msg}");
        bar.set_style(style.expect("the template is well-formed"));
        let (steps, minutes) = (experiment.stop.steps, experiment.stop.minutes);
        Self {
            bar,
            steps,
            minutes,
            bits: f64::NAN,
            validation: String::new(),
            first: None,
            load: LoadReport::default(),
            above_raw: false,
        }
    }

    /// Minutes to the end by whichever limit comes first.
    fn left_minutes(&self, position: &Position) -> Option<f64> {
        let (step, seconds) = self.first?;
        let pace = (position.seconds - seconds) / (position.step - step).max(1) as f64;
        let by_steps = self.steps.map(|steps| pace * steps.saturating_sub(position.step) as f64 / 60.0);
        let by_clock = self.minutes.map(|minutes| (minutes - position.seconds / 60.0).max(0.0));
        [by_steps, by_clock].into_iter().flatten().reduce(f64::min)
    }
}

impl Observer for Bar {
    fn begin(&mut self, position: &Position) {
        if position.step > 0 {
            say(&format!("going on at step {}", position.step));
        }
        self.first = Some((position.step, position.seconds));
    }

    fn step(&mut self, position: &Position, bits: f64) {
        self.bits = if self.bits.is_nan() { bits } else { 0.98 * self.bits + 0.02 * bits };
        let left = self.left_minutes(position).map_or_else(String::new, |m| format!(", {m:.1} min left"));
        self.bar.set_position(position.step);
        let load = if self.load.streams { format!("; {}", load_in_words(&self.load)) } else { String::new() };
        self.bar.set_message(format!("{:.3} bits per pixel{}{left}{load}", self.bits, self.validation));
    }

    fn loaded(&mut self, report: &LoadReport) {
        self.load = *report;
    }

    fn validated(&mut self, position: &Position, bits: f64) {
        self.validation = format!(", validation {bits:.3}");
        // Told once, while there is time to stop.
        if bits > RAW_BITS && !std::mem::replace(&mut self.above_raw, true) {
            let step = position.step;
            self.bar.suspend(|| {
                say(&format!("step {step}: {bits:.1} bits per sample on the validation frames, where samples have {RAW_BITS}"));
            });
        }
        tracing::info!(step = position.step, bits, "validated");
    }
}
