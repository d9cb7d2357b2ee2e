//! Tiles of one shape, cut out of images.

use burn::tensor::{Device, Tensor, TensorData};
use nf_image::{Image16, Shape};

/// Samples of some tiles of one shape, tile by tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Number of tiles.
    pub tiles: usize,
    /// Shape of each.
    pub shape: Shape,
    /// The samples.
    pub samples: Vec<u16>,
}

impl Batch {
    /// No tiles yet.
    pub fn of_shape(shape: Shape) -> Self {
        Self { tiles: 0, shape, samples: vec![] }
    }

    /// Adds the tile whose first corner is (plane, row, column), mirrored if asked.
    ///
    /// # Panics
    /// If it reaches beyond the image.
    pub fn push(&mut self, image: &Image16, corner: [usize; 3], mirror_rows: bool, mirror_columns: bool) {
        let [plane, row, column] = corner;
        for p in plane..plane + self.shape.planes {
            for r in 0..self.shape.height {
                let r = if mirror_rows { self.shape.height - 1 - r } else { r };
                let line = &image.row(p, row + r)[column..column + self.shape.width];
                if mirror_columns {
                    self.samples.extend(line.iter().rev());
                } else {
                    self.samples.extend_from_slice(line);
                }
            }
        }
        self.tiles += 1;
    }

    /// Adds the tiles of another batch of the same shape.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.tiles += other.tiles;
        self.samples.append(&mut other.samples);
    }

    /// The tiles as networks take them: (N, P, H, W), raw samples.
    pub(crate) fn tensor(&self, device: &Device) -> Tensor<4> {
        let samples: Vec<f32> = self.samples.iter().map(|&sample| f32::from(sample)).collect();
        let Shape { planes, height, width } = self.shape;
        Tensor::from_data(TensorData::new(samples, [self.tiles, planes, height, width]), device)
    }

    /// The tiles as batches of at most `size`.
    pub fn split(&self, size: usize) -> Vec<Self> {
        let pixels = self.shape.pixels() * size;
        let part = |samples: &[u16]| Self {
            tiles: samples.len() / self.shape.pixels(),
            shape: self.shape,
            samples: samples.to_vec(),
        };
        self.samples.chunks(pixels).map(part).collect()
    }
}
