//! Loss and gradients of a step, which may be computed in parts.

use crate::batch::Batch;
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use nf_models::{Result, Trainable};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use std::marker::PhantomData;

/// What a step computes.
pub(crate) struct Step {
    /// Mean bits per sample over the batch.
    pub(crate) bits: f64,
    /// Their gradients; none where `bits` is no number.
    pub(crate) gradients: GradientsParams,
}

/// How steps are computed.
pub(crate) struct Parts<'a> {
    /// A batch is divided into at most so many parts of whole tiles.
    pub(crate) parts: usize,
    /// Whether all parts are computed at the same time. Most operations of a small network keep one
    /// thread of the processor busy, so parts keep several. A GPU has all threads busy with one
    /// part; one after the other, they take less memory.
    pub(crate) at_once: bool,
    /// The device, with gradients.
    pub(crate) device: &'a Device,
    /// For what the network draws itself in each of the parts.
    pub(crate) seeds: &'a [u64],
}

impl Parts<'_> {
    /// Loss and gradients of a batch. The gradients of the parts are added in the order of the
    /// parts, so they do not depend on threads.
    ///
    /// # Errors
    /// Those of the network's loss.
    pub(crate) fn step<N: Trainable>(&self, net: &N, batch: &Batch) -> Result<Step> {
        let parts = batch.split(batch.tiles.div_ceil(self.parts));
        if let [whole] = &parts[..] {
            self.device.seed(self.seeds[0]);
            return self.part(net, whole, 1.0);
        }
        // Each part has a network of its own with the same weights: graphs that share a node wait
        // for each other.
        let jobs: Vec<(N, &Batch)> = parts.iter().map(|part| (net.clone().fork(self.device), part)).collect();
        let part = |(net, part): (N, &Batch)| self.part(&net, part, part.tiles as f64 / batch.tiles as f64);
        // There is one generator for all threads.
        let steps: Vec<Result<Step>> = if self.at_once && !net.draws() {
            jobs.into_par_iter().map(part).collect()
        } else {
            let in_turn = jobs.into_iter().zip(self.seeds).map(|(job, &seed)| {
                self.device.seed(seed);
                part(job)
            });
            in_turn.collect()
        };
        let mut sum = Step { bits: 0.0, gradients: GradientsParams::new() };
        for step in steps {
            let Step { bits, mut gradients } = step?;
            sum.bits += bits;
            net.visit(&mut Add { sum: &mut sum.gradients, other: &mut gradients, net: PhantomData::<N> });
        }
        Ok(sum)
    }

    /// `share` of the loss of these tiles, and its gradients.
    fn part<N: Trainable>(&self, net: &N, tiles: &Batch, share: f64) -> Result<Step> {
        let loss = net.loss(tiles.tensor(self.device))?;
        let bits = share * f64::from(loss.clone().into_scalar::<f32>());
        if !bits.is_finite() {
            return Ok(Step { bits, gradients: GradientsParams::new() });
        }
        let loss = if share < 1.0 { loss.mul_scalar(share) } else { loss };
        Ok(Step { bits, gradients: GradientsParams::from_grads(loss.backward(), net) })
    }
}

/// Adds gradients to those of the same parameters.
struct Add<'a, M> {
    sum: &'a mut GradientsParams,
    other: &'a mut GradientsParams,
    net: PhantomData<M>,
}

impl<M: Module> ModuleVisitor for Add<'_, M> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(other) = self.other.remove::<D>(param.id) else { return };
        let sum = match self.sum.remove::<D>(param.id) {
            Some(sum) => sum + other,
            None => other,
        };
        self.sum.register(param.id, sum);
    }
}
