//! Which tiles make which step, from memory, from a disk and from a window.

use super::source::{Active, Kind};
use super::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Images of different heights whose samples say which image, row and column they are; three in a
/// file.
struct Fake {
    images: usize,
    card: Card,
    /// Images that fail.
    bad: BTreeSet<usize>,
    /// Extents are known only to who reads the pixels.
    is_blind: bool,
    is_store: bool,
    /// Files that are not here yet, as far as this set would have to be fetched.
    absent: Option<Mutex<BTreeSet<usize>>>,
    reads: Mutex<Vec<usize>>,
    slow: AtomicUsize,
}

const WIDTH: usize = 20;
const FILE_IMAGES: usize = 3;

fn height(index: usize) -> usize {
    20 + 10 * (index % 4)
}

fn fake(images: usize) -> Fake {
    Fake {
        images,
        card: Card::undescribed("fake"),
        bad: BTreeSet::new(),
        is_blind: false,
        is_store: false,
        absent: None,
        reads: Mutex::default(),
        slow: AtomicUsize::new(0),
    }
}

impl Dataset for Fake {
    fn card(&self) -> &Card {
        &self.card
    }

    fn len(&self) -> usize {
        self.images
    }

    fn name(&self, index: usize) -> String {
        format!("image-{index:03}")
    }

    fn image(&self, index: usize) -> nf_data::Result<Image16> {
        // Some reads take longer than those after them.
        let turn = self.slow.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_micros(if turn.is_multiple_of(5) { 900 } else { 20 }));
        self.reads.lock().unwrap().push(index);
        if self.bad.contains(&index) {
            return Err(nf_data::Error::Missing { what: self.name(index), reason: "is torn".into() });
        }
        let shape = Shape::frame(height(index), WIDTH);
        Ok(Image16::from_fn(shape, |_, r, c| (index * 1000 + (r % 40) * 20 + c) as u16))
    }

    fn shape(&self, index: usize) -> nf_data::Result<Option<Shape>> {
        Ok((!self.is_blind).then(|| Shape::frame(height(index), WIDTH)))
    }

    fn file(&self, index: usize) -> usize {
        index / FILE_IMAGES
    }

    fn is_read_at_random(&self) -> bool {
        self.is_store
    }

    fn is_here(&self, index: usize) -> bool {
        self.absent.as_ref().is_none_or(|absent| !absent.lock().unwrap().contains(&self.file(index)))
    }

    fn fetch(&self, index: usize) -> nf_data::Result<()> {
        self.absent.as_ref().map(|absent| absent.lock().unwrap().remove(&self.file(index)));
        Ok(())
    }

    fn download(&self) -> Option<nf_data::Download> {
        self.absent.as_ref().map(|absent| nf_data::Download {
            files: self.images / FILE_IMAGES,
            bytes: 1000,
            missing_files: absent.lock().unwrap().len(),
            missing_bytes: 1000,
            begun_bytes: 0,
            left_out_files: 0,
            left_out_bytes: 0,
            budget_bytes: 500,
            folder: "fetched".into(),
        })
    }
}

fn experiment(assignments: &[&str]) -> Experiment {
    let text = r#"
        name = "fake"
        seed = 7
        [data]
        train = ["fake"]
        hold_out = ["none"]
        draws_per_image = 6
        [tiles]
        height_px = 4
        width_px = 5
        batch = 4
        flips = "both"
        [optimiser]
        rule.adam = {}
        [schedule]
        rate = 1e-3
        [validation]
        every_steps = 1
        tiles_per_image = 1
        [stop]
        steps = 1
        [net]
        preset = "pixelcnnpp/tiny"
    "#;
    let assignments: Vec<String> = assignments.iter().map(|&text| text.to_owned()).collect();
    Experiment::parse("fake.toml", text, &assignments).unwrap()
}

fn frames_of(sources: Vec<(f64, Source)>) -> Frames {
    let sources = sources.into_iter().map(|(share, source)| Source { share, ..source }).collect();
    let validation = Batch::of_shape(Shape::frame(4, 5));
    Frames { sources, validation, validation_names: vec![], cards: vec![], notes: vec![] }
}

