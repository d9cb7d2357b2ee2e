//! The loop: tiles, loss, gradients, weights.

use crate::batch::Batch;
use crate::data::{Frames, Handles, Loader, available_memory_bytes};
use crate::error::panic_words;
use crate::gradients::{Parts, Step};
use crate::log::{Log, Row};
use crate::observer::Observer;
use crate::optimiser::{average_weights, clip_by_norm, decay_at};
use crate::sampling::{Purpose, generator};
use crate::state::{self, Position, State};
use crate::{DeviceClass, End, Error, Experiment, Result, TileChoice};
use burn::optim::ModuleOptimizer;
use burn::tensor::Device;
use nf_models::Trainable;
use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// Steps between rows of the log.
const LOG_EVERY_STEPS: u64 = 10;
/// Batches drawn ahead of the step that is computed.
const BATCHES_AHEAD: usize = 2;

/// Where and how to run, as far as no number depends on it.
pub struct Session<'a> {
    /// What to do.
    pub experiment: &'a Experiment,
    /// The images.
    pub frames: &'a Frames,
    /// The device, without gradients.
    pub device: Device,
    /// The folder for the log and the state; is made.
    pub output: &'a Path,
    /// Whether to go on from the state in `output`, if there is one.
    pub resume: bool,
    /// At most this long passes between two states.
    pub save_every: Duration,
    /// Becomes true when the run is to save its state and end.
    pub interrupted: &'a AtomicBool,
}

impl Session<'_> {
    /// Trains a network that is fresh from its configuration, or trained already where the
    /// experiment begins with such a one, on the session's device with gradients. `keep` is given
    /// every network that validates better than all before, without gradients.
    ///
    /// # Errors
    /// If the folder is in use or holds a run and `resume` is not asked for, a file cannot be
    /// written, the device fails, or the loss is no number any more.
    pub fn learn<N: Trainable>(
        &self,
        net: N,
        observer: &mut dyn Observer,
        keep: &mut dyn FnMut(&N, &Position) -> Result<()>,
    ) -> Result<(Position, End)> {
        fs::create_dir_all(self.output).map_err(Error::io(self.output))?;
        let _lock = self.lock()?;
        self.check_memory(&net)?;
        let mut loader = Loader::new(self.frames, self.experiment);
        let handles = loader.handles();
        let run = self.begin(net, &mut loader)?;
        write_experiment(self.output, self.experiment)?;
        observer.begin(&run.position);
        let first = run.position.step;
        std::thread::scope(|scope| {
            let (sender, batches) = sync_channel(BATCHES_AHEAD);
            scope.spawn(move || {
                let mut steps = first..;
                // The sender fails when the loop below has ended and dropped the receiver; after a
                // failure there is nothing more to send.
                while steps.next().is_some_and(|step| {
                    let batch = loader.batch(step);
                    let failed = batch.is_err();
                    sender.send(batch).is_ok() && !failed
                }) {}
            });
            let ended = run.go(&Batches { batches, handles: &handles }, observer, keep);
            // So that the thread above does not wait for an image that nobody wants any more.
            handles.close();
            ended
        })
    }

    /// Keeps other processes out of the folder while the lock lives.
    fn lock(&self) -> Result<File> {
        let path = self.output.join("lock");
        let file = File::create(&path).map_err(Error::io(&path))?;
        let reason = "another process trains in this folder".to_owned();
        file.try_lock().map_err(|_| Error::Occupied { path: self.output.to_owned(), reason })?;
        Ok(file)
    }

    /// Refuses a step that the processor's memory cannot hold: the system would rather end the
    /// program than refuse memory.
    fn check_memory<N: Trainable>(&self, net: &N) -> Result<()> {
        let TileChoice { height_px, width_px, batch, .. } = self.experiment.tiles;
        let needed = net.step_bytes(batch, height_px, width_px);
        let free = available_memory_bytes().filter(|_| self.experiment.device == DeviceClass::Cpu);
        match needed.zip(free) {
            Some((needed_bytes, free_bytes)) if needed_bytes > free_bytes as f64 => {
                Err(Error::Memory { needed_gb: needed_bytes / 1e9, free_gb: free_bytes as f64 / 1e9 })
            }
            _ => Ok(()),
        }
    }

    fn begin<N: Trainable>(&self, net: N, loader: &mut Loader<'_>) -> Result<Run<'_, N>> {
        let experiment = self.experiment;
        let path = self.output.join("resume.state");
        let averaged = experiment.optimiser.ema_decay.is_some();
        let optimiser = experiment.optimiser.rule.init();
        let state = State::read(&path, &experiment.id())?;
        if let Some(state) = state.as_ref().filter(|_| !self.resume) {
            let step = state.position.step;
            let reason = format!(
                "holds this experiment at step {step}; --resume goes on with it, removing the folder starts anew"
            );
            return Err(Error::Occupied { path: self.output.to_owned(), reason });
        }
        let (position, net, average, optimiser) = match state {
            Some(state) => {
                let average = averaged.then(|| net.valid());
                state.restore(&path, net, average, optimiser)?
            }
            None => {
                let net = match experiment.from {
                    Some(_) => net,
                    None => {
                        let tiles = loader.batch(0)?.tensor(&self.device.clone().autodiff());
                        net.data_dependent_init(tiles)?
                    }
                };
                let average = averaged.then(|| net.valid());
                (Position::default(), net, average, optimiser)
            }
        };
        let (height_px, width_px) = experiment.validation_tile_px();
        // As many samples at once as a step has, which the device is known to take.
        let step_samples = experiment.tiles.batch * experiment.tiles.height_px * experiment.tiles.width_px;
        let size = (step_samples / (height_px * width_px)).max(1);
        let log = Log::open(&self.output.join("train.csv"), position.step)?;
        let started = Instant::now();
        let before = Duration::try_from_secs_f64(position.seconds).unwrap_or_default();
        let validation = self.frames.validation().split(size);
        Ok(Run {
            session: self,
            position,
            net,
            average,
            optimiser,
            validation,
            log,
            before,
            started,
            saved: started,
        })
    }
}

