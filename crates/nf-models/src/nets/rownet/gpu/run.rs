//! Groups of tiles on a device: buffers, submissions, what comes back.

use super::super::calibration::CLASSES;
use super::super::net::RowNet;
use super::super::rows::{ABOVE, MARGIN};
use super::shader::shader;
use crate::gpu::{Gpu, GpuError};
use nf_entropy::table::{RankMap, SEGMENTS};
use std::sync::mpsc;
use wgpu::BufferUsages as Usages;
use wgpu::util::DeviceExt;

type Result<T> = std::result::Result<T, GpuError>;

/// Words of a tile's description, as the shader has it.
const TILE_WORDS: usize = 14;

/// Numbers of a tile's state that come back: among them the lanes of its coder, and how many words
/// and raw bits were taken.
pub(super) const NUMBERS: usize = 16;
pub(super) const LANES_AT: usize = 4;
pub(super) const WORDS_TAKEN_AT: usize = 8;
pub(super) const RAW_TAKEN_AT: usize = 9;

/// In place of where the maps of a tile begin, if it has none.
const NO_MAPS: usize = u32::MAX as usize;

/// Rows of a half that are kept, two kinds of numbers each; running numbers of columns; numbers of
/// a half row.
const ROWS: usize = ABOVE + 1;
const ROW_ARRAYS: usize = 2 * 2 * ROWS + 2 * 3;
const SCRATCH_ARRAYS: usize = 7;
const MARGINS: usize = 2 * MARGIN;

/// Pixels of a tile that one submission goes through: systems end what takes seconds.
const PIXELS_TOGETHER: usize = 1 << 18;

/// Bytes of the buffers of one group of tiles, where the device takes so many.
const GROUP_BYTES: u64 = 1 << 28;

/// Tiles of a group at most: workgroups of a submission.
const GROUP_TILES: usize = 65_535;

/// A net on a device.
#[derive(Debug)]
pub(in super::super) struct RowNetOnGpu {
    pub(super) net: RowNet,
    gpu: Gpu,
    constants: wgpu::Buffer,
    encode: wgpu::ComputePipeline,
    decode: wgpu::ComputePipeline,
}

/// What the shader is told of a tile, and its stream.
pub(super) struct Work<'a> {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) median: i16,
    pub(super) noise: i16,
    /// Samples of a known tile.
    pub(super) samples: &'a [u16],
    /// Maps of ranks of an unknown one, if its tables were recalibrated.
    pub(super) maps: Option<&'a [RankMap; CLASSES]>,
    /// Bytes of its symbols, and raw bits.
    pub(super) symbols: &'a [u8],
    pub(super) raw: &'a [u8],
}

impl Work<'_> {
    fn half_px(&self) -> usize {
        self.width.div_ceil(2)
    }

    fn state_words(&self) -> usize {
        ROW_ARRAYS * (self.half_px() + MARGINS) + SCRATCH_ARRAYS * self.half_px()
    }

    /// Bytes of its largest buffer, and of all.
    fn bytes(&self) -> [u64; 2] {
        let pixels = (self.height * self.width) as u64;
        let known = !self.samples.is_empty();
        let coded = if known { 8 * pixels } else { 0 };
        let samples = 4 * (self.height * self.half_px()) as u64;
        let maps = if self.maps.is_some() { 4 * CLASSES * (SEGMENTS + 1) } else { 0 };
        let streams = (self.symbols.len() + self.raw.len() + maps + 32) as u64;
        let state = 4 * (self.state_words() + NUMBERS) as u64;
        [coded.max(samples).max(streams).max(state), coded + samples + streams + state]
    }
}

/// What comes back of a group of tiles.
pub(super) struct Outcome {
    /// Samples in pairs, or coded pixels.
    pub(super) words: Vec<u32>,
    /// Where those of every tile begin.
    pub(super) starts: Vec<usize>,
    pub(super) numbers: Vec<u32>,
}

