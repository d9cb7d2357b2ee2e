//! Which net, and how large.

use crate::error::{Error, Result};
use crate::net::Net;
use crate::nets::Inputs;
use crate::nets::idf::IdfConfig;
use crate::nets::l3c::L3cConfig;
use crate::nets::pixelcnnpp::PixelCnnPpConfig;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

/// A net's extents: what a checkpoint's card states and an experiment file may spell out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "net", rename_all = "lowercase")]
#[non_exhaustive]
pub enum NetConfig {
    /// PixelCNN++ (arXiv:1701.05517).
    PixelCnnPp(PixelCnnPpConfig),
    /// Integer discrete flow (arXiv:1905.07376).
    Idf(IdfConfig),
    /// L3C (arXiv:1811.12817).
    L3c(L3cConfig),
}

/// Names of the nets.
pub const NETS: [&str; 3] = ["pixelcnnpp", "idf", "l3c"];

/// Names of the sizes: as published; useful after half an hour on two processor cores; for tests.
pub const SIZES: [&str; 3] = ["paper", "small", "tiny"];

impl NetConfig {
    /// A preset for one plane: net and size by name.
    ///
    /// # Errors
    /// [`Error::Preset`] if there is no such net or size.
    pub fn preset(net: &str, size: &str) -> Result<Self> {
        let pixel_cnn_pp = |filters, stages, blocks, mixtures, dropout, inputs| {
            let planes = 1;
            Self::PixelCnnPp(PixelCnnPpConfig { planes, filters, stages, blocks, mixtures, dropout, inputs })
        };
        let idf = |levels, flows, depth, growth, mixtures, inputs| {
            Self::Idf(IdfConfig { planes: 1, levels, flows, depth, growth, mixtures, inputs })
        };
        let l3c = |scales, filters, blocks, channels, levels, mixtures, inputs| {
            let planes = 1;
            Self::L3c(L3cConfig { planes, scales, filters, blocks, channels, levels, mixtures, inputs })
        };
        Ok(match (net, size) {
            ("pixelcnnpp", "paper") => pixel_cnn_pp(160, 3, 5, 11, 0.5, Inputs::Published),
            ("pixelcnnpp", "small") => pixel_cnn_pp(20, 1, 2, 4, 0.0, Inputs::Robust),
            ("pixelcnnpp", "tiny") => pixel_cnn_pp(8, 2, 1, 2, 0.0, Inputs::Robust),
            ("idf", "paper") => idf(3, 8, 12, 512, 5, Inputs::Published),
            ("idf", "small") => idf(4, 4, 3, 32, 3, Inputs::Robust),
            ("idf", "tiny") => idf(3, 4, 2, 8, 2, Inputs::Robust),
            ("l3c", "paper") => l3c(3, 64, 8, 5, 25, 10, Inputs::Published),
            ("l3c", "small") => l3c(3, 24, 2, 3, 25, 4, Inputs::Robust),
            ("l3c", "tiny") => l3c(2, 8, 1, 2, 9, 2, Inputs::Robust),
            _ => {
                let expected = format!("nets {} and sizes {}", NETS.join(", "), SIZES.join(", "));
                return Err(Error::Preset { net: net.into(), size: size.into(), expected });
            }
        })
    }

    /// The same net for stacks of `planes` planes.
    pub fn with_planes(mut self, planes: usize) -> Self {
        match &mut self {
            Self::PixelCnnPp(config) => config.planes = planes,
            Self::Idf(config) => config.planes = planes,
            Self::L3c(config) => config.planes = planes,
        }
        self
    }

    /// The same net with samples entering in another way.
    ///
    /// # Errors
    /// [`Error::Config`] if the net cannot take samples so.
    pub fn with_inputs(mut self, inputs: Inputs) -> Result<Self> {
        match &mut self {
            Self::PixelCnnPp(config) => config.inputs = inputs,
            Self::Idf(config) => config.inputs = inputs,
            Self::L3c(config) => config.inputs = inputs,
        }
        self.check()?;
        Ok(self)
    }

    /// Planes of the tiles that the net takes.
    pub fn planes(&self) -> usize {
        match self {
            Self::PixelCnnPp(config) => config.planes,
            Self::Idf(config) => config.planes,
            Self::L3c(config) => config.planes,
        }
    }

    /// The net's name, as in [`NETS`].
    pub fn name(&self) -> &'static str {
        match self {
            Self::PixelCnnPp(_) => "pixelcnnpp",
            Self::Idf(_) => "idf",
            Self::L3c(_) => "l3c",
        }
    }

    /// Whether the extents make a net.
    ///
    /// # Errors
    /// [`Error::Config`], naming the field.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::PixelCnnPp(config) => config.check(),
            Self::Idf(config) => config.check(),
            Self::L3c(config) => config.check(),
        }
    }

    /// A net with random weights on `device`; equal seeds give equal weights on every device.
    ///
    /// # Errors
    /// [`Error::Config`] if the extents make no net.
    pub fn init(&self, device: &Device, seed: u64) -> Result<Net> {
        self.check()?;
        Ok(match self {
            Self::PixelCnnPp(config) => Net::PixelCnnPp(config.init(device, seed)),
            Self::Idf(config) => Net::Idf(config.init(device, seed)),
            Self::L3c(config) => Net::L3c(config.init(device, seed)),
        })
    }
}

/// Whether every extent lies in its range: (field, found, least, most).
///
/// # Errors
/// [`Error::Config`], naming the first field that does not.
pub(crate) fn check_extents(extents: &[(&'static str, usize, usize, usize)]) -> Result<()> {
    for &(field, found, least, most) in extents {
        if !(least..=most).contains(&found) {
            let expected = format!("{least}..={most}");
            return Err(Error::Config { field, found: found.to_string(), expected });
        }
    }
    Ok(())
}
