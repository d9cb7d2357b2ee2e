//! Codecs with one fault each, and images that need no file.

use nf_bench::DatasetChoice;
use nf_codec::{Codec, Entry, Error, Limits, Registry, Result, Spec};
use nf_data::{Card, Dataset, Facts, Oracle};
use nf_image::{Image16, Shape};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// Two bytes per sample, with a fault of the given name.
struct Fake(&'static str);

static CALLS: AtomicU32 = AtomicU32::new(0);

impl Codec for Fake {
    fn spec(&self) -> Spec {
        Spec::new(self.0)
    }

    fn encode(&self, image: &Image16) -> Result<Vec<u8>> {
        let mut bytes: Vec<u8> = image.samples().iter().flat_map(|sample| sample.to_le_bytes()).collect();
        match self.0 {
            "panicking" => panic!("no room\nleft"),
            "erring" => return Err(Error::backend("erring", "out of order, \"again\"")),
            "slow" => std::thread::sleep(std::time::Duration::from_millis(30)),
            "fickle" => bytes.extend(CALLS.fetch_add(1, Ordering::Relaxed).to_le_bytes()),
            "unbounded" => bytes.resize(bytes.len() + 1000, 0),
            "halving" if image.samples().iter().all(|&sample| sample < 256) => {
                bytes = image.samples().iter().map(|&sample| sample as u8).collect();
            }
            "halving" => return Err(Error::backend("halving", "a sample above 255")),
            _ => {}
        }
        Ok(bytes)
    }

    fn decode(&self, bytes: &[u8], shape: Shape, _: &Limits) -> Result<Image16> {
        let mut samples: Vec<u16> = match self.0 {
            "halving" => bytes.iter().map(|&byte| byte.into()).collect(),
            _ => bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect(),
        };
        match self.0 {
            "lying" => *samples.last_mut().expect("an image has samples") ^= 1,
            "transposing" => {
                return Ok(Image16::new(Shape::frame(shape.width, shape.height), samples).unwrap());
            }
            "late" => panic!("cannot go back"),
            _ => samples.truncate(shape.pixels()),
        }
        Ok(Image16::new(shape, samples).unwrap())
    }

    fn max_bytes(&self, shape: Shape) -> u64 {
        shape.raw_bytes() as u64 + 4
    }

    fn ideal_bits(&self, image: &Image16) -> Result<Option<f64>> {
        Ok((self.0 == "halving").then(|| 8.0 * image.samples().len() as f64 - 0.5))
    }
}

/// All of them, each under the name of its fault; `raw` and `halving` have none.
pub(crate) fn registry() -> Registry {
    macro_rules! entries {
        ($($name:literal),*) => { [$(Entry {
            name: $name, summary: "", source: "", options: &[],
            build: |spec| { spec.options().finish()?; Ok(Box::new(Fake($name))) },
        }),*] };
    }
    Registry::new(entries![
        "raw",
        "halving",
        "lying",
        "transposing",
        "panicking",
        "late",
        "erring",
        "slow",
        "fickle",
        "unbounded"
    ])
}

/// Counting images of 5 x 7 pixels: the i-th starts at 100 i; the third cannot be read.
pub(crate) struct Counting {
    card: Card,
    images: usize,
    loads: Arc<AtomicUsize>,
    oracle_bits: Option<f64>,
}

impl Dataset for Counting {
    fn card(&self) -> &Card {
        &self.card
    }

    fn len(&self) -> usize {
        self.images
    }

    fn name(&self, index: usize) -> String {
        format!("count,{index}")
    }

    fn image(&self, index: usize) -> nf_data::Result<Image16> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        if index == 2 {
            let reason = "cut short".to_owned();
            return Err(nf_data::Error::Image { path: "count,2".into(), reason });
        }
        let first = 100 * index;
        Ok(Image16::from_fn(Shape::frame(5, 7), |_, row, column| (first + row * 7 + column) as u16))
    }

    fn facts(&self, _: usize) -> nf_data::Result<Facts> {
        let pixel_bytes = (self.card.name == "bytes").then_some(1);
        Ok(Facts { pixel_bytes, ..Facts::default() })
    }

    fn oracle(&self, _: usize) -> nf_data::Result<Option<Oracle>> {
        Ok(self.oracle_bits.map(|given_layers_bits| Oracle { given_layers_bits, layers_bits: None }))
    }
}

/// Opens `counting` with two images, `bytes` with two whose files store pixels as bytes, `three`
/// with three, `known` with an oracle; `broken` is; the rest is absent.
pub(crate) fn open(loads: &Arc<AtomicUsize>) -> impl Fn(&DatasetChoice) -> nf_data::Result<Box<dyn Dataset>> {
    let loads = loads.clone();
    move |choice| {
        let counting = |images, oracle_bits| {
            let card = Card { split: choice.split.clone(), ..Card::undescribed(&choice.data) };
            Ok(Box::new(Counting { card, images, loads: loads.clone(), oracle_bits }) as _)
        };
        match choice.data.as_str() {
            "counting" | "bytes" => counting(2, None),
            "three" => counting(3, None),
            "known" => counting(2, Some(99.5)),
            "broken" => {
                Err(nf_data::Error::Manifest { file: "broken.toml".into(), reason: "field 'x'".into() })
            }
            other => Err(nf_data::Error::Missing { what: other.to_owned(), reason: "no such folder".into() }),
        }
    }
}