/// A source of all images of a set, with so many bytes of memory.
fn source(set: &Arc<dyn Dataset>, experiment: &Experiment, memory_bytes: u64) -> Result<Source> {
    let mut members = Members::default();
    members.add(set, 0..set.len());
    Source::open(members, TileFit::of_training(experiment), experiment.tiles.draw, memory_bytes)
}

fn open(set: Fake, experiment: &Experiment, memory_bytes: u64) -> Frames {
    let set: Arc<dyn Dataset> = Arc::new(set);
    frames_of(vec![(1.0, source(&set, experiment, memory_bytes).unwrap())])
}

/// The loader of a run, its windows over so many bytes instead of the setting's millions.
fn loader<'a>(frames: &'a Frames, experiment: &'a Experiment, memory_bytes: u64) -> Loader<'a> {
    Loader::with_memory(frames, experiment, memory_bytes)
}

/// The images that tiles come from.
fn images_of(batch: &Batch) -> Vec<usize> {
    batch.samples.chunks(batch.shape.pixels()).map(|tile| usize::from(tile[0]) / 1000).collect()
}

const MEMORY_BYTES: u64 = 16_000;

#[test]
fn a_set_that_fits_is_in_memory_and_one_that_does_not_is_not() {
    let experiment = experiment(&[]);
    let bytes: u64 = (0..30).map(|index| (2 * height(index) * WIDTH) as u64).sum();
    for is_blind in [false, true] {
        let of = |memory_bytes| {
            let set: Arc<dyn Dataset> = Arc::new(Fake { is_blind, ..fake(30) });
            source(&set, &experiment, memory_bytes).unwrap().kind
        };
        assert!(matches!(of(bytes), Kind::Memory(..)), "{is_blind}");
        assert!(matches!(of(bytes - 1), Kind::Window(..)), "{is_blind}");
    }
    let set: Arc<dyn Dataset> = Arc::new(Fake { is_store: true, ..fake(30) });
    assert!(matches!(source(&set, &experiment, 100).unwrap().kind, Kind::Disk(..)));
}

#[test]
fn every_tile_of_every_image_is_drawn() {
    for draw in ["images", "pixels"] {
        let experiment = experiment(&["tiles.batch=16000", &format!("tiles.draw='{draw}'")]);
        let frames = open(fake(2), &experiment, 1 << 20);
        let batch = loader(&frames, &experiment, 1 << 20).batch(0).unwrap();
        assert_eq!((batch.tiles, batch.samples.len()), (16_000, 16_000 * 20));
        let mut seen = BTreeSet::new();
        for tile in batch.samples.chunks(20) {
            let (across, down) = (tile[1].wrapping_sub(tile[0]) as i16, tile[5].wrapping_sub(tile[0]) as i16);
            assert!(across.abs() == 1 && down.abs() == 20, "{tile:?}");
            assert_eq!(tile[19].wrapping_sub(tile[0]) as i16, 4 * across + 3 * down);
            seen.insert((*tile.iter().min().unwrap(), across, down));
        }
        // 17 and 27 rows of 16 columns, four mirror images of each; a few are missed by chance.
        assert!((2700..=44 * 16 * 4).contains(&seen.len()), "{draw}: {}", seen.len());
        let first = images_of(&batch).iter().filter(|&&image| image == 0).count();
        // The second image is half as large again.
        let expected = if draw == "images" { 7600..8400 } else { 6000..6800 };
        assert!(expected.contains(&first), "{draw}: {first}");
    }
}

#[test]
fn a_disk_gives_the_same_tiles_as_memory() {
    for draw in ["images", "pixels"] {
        let experiment = experiment(&[&format!("tiles.draw='{draw}'")]);
        let memory = open(fake(30), &experiment, 1 << 20);
        let disk = open(Fake { is_store: true, ..fake(30) }, &experiment, 100);
        let (mut memory, mut disk) = (loader(&memory, &experiment, 1), loader(&disk, &experiment, 1));
        for step in 0..20 {
            assert_eq!(memory.batch(step).unwrap(), disk.batch(step).unwrap());
        }
        assert_ne!(memory.batch(20).unwrap(), memory.batch(21).unwrap());
    }
}

