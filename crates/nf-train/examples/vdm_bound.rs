//! The bound of the published diffusion model on simulated exposures, and how far it is from their
//! entropy. These are estimates: there is no stream.
//!
//! ```sh
//! cargo run --release -p nf-train --example vdm_bound -- CHECKPOINT DATASET STEPS..
//! cargo run --release -p nf-train --example vdm_bound -- checkpoints/X sim-white@test 4 16 64
//! ```
//!
//! The first image is cut into tiles of 64 x 64 pixels; what is left at the edges is not looked at,
//! and of the entropy its share is taken.

use burn::tensor::{Device, Tensor, TensorData};
use nf_data::OpenOptions;
use nf_models::{Checkpoint, Net, VdmModule};
use std::path::Path;

const TILE_PX: usize = 64;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [checkpoint, dataset, steps @ ..] = &arguments[..] else {
        return Err("expected CHECKPOINT DATASET STEPS..".into());
    };
    let net = Checkpoint::load_net(Path::new(checkpoint), &Device::flex())?;
    let Net::Vdm(VdmModule::Gaussian(net)) = net else {
        return Err("only a vdm of the process 'gaussian' has this bound".into());
    };
    let images = nf_data::open(dataset, &OpenOptions::default())?;
    println!("| steps | prior | diffusion | reconstruction | vdm estimate, no stream | oracle | above it |");
    println!("|---:|---:|---:|---:|---:|---:|---:|");
    for steps in steps {
        let steps: usize = steps.parse()?;
        let (mut sums, mut oracle, mut tiles) = ([0.0; 3], 0.0, 0.0);
        for index in 0..images.len().min(1) {
            let image = images.image(index)?;
            let (height, width) = (image.shape().height, image.shape().width);
            let bits = images.oracle(index)?.ok_or("nobody knows the entropy of these images")?;
            let per_px = bits.given_layers_bits / (height * width) as f64;
            for top in (0..height / TILE_PX).map(|row| row * TILE_PX) {
                for left in (0..width / TILE_PX).map(|column| column * TILE_PX) {
                    let tile = image.crop(0..1, top..top + TILE_PX, left..left + TILE_PX);
                    let samples: Vec<f32> = tile.samples().iter().map(|&x| f32::from(x)).collect();
                    let data = TensorData::new(samples, [1, 1, TILE_PX, TILE_PX]);
                    let bound = net.bound(Tensor::from_data(data, &Device::flex()), steps)?;
                    let parts = [bound.prior_bits, bound.diffusion_bits, bound.reconstruction_bits];
                    sums.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
                    (oracle, tiles) = (oracle + per_px, tiles + 1.0);
                }
            }
        }
        let [prior, diffusion, reconstruction] = sums.map(|sum| sum / tiles);
        let (all, oracle) = (prior + diffusion + reconstruction, oracle / tiles);
        println!(
            "| {steps} | {prior:.4} | {diffusion:.3} | {reconstruction:.3} | {all:.3} | {oracle:.3} | {:+.3} |",
            all - oracle
        );
    }
    Ok(())
}