impl RowNetOnGpu {
    /// # Errors
    /// If the device refuses the shader.
    pub(in super::super) fn new(net: &RowNet, gpu: &Gpu) -> Result<Self> {
        let (text, constants) = shader(net);
        let module = gpu.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("row net"),
            source: wgpu::ShaderSource::Wgsl(text.into()),
        });
        let pipeline = |entry: &str| {
            gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(entry),
                layout: None,
                module: &module,
                entry_point: Some(entry),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                cache: None,
            })
        };
        let (encode, decode) = (pipeline("encode"), pipeline("decode"));
        let constants = buffer(gpu, "constants", &constants, Usages::STORAGE);
        gpu.finish()?;
        Ok(Self { net: net.clone(), gpu: gpu.clone(), constants, encode, decode })
    }

    /// Runs groups of tiles that fit on the device, one after another.
    pub(super) fn run_all<'a>(
        &self,
        works: &'a [Work<'a>],
        decodes: bool,
        mut take: impl FnMut(&'a [Work<'a>], Outcome) -> Result<()>,
    ) -> Result<()> {
        let most = self.gpu.most_bytes();
        let mut rest = works;
        while !rest.is_empty() {
            let (mut count, mut bytes) = (0, 0);
            for work in &rest[..rest.len().min(GROUP_TILES)] {
                let [largest, all] = work.bytes();
                if largest > most {
                    let extents = format!("a tile of {}x{} pixels", work.height, work.width);
                    return Err(self.gpu.failed(format!("{extents} exceeds its buffers of {most} bytes")));
                }
                if count > 0 && bytes + all > GROUP_BYTES.min(most) {
                    break;
                }
                count += 1;
                bytes += all;
            }
            let (group, after) = rest.split_at(count);
            take(group, self.run(group, decodes)?)?;
            rest = after;
        }
        Ok(())
    }

    fn run(&self, group: &[Work], decodes: bool) -> Result<Outcome> {
        let (mut tiles, mut streams, mut samples) = (Vec::<u32>::new(), vec![], vec![]);
        let (mut state, mut coded) = (NUMBERS * group.len(), 0);
        let mut starts = vec![];
        for (index, work) in group.iter().enumerate() {
            starts.push(if decodes { samples.len() } else { coded });
            let (states, words) = work.symbols.split_at(work.symbols.len().min(16));
            let mut push = |bytes: &[u8]| {
                let at = streams.len();
                let word =
                    |bytes: &[u8]| bytes.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte));
                streams.extend(bytes.chunks(4).map(word));
                at
            };
            let (states_at, words_at, raw_at) = (push(states), push(words), push(work.raw));
            let maps_at = work.maps.map_or(NO_MAPS, |maps| {
                let at = streams.len();
                streams.extend(maps.iter().flat_map(RankMap::starts));
                at
            });
            let numbers = [
                work.height,
                work.width,
                work.median as usize,
                work.noise as usize,
                NUMBERS * index,
                state,
                samples.len(),
                coded,
                states_at,
                words_at,
                words.len() / 2,
                raw_at,
                work.raw.len().div_ceil(4),
                maps_at,
            ];
            const _: () = assert!(TILE_WORDS == 14);
            tiles.extend(numbers.map(|number| number as u32));
            state += work.state_words();
            let words = work.height * work.half_px();
            match decodes {
                true => samples.resize(samples.len() + words, 0),
                false => {
                    let pair = |pair: &[u16]| pair.iter().rev().fold(0, |word, &s| word << 16 | u32::from(s));
                    let rows = work.samples.chunks_exact(work.width);
                    samples.extend(rows.flat_map(|row| row.chunks(2).map(pair)));
                    coded += 2 * work.height * work.width;
                }
            }
        }
        streams.resize(streams.len().max(4), 0);
        let out = Usages::STORAGE | Usages::COPY_SRC;
        let empty = |label: &str, words: usize| {
            self.gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size: 4 * words.max(4) as u64,
                usage: out,
                mapped_at_creation: false,
            })
        };
        let rows = buffer(&self.gpu, "rows", &[0; 4], Usages::UNIFORM | Usages::COPY_DST);
        let samples_words = samples.len();
        let samples = buffer(&self.gpu, "samples", &samples, out);
        let (state, coded_words) = (empty("state", state), coded);
        let coded = empty("coded", coded);
        let tiles_buffer = buffer(&self.gpu, "tiles", &tiles, Usages::STORAGE);
        let streams = buffer(&self.gpu, "streams", &streams, Usages::STORAGE);
        let pipeline = if decodes { &self.decode } else { &self.encode };
        let bound = [&rows, &tiles_buffer, &self.constants, &streams, &samples, &state, &coded];
        let entries: Vec<wgpu::BindGroupEntry> = (0..)
            .zip(bound)
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        let bind_group = self.gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        let widest = group.iter().map(|work| work.width).max().unwrap_or(1);
        let highest = group.iter().map(|work| work.height).max().unwrap_or(0);
        let together = (PIXELS_TOGETHER / widest).max(1);
        for first in (0..highest).step_by(together) {
            let words = [first as u32, together as u32, 0, 0];
            self.gpu.queue.write_buffer(&rows, 0, &words_bytes(&words));
            let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
            {
                let mut pass = encoder.begin_compute_pass(&Default::default());
                pass.set_pipeline(pipeline);
                pass.set_bind_group(0, &bind_group, &[]);
                pass.dispatch_workgroups(group.len() as u32, 1, 1);
            }
            self.gpu.queue.submit([encoder.finish()]);
        }
        let (from, words) = if decodes { (&samples, samples_words) } else { (&coded, coded_words) };
        let words = self.read(from, words)?;
        let numbers = self.read(&state, NUMBERS * group.len())?;
        Ok(Outcome { words, starts, numbers })
    }

    /// The first words of a buffer.
    fn read(&self, from: &wgpu::Buffer, words: usize) -> Result<Vec<u32>> {
        let size = 4 * words as u64;
        if size == 0 {
            return Ok(vec![]);
        }
        let staging = self.gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("staging"),
            size,
            usage: Usages::COPY_DST | Usages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(from, 0, &staging, 0, size);
        self.gpu.queue.submit([encoder.finish()]);
        let (send, mapped) = mpsc::channel();
        staging.map_async(wgpu::MapMode::Read, .., move |result| {
            // Nobody waits any more if the wait below failed.
            let _ = send.send(result);
        });
        self.gpu.finish()?;
        let mapped = mapped.recv().map_err(|error| self.gpu.failed(error))?;
        mapped.map_err(|error| self.gpu.failed(error))?;
        let view = staging.get_mapped_range(..).map_err(|error| self.gpu.failed(error))?;
        Ok(view.as_chunks().0.iter().map(|&word| u32::from_le_bytes(word)).collect())
    }
}

fn words_bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn buffer(gpu: &Gpu, label: &str, words: &[u32], usage: Usages) -> wgpu::Buffer {
    let contents = words_bytes(if words.is_empty() { &[0] } else { words });
    gpu.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
        label: Some(label),
        contents: &contents,
        usage,
    })
}