#[test]
fn tiles_of_a_window_depend_on_the_step_alone() {
    let experiment = experiment(&[]);
    let frames = open(fake(30), &experiment, MEMORY_BYTES);
    let of = |steps: &[u64]| -> Vec<Batch> {
        let mut loader = loader(&frames, &experiment, MEMORY_BYTES);
        steps.iter().map(|&step| loader.batch(step).unwrap()).collect()
    };
    let steps: Vec<u64> = (0..120).collect();
    let whole = of(&steps);
    assert_eq!(whole, of(&steps), "another time, other delays");
    for begun in [1, 44, 45, 46, 90, 119] {
        assert_eq!(whole[begun as usize..begun as usize + 1], of(&[begun]), "begun at {begun}");
    }
    assert_eq!(of(&[0, 0, 60, 119]), [0, 0, 60, 119].map(|step: usize| whole[step].clone()), "with gaps");
    let other = self::experiment(&["seed=8"]);
    let other = loader(&frames, &other, MEMORY_BYTES).batch(0).unwrap();
    assert_ne!(whole[0], other, "another seed");
}

#[test]
fn every_image_is_drawn_as_often_as_the_settings_say_and_files_stay_together() {
    let experiment = experiment(&["tiles.batch=12", "data.draws_per_image=60"]);
    let set = Arc::new(fake(30));
    let dataset: Arc<dyn Dataset> = set.clone();
    let frames = frames_of(vec![(1.0, source(&dataset, &experiment, MEMORY_BYTES).unwrap())]);
    let mut loader = loader(&frames, &experiment, MEMORY_BYTES);
    let mut drawn: BTreeMap<usize, usize> = BTreeMap::new();
    // Ten epochs of 30 images at 60 draws of each.
    let steps = 10 * 30 * 60 / 12;
    let mut seen_at_once = BTreeSet::new();
    for step in 0..steps {
        let batch = loader.batch(step).unwrap();
        images_of(&batch).into_iter().for_each(|image| *drawn.entry(image).or_default() += 1);
        if let (Active::Window(pool), _) = &loader.sources[0] {
            let bytes: usize = pool.images().iter().map(|image| image.shape().raw_bytes()).sum();
            assert!(bytes as u64 <= MEMORY_BYTES / 4 * 3, "{bytes}");
            seen_at_once.insert(pool.images().len());
        }
    }
    assert_eq!(drawn.len(), 30);
    for (image, times) in drawn {
        // 600 on average; images of one size after another share a window with fewer others.
        assert!((420..780).contains(&times), "{image}: {times}");
    }
    assert!(seen_at_once.iter().all(|images| (7..=15).contains(images)), "{seen_at_once:?}");
    // One reader at a time would read in order; several are at most that many places apart.
    let reads = set.reads.lock().unwrap();
    let files: Vec<usize> = reads[..30].iter().map(|image| image / FILE_IMAGES).collect();
    let changes = files.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(changes < 22, "files are read together: {files:?}");
    assert_ne!(reads[..30], (0..30).collect::<Vec<_>>(), "and shuffled");
}

#[test]
fn the_memory_bound_holds_and_reading_waits_for_the_run() {
    let experiment = experiment(&[]);
    let set = Arc::new(fake(300));
    let dataset: Arc<dyn Dataset> = set.clone();
    let frames = frames_of(vec![(1.0, source(&dataset, &experiment, MEMORY_BYTES).unwrap())]);
    let mut loader = loader(&frames, &experiment, MEMORY_BYTES);
    loader.batch(0).unwrap();
    let settled = || {
        let mut before = 0;
        loop {
            std::thread::sleep(Duration::from_millis(30));
            let now = set.reads.lock().unwrap().len();
            if now == before {
                return now;
            }
            before = now;
        }
    };
    let count = settled();
    let read: u64 = set.reads.lock().unwrap()[..count].iter().map(|&i| 40 * height(i) as u64).sum();
    assert!(read > MEMORY_BYTES / 4 * 3 && read <= MEMORY_BYTES, "{read}");
    // An image larger than all memory is a window by itself.
    let mut tight = Loader::with_memory(&frames, &experiment, 100);
    for step in 0..30 {
        tight.batch(step).unwrap();
    }
}

