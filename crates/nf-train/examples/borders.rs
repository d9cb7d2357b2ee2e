//! What coding tiles independently costs at their borders, and what a median and noise scale per
//! tile saves.
//!
//! ```sh
//! cargo run --release -p nf-train --example borders -- CHECKPOINT DATASET [DATA_FOLDER]
//! cargo run --release -p nf-train --example borders -- checkpoints/pixelcnnpp-small-real-9eb68e26 real-open/centre-256@test
//! ```
//!
//! Every image is coded as one tile, and cut into tiles. Far from the borders of tiles, the
//! difference is that of medians and noise scales; the extra cost of pixels beside borders is the
//! most that context across borders could save.

use burn::tensor::{Device, Tensor, TensorData};
use nf_data::OpenOptions;
use nf_image::Image16;
use nf_models::{Checkpoint, Net};
use std::path::{Path, PathBuf};

/// Pixels within this distance of a border are beside it, in pixels.
const BESIDE_PX: usize = 4;
/// Pixels beyond this distance are far from it.
const FAR_PX: usize = 16;

/// Bits of every sample of a plane, cut into tiles of `tile_px` times `tile_px` pixels.
fn bits(net: &Net, image: &Image16, tile_px: usize) -> Result<Vec<f64>, Box<dyn std::error::Error>> {
    let Net::PixelCnnPp(net) = net else { return Err("only PixelCNN++ has context that tiles cut".into()) };
    let (height, width) = (image.shape().height, image.shape().width);
    let mut all = vec![0.0; height * width];
    for top in (0..height).step_by(tile_px) {
        for left in (0..width).step_by(tile_px) {
            let (bottom, right) = ((top + tile_px).min(height), (left + tile_px).min(width));
            let tile = image.crop(0..1, top..bottom, left..right);
            let samples: Vec<f32> = tile.samples().iter().map(|&sample| f32::from(sample)).collect();
            let data = TensorData::new(samples, [1, 1, bottom - top, right - left]);
            let bits = net.bits(Tensor::from_data(data, &Device::flex()))?.into_data().try_to_vec::<f32>();
            let bits = bits.map_err(|error| format!("{error:?}"))?;
            for (row, bits) in bits.chunks_exact(right - left).enumerate() {
                let to = &mut all[(top + row) * width + left..][..bits.len()];
                to.iter_mut().zip(bits).for_each(|(to, &bits)| *to = f64::from(bits));
            }
        }
    }
    Ok(all)
}

/// Distance of a pixel to a border that cuts off its causal context: to the tile's first row, first
/// column or last column, where these are no borders of the frame.
fn distance_px(y: usize, x: usize, width: usize, tile_px: usize) -> usize {
    let above = if y >= tile_px { y % tile_px } else { usize::MAX };
    let left = if x >= tile_px { x % tile_px } else { usize::MAX };
    let right = if x / tile_px < (width - 1) / tile_px { tile_px - 1 - x % tile_px } else { usize::MAX };
    above.min(left).min(right)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [checkpoint, dataset, rest @ ..] = &arguments[..] else {
        return Err("expected CHECKPOINT DATASET [DATA_FOLDER]".into());
    };
    let net = Checkpoint::load_net(Path::new(checkpoint), &Device::flex())?;
    let data = rest.first().map(PathBuf::from);
    let images = nf_data::open(dataset, &OpenOptions { data, ..OpenOptions::default() })?;
    let tiles_px = [128, 64, 32];
    // Sums over all images: bits as one tile; per tile size: bits, and differences beside borders
    // and far from them.
    let (mut pixels, mut whole_bits) = (0.0, 0.0);
    let mut sums = [[0.0_f64; 5]; 3];
    for index in 0..images.len() {
        let image = images.image(index)?;
        let plane = image.crop(0..1, 0..image.shape().height, 0..image.shape().width);
        let width = plane.shape().width;
        let whole = bits(&net, &plane, usize::MAX / 2)?;
        pixels += whole.len() as f64;
        whole_bits += whole.iter().sum::<f64>();
        for (&tile_px, sums) in tiles_px.iter().zip(&mut sums) {
            for (at, (cut, whole)) in bits(&net, &plane, tile_px)?.iter().zip(&whole).enumerate() {
                sums[0] += cut;
                match distance_px(at / width, at % width, width, tile_px) {
                    distance if distance < BESIDE_PX => (sums[1] += 1.0, sums[2] += cut - whole),
                    distance if distance >= FAR_PX => (sums[3] += 1.0, sums[4] += cut - whole),
                    _ => ((), ()),
                };
            }
        }
        eprintln!("{}", images.name(index));
    }
    println!("whole: {:.4} bits/pixel over {} images, {pixels} pixels", whole_bits / pixels, images.len());
    for (tile_px, [bits, beside, beside_bits, far, far_bits]) in tiles_px.iter().zip(sums) {
        let (beside_bits, far_bits) = (beside_bits / beside, far_bits / far);
        println!(
            "tiles of {tile_px}: {:.4} bits/pixel; own location and scale {far_bits:+.4}; beside borders {:+.4} more, \
             on all pixels {:+.4}",
            bits / pixels,
            beside_bits - far_bits,
            (beside_bits - far_bits) * beside / pixels
        );
    }
    Ok(())
}
