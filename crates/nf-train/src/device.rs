//! On what a net is trained.

use crate::{Error, Result};
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

/// A class of devices. Weights depend on it, since each sums floats in its own order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceClass {
    /// The best one that this program was built with.
    Auto,
    /// The processor.
    #[default]
    Cpu,
    /// A GPU through Vulkan (feature `vulkan`).
    Vulkan,
    /// A GPU through whatever wgpu finds (feature `wgpu`).
    Wgpu,
    /// A GPU of Apple's (feature `metal`).
    Metal,
    /// A GPU of Nvidia's (feature `cuda`).
    Cuda,
}

impl DeviceClass {
    /// The word used in experiments.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Vulkan => "vulkan",
            Self::Wgpu => "wgpu",
            Self::Metal => "metal",
            Self::Cuda => "cuda",
        }
    }

    /// Whether this program can use it.
    pub const fn is_built_in(self) -> bool {
        match self {
            Self::Auto | Self::Cpu => true,
            Self::Vulkan => cfg!(feature = "vulkan"),
            Self::Wgpu => cfg!(feature = "wgpu"),
            Self::Metal => cfg!(feature = "metal"),
            Self::Cuda => cfg!(feature = "cuda"),
        }
    }

    /// The class itself, or for [`DeviceClass::Auto`] the one that it stands for.
    pub fn resolved(self) -> Self {
        let fastest_first = [Self::Cuda, Self::Metal, Self::Vulkan, Self::Wgpu];
        match self {
            Self::Auto => fastest_first.into_iter().find(|class| class.is_built_in()).unwrap_or(Self::Cpu),
            class => class,
        }
    }

    /// The device, without gradients.
    ///
    /// # Errors
    /// If this program was built without support for it.
    pub fn open(self) -> Result<Device> {
        match self.resolved() {
            Self::Cpu => Ok(Device::flex()),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => Ok(Device::vulkan(burn::tensor::DeviceKind::DefaultDevice)),
            #[cfg(feature = "wgpu")]
            Self::Wgpu => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
            #[cfg(feature = "metal")]
            Self::Metal => Ok(Device::metal(burn::tensor::DeviceKind::DefaultDevice)),
            #[cfg(feature = "cuda")]
            Self::Cuda => Ok(Device::cuda(0)),
            #[allow(unreachable_patterns, reason = "no class is left when all features are on")]
            class => {
                let name = class.name();
                let reason = format!(
                    "this program was built without it; build with --features {name}, or use --device cpu"
                );
                Err(Error::NoDevice { name, reason })
            }
        }
    }
}

impl std::str::FromStr for DeviceClass {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        [Self::Auto, Self::Cpu, Self::Vulkan, Self::Wgpu, Self::Metal, Self::Cuda]
            .into_iter()
            .find(|class| class.name() == word)
            .ok_or_else(|| {
                format!("unknown device '{word}', expected auto, cpu, vulkan, wgpu, metal or cuda")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_always_there_and_others_say_what_they_need() {
        assert!(DeviceClass::Cpu.open().is_ok());
        assert_ne!(DeviceClass::Auto.resolved(), DeviceClass::Auto);
        if !cfg!(feature = "cuda") {
            let error = DeviceClass::Cuda.open().unwrap_err().to_string();
            assert!(error.contains("--features cuda"), "{error}");
        }
        assert_eq!("metal".parse(), Ok(DeviceClass::Metal));
    }
}
