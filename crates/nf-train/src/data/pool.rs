//! Images of a set that does not fit into memory: a window of them, refilled in the background.
//!
//! # Which images a step may draw from
//!
//! The images are read in a seeded [`Order`], an endless sequence. At step k the window begins at
//! the place `k * tiles per step / draws per image` of it, and holds as many successive images as
//! fit into three quarters of the memory, at least one. So it depends on the seed, the settings and
//! k alone: not on threads, on how fast anything was read, or on where the run was begun. While an
//! image passes through the window it is drawn from `draws per image` times on average.
//!
//! The last quarter is for images that are read ahead, by threads that see no more of a run than
//! how far it is.

use super::order::Order;
use super::{Members, TileFit};
use crate::error::panic_words;
use crate::experiment::Draw;
use crate::sampling::Chances;
use crate::{Error, Result};
use nf_image::Image16;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Files fetched ahead of the image that is read next, at most; fewer where the disk may hold few.
const MOST_FILES_AHEAD: u64 = 16;
/// Files fetched at a time.
const FETCHERS: usize = 2;

/// What the loader of a run did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) images_read: u64,
    pub(crate) files_fetched: u64,
}

/// The window of one source.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    draw: Draw,
    first: Option<u64>,
    images: Vec<Arc<Image16>>,
    chances: Chances,
}

/// Ends the threads of a pool.
#[derive(Clone)]
pub(crate) struct Handle(Arc<Shared>);

/// How much may be in memory, bytes.
#[derive(Clone, Copy, Debug)]
struct Memory {
    window: u64,
    all: u64,
}

struct Shared {
    members: Members,
    fit: TileFit,
    memory: Memory,
    readers: usize,
    files_ahead: u64,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    order: Order,
    closed: bool,
    /// The place that the window begins at.
    first: u64,
    /// The place that is read next.
    next: u64,
    /// The place whose file is fetched next, and those that are here; `None` where nothing is
    /// fetched.
    fetching: Option<(u64, BTreeSet<u64>)>,
    /// What was read and may still be drawn from, by place.
    held: BTreeMap<u64, Result<Arc<Image16>>>,
    held_bytes: u64,
    largest_bytes: u64,
    reading: usize,
    counts: Counts,
}

