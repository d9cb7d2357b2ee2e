//! The device that a network is trained on.

use crate::{Error, Result};
use burn::tensor::{Device, DeviceKind};
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

    /// The class itself, or for [`DeviceClass::Auto`] the fastest one with a GPU that responds on
    /// this machine, and why no faster one was chosen. A driver that computes on the processor is
    /// no GPU: Burn's own loops are faster there.
    pub fn resolved(self) -> (Self, Vec<String>) {
        if self != Self::Auto {
            return (self, vec![]);
        }
        let fastest_first = [Self::Cuda, Self::Metal, Self::Vulkan, Self::Wgpu];
        let mut skipped_devices = vec![];
        for class in fastest_first.into_iter().filter(|class| class.is_built_in()) {
            match class.open_first(&GPUS) {
                Ok(_) => return (class, skipped_devices),
                Err(reason) => skipped_devices.push(format!("{}: {reason}", class.name())),
            }
        }
        if skipped_devices.is_empty() {
            let features = fastest_first.map(Self::name).join(", ");
            skipped_devices.push(format!("this program was built without the features {features}"));
        }
        (Self::Cpu, skipped_devices)
    }

    /// The device, without gradients, once it has computed something.
    ///
    /// # Errors
    /// If this program was built without support for it, or there is none that answers.
    pub fn open(self) -> Result<Device> {
        let class = self.resolved().0;
        class.open_first(&[DeviceKind::DefaultDevice]).map_err(|reason| Error::NoDevice {
            name: class.name(),
            reason: format!("{reason}, or use --device cpu"),
        })
    }

    /// Its first device of these kinds that answers; the reason of the first one else.
    fn open_first(self, kinds: &[DeviceKind]) -> Result<Device, String> {
        let mut tried = kinds.iter().map(|kind| match self {
            Self::Cpu => Ok(Device::flex()),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => responding(self, || Device::vulkan(kind.clone())),
            #[cfg(feature = "wgpu")]
            Self::Wgpu => responding(self, || Device::wgpu(kind.clone())),
            #[cfg(feature = "metal")]
            Self::Metal => responding(self, || Device::metal(kind.clone())),
            #[cfg(feature = "cuda")]
            Self::Cuda => responding(self, || Device::cuda(0)),
            #[allow(unreachable_patterns, reason = "no class is left when all features are on")]
            class => {
                let _ = kind;
                Err(format!("this program was built without it; build with --features {}", class.name()))
            }
        });
        let first = tried.next().expect("kinds are given");
        first.or_else(|reason| tried.find_map(Result::ok).ok_or(reason))
    }
}

/// What `auto` takes, the fastest first.
const GPUS: [DeviceKind; 3] =
    [DeviceKind::DiscreteGpu(0), DeviceKind::IntegratedGpu(0), DeviceKind::VirtualGpu(0)];

/// What the driver calls the device; nothing of the processor.
pub fn device_name(device: &Device) -> Option<String> {
    #[cfg(any(feature = "vulkan", feature = "wgpu", feature = "metal", feature = "cuda"))]
    return device.identity().map(|identity| identity.name);
    #[cfg(not(any(feature = "vulkan", feature = "wgpu", feature = "metal", feature = "cuda")))]
    return Some(device).and(None);
}

/// The device, if it can add two numbers: drivers are loaded at its first use, and a missing one
/// panics then.
#[cfg(any(feature = "vulkan", feature = "wgpu", feature = "metal", feature = "cuda"))]
fn responding(class: DeviceClass, device: impl FnOnce() -> Device) -> Result<Device, String> {
    use crate::error::panic_words;
    use burn::tensor::Tensor;
    use nf_models::total;
    use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
    use std::sync::{Arc, OnceLock};
    let trial = AssertUnwindSafe(|| {
        let device = device();
        let sum = total(Tensor::<1>::from_floats([1.0, 2.0], &device)).into_scalar::<f32>();
        (sum == 3.0).then_some(device).ok_or_else(|| format!("1 + 2 is {sum} there"))
    });
    // The reason is in the first panic, in a thread of the driver; this thread only gets a broken
    // channel.
    let first = Arc::new(OnceLock::new());
    let recorded = Arc::clone(&first);
    let hook = take_hook();
    set_hook(Box::new(move |panic| {
        recorded.get_or_init(|| panic_words(panic.payload()));
    }));
    let tried = catch_unwind(trial);
    set_hook(hook);
    let tried = tried
        .unwrap_or_else(|panic| Err(first.get().cloned().unwrap_or_else(|| panic_words(panic.as_ref()))));
    tried.map_err(|mut reason| {
        // Drivers list all that they know of every device.
        if let Some((end, _)) = reason.char_indices().nth(200) {
            reason.truncate(end);
            reason.push_str("...");
        }
        format!("no such device answers ({reason}); install a driver for {}", class.name())
    })
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
    fn the_processor_opens_and_missing_classes_are_explained() {
        assert!(DeviceClass::Cpu.open().is_ok());
        let (class, skipped_devices) = DeviceClass::Auto.resolved();
        assert_ne!(class, DeviceClass::Auto);
        assert!(
            class != DeviceClass::Cpu || !skipped_devices.is_empty(),
            "no reason is given for the processor"
        );
        assert_eq!(DeviceClass::Cpu.resolved(), (DeviceClass::Cpu, vec![]));
        if !cfg!(feature = "cuda") {
            let error = DeviceClass::Cuda.open().unwrap_err().to_string();
            assert!(error.contains("--features cuda"), "{error}");
        }
        assert_eq!("metal".parse(), Ok(DeviceClass::Metal));
    }

    #[cfg(feature = "vulkan")]
    #[test]
    fn the_next_kind_is_tried_after_a_missing_one() {
        if DeviceClass::Vulkan.open().is_err() {
            println!("SKIP: no device answers through Vulkan");
            return;
        }
        // Nobody has so many GPUs.
        let kinds = [DeviceKind::DiscreteGpu(99), DeviceKind::IntegratedGpu(99), DeviceKind::DefaultDevice];
        let reason = DeviceClass::Vulkan.open_first(&kinds[..2]).unwrap_err();
        assert!(reason.contains("Discrete"), "{reason}");
        assert!(DeviceClass::Vulkan.open_first(&kinds).is_ok());
    }
}