/// Writes the resolved experiment beside its outputs.
fn write_experiment(output: &Path, experiment: &Experiment) -> Result<()> {
    state::write_atomically(&output.join("experiment.toml"), experiment.to_toml().as_bytes())
}

/// The tiles of the steps, as they come.
struct Batches<'a> {
    batches: Receiver<Result<Batch>>,
    handles: &'a Handles,
}

impl Batches<'_> {
    /// The tiles of the next step; `None` if the run was interrupted while they were waited for.
    fn next(&self, interrupted: &AtomicBool) -> Option<Result<Batch>> {
        loop {
            match self.batches.recv_timeout(Duration::from_millis(200)) {
                Ok(batch) => return Some(batch),
                Err(RecvTimeoutError::Timeout) if interrupted.load(Ordering::Relaxed) => return None,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Some(Err(Error::Frames("the thread that draws tiles has ended".to_owned())));
                }
            }
        }
    }
}

/// A run under way.
struct Run<'a, N> {
    session: &'a Session<'a>,
    position: Position,
    net: N,
    average: Option<N>,
    optimiser: ModuleOptimizer,
    validation: Vec<Batch>,
    log: Log,
    /// Time of the parts of the run before this one.
    before: Duration,
    started: Instant,
    saved: Instant,
}

impl<N: Trainable> Run<'_, N> {
    fn go(
        mut self,
        batches: &Batches<'_>,
        observer: &mut dyn Observer,
        keep: &mut dyn FnMut(&N, &Position) -> Result<()>,
    ) -> Result<(Position, End)> {
        let (mut end, mut waited) = (self.end(), Duration::ZERO);
        while end.is_none() {
            let asked = Instant::now();
            let batch = match batches.next(self.session.interrupted) {
                Some(Ok(batch)) => batch,
                Some(Err(error)) => return Err(self.unread(error)?),
                None => {
                    self.save()?;
                    return Ok((self.position, End::Interrupted));
                }
            };
            waited += asked.elapsed();
            let rate = self.session.experiment.schedule.rate_at(self.position.step);
            let bits;
            (self, bits) = self.step(&batch, rate)?;
            observer.step(&self.position, bits);
            observer.loaded(&batches.handles.report(waited));
            end = self.end();
            let last = end.is_some_and(|end| end != End::Interrupted);
            let step = self.position.step;
            let validate = last || step.is_multiple_of(self.session.experiment.validation.every_steps);
            let validation_bits = if validate { Some(self.validate(keep)?) } else { None };
            if validate || step.is_multiple_of(LOG_EVERY_STEPS) {
                self.write_row(validation_bits, rate)?;
            }
            if let Some(bits) = validation_bits {
                observer.validated(&self.position, bits);
                end = end.or(self.end());
            }
            if end.is_some() || self.saved.elapsed() >= self.session.save_every {
                self.save()?;
                observer.saved(&self.position);
            }
        }
        Ok((self.position, end.expect("the loop ends when there is a reason")))
    }

    /// What to say where tiles could not be had: nothing that was learnt is lost.
    fn unread(&mut self, error: Error) -> Result<Error> {
        if self.position.step == 0 {
            return Ok(error);
        }
        self.save()?;
        Ok(Error::Unread { step: self.position.step, source: Box::new(error) })
    }

    /// Why to end now, if there is a reason.
    fn end(&self) -> Option<End> {
        self.session
            .experiment
            .stop
            .reached(&self.position)
            .or_else(|| self.session.interrupted.load(Ordering::Relaxed).then_some(End::Interrupted))
    }

    /// One step; the loss is of before it, bits per sample.
    fn step(mut self, batch: &Batch, rate: f64) -> Result<(Self, f64)> {
        let Experiment { optimiser, seed, tiles, device, .. } = self.session.experiment;
        let (step, at_once) = (self.position.step, *device == DeviceClass::Cpu);
        let (net, rule) = (self.net, &mut self.optimiser);
        let device = self.session.device.clone().autodiff();
        let computed = catch_unwind(AssertUnwindSafe(move || {
            let mut draws = generator(*seed, Purpose::Net, step);
            let seeds: Vec<u64> = (0..tiles.parts).map(|_| draws.next_u64()).collect();
            let parts = Parts { parts: tiles.parts, at_once, device: &device, seeds: &seeds };
            let Step { bits, mut gradients } = parts.step(&net, batch)?;
            if !bits.is_finite() {
                return Ok((net, bits));
            }
            if let Some(limit) = optimiser.clip_norm {
                let norm = clip_by_norm(&net, &mut gradients, limit);
                if !norm.is_finite() {
                    return Ok((net, norm));
                }
            }
            Ok::<_, Error>((rule.step(rate, net, gradients), bits))
        }));
        let (net, bits) = computed.map_err(|panic| device_error(step + 1, panic.as_ref()))??;
        self.net = net;
        self.check(bits, rate)?;
        if let (Some(average), Some(decay)) = (self.average.take(), optimiser.ema_decay) {
            self.average = Some(average_weights(average, &self.net, decay_at(decay, step)));
        }
        self.position.step += 1;
        self.position.seconds = (self.before + self.started.elapsed()).as_secs_f64();
        self.position.loss_sum_bits += bits;
        self.position.losses += 1;
        Ok((self, bits))
    }

    fn check(&self, bits: f64, rate: f64) -> Result<()> {
        if bits.is_finite() {
            return Ok(());
        }
        let clips = self.session.experiment.optimiser.clip_norm.is_some();
        let clip = if clips { "" } else { ", or set optimiser.clip_norm" };
        Err(Error::Diverged { step: self.position.step + 1, loss: bits, rate, clip })
    }

    /// Mean bits per sample over the validation tiles; a network that is better than all before is
    /// kept.
    fn validate(&mut self, keep: &mut dyn FnMut(&N, &Position) -> Result<()>) -> Result<f64> {
        let plain;
        let net = match &self.average {
            Some(average) => average,
            None => {
                plain = self.net.valid();
                &plain
            }
        };
        let device = &self.session.device;
        let add = |sum: f64, batch: &Batch| {
            let loss = net.loss(batch.tensor(device))?;
            Ok::<_, Error>(sum + batch.tiles as f64 * f64::from(loss.into_scalar::<f32>()))
        };
        let sum = catch_unwind(AssertUnwindSafe(|| self.validation.iter().try_fold(0.0, add)))
            .map_err(|panic| device_error(self.position.step, panic.as_ref()))??;
        let bits = sum / self.validation.iter().map(|batch| batch.tiles as f64).sum::<f64>();
        self.check(bits, self.session.experiment.schedule.rate_at(self.position.step))?;
        self.position.validations_since_best += 1;
        self.position.last_bits = Some(bits);
        if self.position.best_bits.is_none_or(|best| bits < best) {
            self.position.best_bits = Some(bits);
            self.position.best_step = self.position.step;
            self.position.validations_since_best = 0;
            keep(net, &self.position)?;
        }
        Ok(bits)
    }

    fn write_row(&mut self, validation_bits: Option<f64>, rate: f64) -> Result<()> {
        let position = &mut self.position;
        let train_bits = position.loss_sum_bits / f64::from(position.losses);
        (position.loss_sum_bits, position.losses) = (0.0, 0);
        self.log.write(&Row {
            step: position.step,
            seconds: position.seconds,
            train_bits,
            validation_bits,
            rate,
        })
    }

    fn save(&mut self) -> Result<()> {
        let path = self.session.output.join("resume.state");
        let id = self.session.experiment.id();
        state::save(&path, &id, &self.position, &self.net, self.average.as_ref(), &self.optimiser)?;
        self.saved = Instant::now();
        Ok(())
    }
}

fn device_error(step: u64, panic: &(dyn std::any::Any + Send)) -> Error {
    Error::Device { step, reason: panic_words(panic) }
}

/// Where the run of an experiment ended, read from the log in its folder; `None` if it has not
/// ended, or there is none. The log's last row is written after the last checkpoint is kept, and a
/// log outlives the state, which nobody has to keep.
///
/// # Errors
/// If the log is there and cannot be read.
pub fn finished(experiment: &Experiment, output: &Path) -> Result<Option<Position>> {
    let position = crate::log::position(&output.join("train.csv"))?;
    Ok(position.filter(|position| experiment.stop.reached(position).is_some()))
}
