//! A FITS or .npy file in, a bounded container out.

use super::input::{self, Input, Piece, data_unit};
use super::{BoundOptions, cards, earlier_words, loss_words, noise_words};
use crate::cmd::compress::{bits_per_pixel, pixels_word, rates};
use crate::files::batch::{Done, Files, Job, Rules};
use crate::files::kinds::{
    BOUNDED, CONTAINER, inside, is_any_container, is_bounded, is_compressible, is_container, with_ending,
};
use crate::files::output::{fill_file, is_stream, write_file};
use crate::files::source::Source;
use crate::limits;
use crate::registry::{DEFAULT_CODEC, array_registry, open_bounded, registry};
use anyhow::{Context, Result, bail, ensure};
use nf_bounded::container::{Head, write};
use nf_bounded::{AS_BOUND, Array, Bound, QuantiseOptions, Quantised, encode_within, quantise};
use nf_codec::{Codec, Spec};
use nf_image::Shape;
use serde_json::{Value, json};
use std::io::{BufWriter, Cursor, IntoInnerError, Read, Seek, Write};
use std::path::Path;

pub(crate) const CREATOR: &str = concat!("noisefloor ", env!("CARGO_PKG_VERSION"));

/// How files are to be compressed.
pub(crate) struct Wishes<'a> {
    pub(crate) spec: &'a Spec,
    /// [`Bound::EXACT`] for arrays without loss.
    pub(crate) bound: Bound,
    pub(crate) tile: Option<Shape>,
    pub(crate) options: &'a BoundOptions,
    /// Whether indices are dithered; by default as the bound says.
    pub(crate) dither: Option<bool>,
    pub(crate) force: bool,
}

/// Whether a spec is that of a codec of arrays.
pub(crate) fn is_of_arrays(spec: &Spec) -> bool {
    array_registry().of_spec(spec).is_some()
}

/// Makes containers of arrays, bounded ones or without loss.
///
/// # Errors
/// If the spec makes no sense, or a file failed.
pub(crate) fn run(files: &Files, wishes: &Wishes<'_>) -> Result<()> {
    // A wrong spec is told before a file is read.
    let coder = Coder::new(wishes.spec, wishes.bound)?;
    let is_exact = wishes.bound.is_exact();
    let name = |input: &Path| {
        ensure!(!is_any_container(input), "it is a container already");
        Ok(with_ending(inside(input), if is_exact { CONTAINER } else { BOUNDED }))
    };
    let is_output = if is_exact { is_container } else { is_bounded };
    let rules = Rules { verb: "compress", takes: is_compressible, is_output, name: &name };
    files.each(&rules, |job, _| compress(job, wishes, &coder, files.delete()))
}

/// What codes the arrays of files: indices by a lossless codec, or arrays by a codec of their own.
struct Coder {
    array_codec: Option<Spec>,
    encoder: Box<dyn Codec>,
    decoder: Box<dyn Codec>,
}

impl Coder {
    fn new(spec: &Spec, bound: Bound) -> Result<Self> {
        let registry = registry();
        if let Some(array_codec) = array_registry().of_spec(spec) {
            let asks = array_codec.pairs().any(|(_, value)| *value == *AS_BOUND);
            if bound.is_exact() && (asks || !array_registry().build(&array_codec)?.is_lossless()) {
                bail!(
                    "{array_codec} has a loss, so it needs --bound; without loss there are pcodec:lossless=true, \
                     zstd:filter=floatpred and zfp:reversible=true"
                );
            }
            // Of a spec that leaves an option to the bound, any value tells whether the rest is
            // legal.
            let legal = |sample| {
                let candidates = array_registry().candidates(&array_codec, sample, 1.0)?;
                candidates.iter().try_for_each(|spec| array_registry().build(spec).map(drop))
            };
            let types = [nf_bounded::SampleType::U16, nf_bounded::SampleType::F32].map(legal);
            if let [Err(_), Err(reason)] = types {
                return Err(reason.into());
            }
            // There are no indices; their container has a codec all the same.
            let default = Spec::new(DEFAULT_CODEC);
            let (encoder, decoder) = (registry.build(&default)?, registry.build(&default)?);
            return Ok(Self { array_codec: Some(array_codec), encoder, decoder });
        }
        Ok(Self { array_codec: None, encoder: registry.build(spec)?, decoder: registry.build(spec)? })
    }

    fn array(
        &self,
        array: &Array,
        bound: &Bound,
        options: &QuantiseOptions,
    ) -> nf_bounded::Result<Quantised> {
        match &self.array_codec {
            Some(spec) => encode_within(array, bound, options, &array_registry(), spec),
            None => quantise(array, bound, options),
        }
    }

    /// The codec of one of the arrays.
    fn name(&self, arrays: &[Quantised]) -> String {
        let own = arrays.first().and_then(|array| array.record.array_codec());
        own.map_or_else(|| self.encoder.spec().to_string(), ToString::to_string)
    }
}