#[test]
fn files_are_fetched_ahead_and_counted() {
    let experiment = experiment(&[]);
    let set = Fake { absent: Some(Mutex::new((2..100).collect())), ..fake(300) };
    let frames = open(set, &experiment, MEMORY_BYTES);
    let mut loader = loader(&frames, &experiment, MEMORY_BYTES);
    let handles = loader.handles();
    for step in 0..30 {
        loader.batch(step).unwrap();
    }
    let report = handles.report(Duration::from_secs(1));
    assert!(report.streams && report.images_read >= 20, "{report:?}");
    assert!(report.files_fetched >= 5 && report.files_fetched < report.images_read, "{report:?}");
    assert!((0.5..0.8).contains(&report.cache_share()), "{report:?}");
}

#[test]
fn weights_are_shares_of_the_tiles() {
    let experiment = experiment(&["tiles.batch=2000", "data.draws_per_image=4000"]);
    let sets: [Arc<dyn Dataset>; 2] = [Arc::new(fake(2)), Arc::new(fake(30))];
    let of = |set: usize, memory| source(&sets[set], &experiment, memory).unwrap();
    let frames = frames_of(vec![(0.75, of(0, 1 << 20)), (0.25, of(1, MEMORY_BYTES))]);
    assert!(matches!(frames.sources[1].kind, Kind::Window(_)));
    let mut loader = loader(&frames, &experiment, 2 * MEMORY_BYTES);
    let batch = loader.batch(3).unwrap();
    let first = images_of(&batch).into_iter().filter(|&image| image < 2).count();
    // 1500, and what the second set has of its own first images.
    assert!((1430..1600).contains(&first), "{first}");
    let again = Loader::with_memory(&frames, &experiment, 2 * MEMORY_BYTES).batch(3).unwrap();
    assert_eq!(batch, again);
}

#[test]
fn what_cannot_be_read_ends_the_run_and_waiting_ends_with_it() {
    let experiment = experiment(&[]);
    let bad = Fake { bad: (0..30).collect(), ..fake(30) };
    let frames = open(bad, &experiment, MEMORY_BYTES);
    let error = loader(&frames, &experiment, MEMORY_BYTES).batch(0).unwrap_err().to_string();
    assert!(error.contains("is torn"), "{error}");
    // Extents that are known only after reading are checked then.
    let experiment = self::experiment(&["tiles.height_px=25"]);
    let set: Arc<dyn Dataset> = Arc::new(Fake { is_blind: true, ..fake(30) });
    let mut members = Members::default();
    members.add(&set, 0..30);
    let blind = Source { share: 1.0, images: 30, kind: Kind::Window(members) };
    let frames = frames_of(vec![(1.0, blind)]);
    let error = loader(&frames, &experiment, MEMORY_BYTES).batch(0).unwrap_err().to_string();
    assert!(error.contains("lower tiles.height_px"), "{error}");
    let known: Arc<dyn Dataset> = Arc::new(fake(30));
    let error = source(&known, &experiment, MEMORY_BYTES).err().unwrap().to_string();
    assert!(error.contains("image-000: 20x20 pixels") && error.contains("tiles.height_px"), "{error}");
    // A loader that waits is let go.
    let frames = open(fake(30), &self::experiment(&[]), MEMORY_BYTES);
    let experiment = self::experiment(&[]);
    let mut loader = loader(&frames, &experiment, MEMORY_BYTES);
    loader.handles().close();
    assert!(loader.batch(0).is_err());
}

#[test]
fn validation_tiles_are_always_the_same() {
    let image = fake(1).image(0).unwrap();
    let of = |seed| validation_tiles(&image, 0, Shape::frame(3, 3), 4, seed);
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
    assert_eq!(of(1).split(3).iter().map(|part| part.tiles).collect::<Vec<_>>(), [3, 1]);
}
