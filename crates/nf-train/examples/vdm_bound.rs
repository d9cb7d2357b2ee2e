//! The bound of the published diffusion model on simulated exposures, and how far it is from their
//! entropy. These are estimates: there is no stream.
//!
//! ```sh
//! cargo run --release -p nf-train --example vdm_bound -- CHECKPOINT DATASET TILES STEPS..
//! cargo run --release -p nf-train --example vdm_bound -- checkpoints/X sim-white@test 16 4 64
//! ```
//!
//! Of the first image, so many tiles of 64 x 64 pixels, drawn by a fixed seed (0 for all), with all
//! steps of each. The entropy is that of the whole image.

use nf_data::OpenOptions;
use nf_models::{Checkpoint, VdmEstimateOptions};
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [checkpoint, dataset, tiles, steps @ ..] = &arguments[..] else {
        return Err("expected CHECKPOINT DATASET TILES STEPS..".into());
    };
    let net = Checkpoint::load_vdm_gaussian(Path::new(checkpoint))?;
    let images = nf_data::open(dataset, &OpenOptions::default())?;
    let image = images.image(0)?;
    let bits = images.oracle(0)?.ok_or("nobody knows the entropy of these images")?;
    let oracle = bits.given_layers_bits / image.samples().len() as f64;
    println!(
        "| steps | units | prior | diffusion | reconstruction | vdm estimate, no stream | oracle | above it | tiles |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    for steps in steps {
        let options = VdmEstimateOptions { steps: steps.parse()?, tile_px: 64, tiles: tiles.parse()? };
        let own = net.estimate(&image, &options)?;
        println!(
            "| {steps} | {:.3} | {:.3} | {:.3} | {:.3} | {:.3} | {oracle:.3} | {:+.3} | {} of {} |",
            own.unit_bits,
            own.prior_bits,
            own.diffusion_bits,
            own.reconstruction_bits,
            own.bits(),
            own.bits() - oracle,
            own.tiles,
            own.all_tiles
        );
    }
    Ok(())
}