impl Pool {
    /// A pool that reads nothing before it is asked.
    pub(crate) fn new(members: Members, order: Order, fit: TileFit, memory_bytes: u64, draw: Draw) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let files_ahead = members.files_within_budget().map(|files| (files / 4).clamp(1, MOST_FILES_AHEAD));
        let state = State {
            order,
            closed: false,
            first: 0,
            next: 0,
            fetching: files_ahead.map(|_| (0, BTreeSet::new())),
            held: BTreeMap::new(),
            held_bytes: 0,
            largest_bytes: 0,
            reading: 0,
            counts: Counts::default(),
        };
        let shared = Shared {
            members,
            fit,
            memory: Memory { window: memory_bytes / 4 * 3, all: memory_bytes },
            // Training needs the other half.
            readers: (cores / 2).clamp(1, 4),
            files_ahead: files_ahead.unwrap_or(0),
            state: Mutex::new(state),
            changed: Condvar::new(),
        };
        Self { shared: Arc::new(shared), draw, first: None, images: vec![], chances: Chances::Equal(0) }
    }

    pub(crate) fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.shared))
    }

    /// Moves the window to where it begins at a place, not before the one of the last call. Waits
    /// for images that are not here yet.
    ///
    /// # Errors
    /// If an image in the window cannot be read, or is smaller than a tile.
    pub(crate) fn move_to(&mut self, first: u64) -> Result<()> {
        match self.first.replace(first) {
            Some(before) if before == first => return Ok(()),
            Some(_) => {}
            None => self.start(first),
        }
        // Images that leave must not be kept alive here while others are waited for.
        self.images.clear();
        let mut state = self.shared.lock();
        state.leave_before(first);
        self.shared.changed.notify_all();
        self.images = loop {
            if state.closed {
                return Err(Error::Frames("the run has ended".to_owned()));
            }
            if let Some(window) = state.window(first, self.shared.memory.window)? {
                break window;
            }
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        drop(state);
        self.chances = Chances::new(self.draw, self.images.iter().map(|image| image.shape().pixels()));
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn images(&self) -> &[Arc<Image16>] {
        &self.images
    }

    /// An image of the window.
    pub(crate) fn pick(&self, draw: &mut nf_data::random::Pcg64) -> &Arc<Image16> {
        &self.images[self.chances.pick(draw)]
    }

    fn start(&self, first: u64) {
        let mut state = self.shared.lock();
        (state.first, state.next) = (first, first);
        if let Some((next, _)) = &mut state.fetching {
            *next = first;
            (0..FETCHERS).for_each(|_| self.spawn(Shared::fetch_ahead));
        }
        (0..self.shared.readers).for_each(|_| self.spawn(Shared::read_ahead));
    }

    fn spawn(&self, work: fn(&Shared)) {
        let shared = Arc::clone(&self.shared);
        // Not waited for: one that hangs in a download must not keep a run from ending.
        std::thread::spawn(move || work(&shared));
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.handle().close();
    }
}

impl Handle {
    /// Ends the threads, and whoever waits for them.
    pub(crate) fn close(&self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }

    pub(crate) fn counts(&self) -> Counts {
        self.0.lock().counts
    }
}

impl State {
    /// Lets go of the images before a place.
    fn leave_before(&mut self, first: u64) {
        let kept = self.held.split_off(&first);
        for image in std::mem::replace(&mut self.held, kept).into_values().flatten() {
            self.held_bytes -= image.shape().raw_bytes() as u64;
        }
        self.first = first;
        self.next = self.next.max(first);
        if let Some((next, here)) = &mut self.fetching {
            *next = (*next).max(first);
            *here = here.split_off(&first);
        }
    }

    /// The images from `first` on that fit into `most_bytes`; `None` as long as they are not all
    /// here.
    fn window(&mut self, first: u64, most_bytes: u64) -> Result<Option<Vec<Arc<Image16>>>> {
        let (mut images, mut bytes) = (vec![], 0);
        for place in first.. {
            match self.held.get(&place) {
                None => break,
                Some(Err(_)) => {
                    let failed = self.held.remove(&place);
                    return failed.unwrap_or_else(|| unreachable!("it was just seen")).map(|_| None);
                }
                Some(Ok(image)) => {
                    bytes += image.shape().raw_bytes() as u64;
                    if bytes > most_bytes && !images.is_empty() {
                        return Ok(Some(images));
                    }
                    images.push(Arc::clone(image));
                    if bytes >= most_bytes {
                        return Ok(Some(images));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Whether another image may be read: as long as the window is not full, or where there is
    /// memory for one of any size seen so far.
    fn may_read(&self, memory: Memory, readers: usize) -> bool {
        let expected = self.held_bytes + self.reading as u64 * self.largest_bytes;
        self.reading < readers
            && self.fetching.as_ref().is_none_or(|(_, here)| here.contains(&self.next))
            && (expected <= memory.window || expected + self.largest_bytes <= memory.all)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `may` holds; `None` at the end of the run.
    fn wait_until(&self, may: impl Fn(&State) -> bool) -> Option<MutexGuard<'_, State>> {
        let mut state = self.lock();
        while !state.closed && !may(&state) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        (!state.closed).then_some(state)
    }

    fn read_ahead(&self) {
        while let Some(mut state) = self.wait_until(|state| state.may_read(self.memory, self.readers)) {
            let place = state.next;
            let member = state.order.at(place);
            state.next += 1;
            state.reading += 1;
            if let Some((_, here)) = &mut state.fetching {
                here.remove(&place);
            }
            drop(state);
            let read = catch_unwind(AssertUnwindSafe(|| self.members.image_for(member, self.fit)));
            let image = read.unwrap_or_else(|panic| {
                let (name, reason) = (self.members.name(member), panic_words(panic.as_ref()));
                Err(Error::Frames(format!("{name}: reading it failed ({reason})")))
            });
            let mut state = self.lock();
            state.reading -= 1;
            state.counts.images_read += 1;
            // Otherwise the window has passed it meanwhile.
            let is_wanted = place >= state.first;
            if let Some(image) = image.as_ref().ok().filter(|_| is_wanted) {
                let bytes = image.shape().raw_bytes() as u64;
                state.held_bytes += bytes;
                state.largest_bytes = state.largest_bytes.max(bytes);
            }
            if is_wanted {
                state.held.insert(place, image.map(Arc::new));
            }
            drop(state);
            self.changed.notify_all();
        }
    }

    fn fetch_ahead(&self) {
        let may = |state: &State| {
            state.fetching.as_ref().is_some_and(|(next, _)| *next < state.next + self.files_ahead)
        };
        while let Some(mut state) = self.wait_until(may) {
            let Some((next, _)) = &mut state.fetching else { return };
            let place = *next;
            *next += 1;
            let member = state.order.at(place);
            drop(state);
            let was_here = self.members.is_here(member);
            if !was_here {
                // A failure is told by whoever reads the image.
                let _ = catch_unwind(AssertUnwindSafe(|| self.members.fetch(member)));
            }
            let mut state = self.lock();
            state.counts.files_fetched += u64::from(!was_here);
            if let Some((_, here)) = &mut state.fetching {
                here.insert(place);
            }
            drop(state);
            self.changed.notify_all();
        }
    }
}
