//! The flow and its inverse, written once over the numbers that they work on.

/// A permutation of the channels, then a coupling that moves the last quarter.
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
pub(super) struct Coupling<O, N> {
    /// (C)
    pub(super) order: O,
    pub(super) net: N,
}

/// Flows at one resolution, and the priors of the groups that leave after them, each given what
/// stays and the groups before it.
#[derive(Debug)]
#[cfg_attr(feature = "train", derive(burn::module::Module))]
pub(super) struct Level<O, N> {
    pub(super) flows: Vec<Coupling<O, N>>,
    pub(super) split: Vec<N>,
}

/// Residues modulo 2^16 around zero, on which the flow works.
pub(super) trait Arithmetic {
    /// Latents of (C, H, W): of a batch of tiles, or of one.
    type Latents: Clone;
    /// An order of channels.
    type Order;
    /// What predicts some channels from others.
    type Net;

    /// Channels of latents.
    fn channels(&self, latents: &Self::Latents) -> usize;

    /// `(C, 2 H, 2 W)` to `(4 C, H, W)`: pixel `(2 y + i, 2 x + j)` of channel `c` becomes channel
    /// `4 c + 2 i + j`.
    fn squeeze(&self, latents: Self::Latents) -> Self::Latents;

    /// Channel `c` becomes what channel `order[c]` was.
    fn permute(&self, latents: Self::Latents, order: &Self::Order) -> Self::Latents;

    /// Channels `first..first + count`.
    fn part(&self, latents: &Self::Latents, first: usize, count: usize) -> Self::Latents;

    /// The channels of both.
    fn join(&self, first: Self::Latents, second: Self::Latents) -> Self::Latents;

    /// Adds what `net` predicts from `fixed`, rounded.
    fn add_prediction(&self, moved: Self::Latents, net: &Self::Net, fixed: &Self::Latents) -> Self::Latents;
}

/// Arithmetic that also goes back.
pub(super) trait Inverse: Arithmetic {
    /// The inverse of [`squeeze`](Arithmetic::squeeze).
    fn unsqueeze(&self, latents: Self::Latents) -> Self::Latents;

    /// The inverse of [`permute`](Arithmetic::permute).
    fn unpermute(&self, latents: Self::Latents, order: &Self::Order) -> Self::Latents;

    /// Subtracts what `net` predicts from `fixed`, rounded.
    fn subtract_prediction(
        &self,
        moved: Self::Latents,
        net: &Self::Net,
        fixed: &Self::Latents,
    ) -> Self::Latents;
}

/// Latents in the order of the flow.
pub(super) struct Latents<L> {
    /// Of every level: the groups that leave, the last one first, then what stays.
    pub(super) levels: Vec<L>,
    /// What stays after the last level.
    pub(super) last: L,
}

/// The flow.
pub(super) fn forward<A: Arithmetic>(
    arithmetic: &A,
    levels: &[Level<A::Order, A::Net>],
    samples: A::Latents,
) -> Latents<A::Latents> {
    let mut z = samples;
    let mut all = vec![];
    for level in levels {
        z = arithmetic.squeeze(z);
        let channels = arithmetic.channels(&z);
        let moving = channels / 4;
        for coupling in &level.flows {
            z = arithmetic.permute(z, &coupling.order);
            let fixed = arithmetic.part(&z, 0, channels - moving);
            let moved = arithmetic.part(&z, channels - moving, moving);
            let moved = arithmetic.add_prediction(moved, &coupling.net, &fixed);
            z = arithmetic.join(fixed, moved);
        }
        all.push(z.clone());
        if !level.split.is_empty() {
            let staying = channels / (level.split.len() + 1);
            z = arithmetic.part(&z, channels - staying, staying);
        }
    }
    Latents { levels: all, last: z }
}

/// The inverse of one level: from all of its latents to what its flow began with.
pub(super) fn inverse<A: Inverse>(
    arithmetic: &A,
    level: &Level<A::Order, A::Net>,
    mut z: A::Latents,
) -> A::Latents {
    let channels = arithmetic.channels(&z);
    let moving = channels / 4;
    for coupling in level.flows.iter().rev() {
        let fixed = arithmetic.part(&z, 0, channels - moving);
        let moved = arithmetic.part(&z, channels - moving, moving);
        let moved = arithmetic.subtract_prediction(moved, &coupling.net, &fixed);
        z = arithmetic.unpermute(arithmetic.join(fixed, moved), &coupling.order);
    }
    arithmetic.unsqueeze(z)
}