/// Writes a bounded container of a file, decodes it again, and compares every sample with its
/// original before the container gets its name.
fn compress(job: &Job, wishes: &Wishes<'_>, coder: &Coder, delete: bool) -> Result<Done> {
    let Wishes { bound, tile, force, .. } = *wishes;
    let Coder { encoder, decoder, .. } = coder;
    let output = job.output.as_path();
    let source = Source::open(&job.input)?;
    let name = source.name();
    let input = input::read(source).with_context(|| name.clone())?;
    let arrays = quantised(&input, wishes, coder).with_context(|| name.clone())?;
    input.prove_pieces().with_context(|| name.clone())?;
    let head = head(&input, &arrays).with_context(|| name.clone())?;
    let put = |out: &mut dyn Write| {
        let limits = limits::codec();
        write(out, &head, &arrays, tile, &**encoder, None, limits).with_context(|| name.clone())
    };
    let written = if is_stream(output) {
        // What cannot be read back is proved in memory.
        let mut bytes = Vec::new();
        let written = put(&mut bytes)?;
        prove(Cursor::new(&bytes[..]), &input, &**decoder).with_context(|| name.clone())?;
        write_file(output, force, |out| Ok(out.write_all(&bytes)?))?;
        written
    } else {
        fill_file(output, force, |file| {
            let mut out = BufWriter::with_capacity(1 << 18, file);
            let written = put(&mut out)?;
            let file = out.into_inner().map_err(IntoInnerError::into_error)?;
            file.rewind()?;
            prove(&mut *file, &input, &**decoder).with_context(|| name.clone())?;
            Ok(written)
        })?
    };
    let (samples, raw) = (input.samples(), input.raw_bytes());
    let rates = rates(samples, raw, written.container_bytes);
    let mut done = Done::default();
    done.lines.push(format!(
        "{name}: {} of samples with {}, {raw} -> {} bytes, {rates}; {}",
        pixels_word(samples),
        coder.name(&arrays),
        written.container_bytes,
        if bound.is_exact() { "lossless, verified" } else { "NOT lossless, the bound is proved" },
    ));
    for (image, array) in input.images.iter().zip(&arrays).filter(|_| !bound.is_exact()) {
        done.lines.push(format!("  {}{}", image.name, loss_words(&array.record)));
        let noise = noise_words(&array.record);
        done.lines.extend(noise.map(|words| format!("  {}{words}", image.name)));
    }
    for piece in input.pieces.iter().filter(|_| !bound.is_exact()) {
        let Piece::Image { header, image, .. } = piece else { continue };
        let words = earlier_words(header.as_ref());
        done.lines.extend(words.map(|words| format!("  {}{words}", input.images[*image].name)));
    }
    done.lines.extend(input.kept.iter().map(|kept| format!("  {kept}")));
    if delete && !bound.is_exact() {
        let words = format!("  the original is deleted: its samples are known within {bound} from now on");
        done.lines.push(words);
    }
    let errors: Vec<f64> = arrays.iter().map(|array| array.record.largest_error).collect();
    let facts = [
        ("codec", json!(coder.name(&arrays))),
        ("lossless", json!(bound.is_exact())),
        ("bound", if bound.is_exact() { Value::Null } else { json!(bound.to_string()) }),
        ("pixels", json!(samples)),
        ("raw_bytes", json!(raw)),
        ("bits_per_pixel", json!(bits_per_pixel(samples, written.container_bytes))),
        ("largest_errors", json!(errors)),
        ("verified", json!(true)),
    ];
    done.facts = facts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Ok(done)
}

/// The indices or the stream of every array.
///
/// # Errors
/// If the bound means nothing for one of them.
fn quantised(input: &Input, wishes: &Wishes<'_>, coder: &Coder) -> Result<Vec<Quantised>> {
    let Wishes { bound, options, dither, tile, .. } = wishes;
    let each = input.images.iter().map(|image| {
        let noise = options.noise_of(bound, image);
        let quantised = noise.and_then(|noise| {
            let how = QuantiseOptions { noise, blank: image.blank, dither_seed: None, tile: *tile };
            let dither = dither.unwrap_or(bound.is_dithered() && coder.array_codec.is_none());
            let how = how.with_dither(&image.array, dither);
            Ok(coder.array(&image.array, bound, &how)?)
        });
        quantised.with_context(|| image.name.trim_end_matches(": ").to_owned())
    });
    each.collect()
}

/// The layout of the file with the decoded samples: its headers say what was lost, and their sums
/// are those of the decoded samples.
fn head(input: &Input, arrays: &[Quantised]) -> Result<Head> {
    let layout = input.layout(|header, number, rest| {
        if arrays[number].record.is_lossless() {
            return Ok(header.clone());
        }
        let image = &input.images[number];
        let data = data_unit(0, image.order, arrays[number].decoded(), rest)?;
        Ok(cards(&arrays[number].record, arrays[number].record.largest_error)
            .put(header, None, &data, CREATOR))
    })?;
    Ok(Head { layout: Some(layout), creator: CREATOR.to_owned() })
}

/// Decodes every array and compares it with its original.
fn prove<R: Read + Seek>(container: R, input: &Input, decoder: &dyn Codec) -> Result<()> {
    let mut reader = open_bounded(container)?;
    for (number, image) in input.images.iter().enumerate() {
        let found = reader.prove(number, &image.array, decoder).with_context(|| image.name.clone())?;
        let record = &reader.arrays()[number];
        if (found.largest_error, found.changed) != (record.largest_error, record.changed) {
            bail!("{}the errors found are not those recorded; please report this file", image.name);
        }
    }
    if reader.is_lossless() {
        let mut restored = blake3::Hasher::new();
        reader.restore(decoder, &mut restored)?;
        ensure!(
            *restored.finalize().as_bytes() == input.digest.0,
            "the container gives another file back; please report this file"
        );
    }
    Ok(())
}
