//! Damaged streams, any number of them: no panic, no endless loop, no memory beyond the limits; an
//! error, or an image of the right shape.
//!
//! ```sh
//! export FLOOR_MUTATIONS=0..10000000       # or 12345..12346 for one stream alone
//! cargo test --release -p nf-floor --test streams many_mutations -- --ignored --nocapture
//! ```

mod damage;
mod seeds;

use self::damage::Damage;
use self::seeds::Seed;
use nf_codec::{Codec, Error, Limits};
use nf_floor::Floor;
use nf_floor::lab::Mode;
use nf_image::Shape;
use nf_image::testing::Rng;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What decoders may use: enough for every seed, and little compared with what a false number could
/// ask for.
const LIMITS: Limits = Limits { max_pixels: 1 << 16, max_memory_bytes: 16 << 20 };

/// Longest time for a stream.
const PATIENCE: Duration = Duration::from_secs(60);

/// Address space of the whole process: memory allocated on an unverified number would exceed it and
/// end the run.
const ADDRESS_SPACE_BYTES: u64 = 1 << 30;

/// What became of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// The pixels that were coded.
    Same,
    /// Others, in the right shape: no checksum could tell.
    Others,
    /// Refused for a checksum.
    Checksum,
    /// Refused as cut short.
    Truncated,
    /// Refused for what the bytes say.
    Corrupt,
    /// Refused as of another version.
    Version,
    /// Refused as too large.
    Limit,
}

fn outcome(seed: &Seed, bytes: &[u8]) -> Outcome {
    match Floor::default().decode(bytes, seed.shape(), &LIMITS) {
        Ok(image) => {
            assert_eq!(image.shape(), seed.shape(), "an image of the right shape");
            if image.samples() == seed.image.samples() { Outcome::Same } else { Outcome::Others }
        }
        Err(Error::Truncated { .. }) => Outcome::Truncated,
        Err(Error::Mismatch { .. }) => Outcome::Version,
        Err(Error::Limit { .. }) => Outcome::Limit,
        Err(error) if error.to_string().contains("checksum") => Outcome::Checksum,
        Err(_) => Outcome::Corrupt,
    }
}

/// Ends the process with a message if the count of streams stands still.
fn watch(count: Arc<AtomicU64>, done: Arc<AtomicBool>) {
    let mut last = u64::MAX;
    let mut still = Duration::ZERO;
    while !done.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(500));
        let now = count.load(Ordering::Relaxed);
        still = if now == last { still + Duration::from_millis(500) } else { Duration::ZERO };
        last = now;
        if still > PATIENCE {
            eprintln!("stream {now} has taken more than {PATIENCE:?}");
            std::process::exit(1);
        }
    }
}

type Counts = BTreeMap<(Damage, Outcome), u64>;

/// Streams of these numbers: each is made from its number alone, so that it can be made again.
fn run(numbers: std::ops::Range<u64>) -> (Counts, BTreeMap<&'static str, (u64, Duration)>) {
    let seeds = seeds::all();
    let shares: usize = seeds.iter().map(|seed| seed.share).sum();
    let count = Arc::new(AtomicU64::new(0));
    let done = Arc::new(AtomicBool::new(false));
    let watcher = std::thread::spawn({
        let (count, done) = (Arc::clone(&count), Arc::clone(&done));
        move || watch(count, done)
    });
    let mut counts = Counts::new();
    let mut by_seed = BTreeMap::<&'static str, (u64, Duration)>::new();
    for number in numbers {
        count.store(number, Ordering::Relaxed);
        let mut rng = Rng::new(number);
        let mut place = rng.below(shares);
        let seed = seeds
            .iter()
            .find(|seed| {
                let is_here = place < seed.share;
                place = place.saturating_sub(seed.share);
                is_here
            })
            .expect("a place below the sum of the shares");
        let (damage, bytes) = damage::damage(seed, &seeds, &mut rng);
        let start = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| outcome(seed, &bytes)));
        let Ok(outcome) = result else { panic!("stream {number} ({}, {damage:?}) panicked", seed.name) };
        *counts.entry((damage, outcome)).or_default() += 1;
        let (count, time) = by_seed.entry(seed.name).or_default();
        (*count, *time) = (*count + 1, *time + start.elapsed());
    }
    done.store(true, Ordering::Relaxed);
    watcher.join().expect("the watcher does not panic");
    (counts, by_seed)
}

fn shape_name(shape: Shape) -> String {
    format!("{}x{}x{}", shape.planes, shape.height, shape.width)
}

#[test]
fn seeds_decode_and_use_every_mode() {
    let mut modes: Vec<u8> = Vec::new();
    for seed in seeds::all() {
        assert_eq!(outcome(&seed, &seed.bytes), Outcome::Same, "{} {}", seed.name, shape_name(seed.shape()));
        modes.extend(seed.parts.tiles.iter().map(|tile| tile.bytes[0]));
    }
    modes.sort_unstable();
    modes.dedup();
    assert!(modes.into_iter().eq(Mode::without_profile().map(|mode| mode as u8)));
}

#[test]
fn some_thousand_mutations() {
    let (counts, _) = run(0..20_000);
    assert_eq!(counts.values().sum::<u64>(), 20_000);
}

#[test]
#[ignore = "takes minutes to hours"]
fn many_mutations() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let limit = Rlimit { current: Some(ADDRESS_SPACE_BYTES), maximum: None };
    setrlimit(Resource::As, limit).expect("a limit may be lowered");
    let numbers = std::env::var("FLOOR_MUTATIONS").unwrap_or_else(|_| "0..1000000".into());
    let (from, to) = numbers.split_once("..").expect("FLOOR_MUTATIONS is FROM..TO");
    let number = |word: &str| word.parse::<u64>().expect("a number of a stream");
    let (counts, by_seed) = run(number(from)..number(to));
    println!("\n| seed | streams | us each |\n|---|---:|---:|");
    for (name, (count, time)) in &by_seed {
        println!("| {name} | {count} | {:.1} |", time.as_secs_f64() * 1e6 / *count as f64);
    }
    println!("\n| damage | outcome | streams |\n|---|---|---:|");
    counts.iter().for_each(|((damage, outcome), count)| println!("| {damage:?} | {outcome:?} | {count} |"));
    println!("\n{} streams", counts.values().sum::<u64>());
}
