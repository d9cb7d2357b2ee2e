//! A graphics processor that codes with row nets.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// Why nothing can be computed on a device.
#[derive(Debug, thiserror::Error)]
pub enum GpuError {
    /// There is none, or none that a driver knows.
    #[error("no GPU was found ({0}); install its Vulkan, Metal or Direct3D driver, or code without")]
    NotFound(String),
    /// It was found, and computed nothing.
    #[error("the GPU {name} failed: {reason}")]
    Failed {
        /// What its driver calls it.
        name: String,
        /// What its driver says.
        reason: String,
    },
}

/// An open device. Clones share it.
#[derive(Clone)]
pub struct Gpu {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    name: Arc<str>,
    /// The first error that the driver told since nobody asked.
    fault: Arc<Mutex<Option<String>>>,
}

impl fmt::Debug for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gpu").field(&self.name).finish()
    }
}

impl Gpu {
    /// Opens the fastest device. `WGPU_BACKEND` may name a backend (`vulkan`, `metal`, `dx12`).
    ///
    /// # Errors
    /// If there is none.
    pub fn open() -> Result<Self, GpuError> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let adapter = wait(instance.request_adapter(&options));
        let adapter = adapter.map_err(|error| GpuError::NotFound(error.to_string()))?;
        let info = adapter.get_info();
        let name: Arc<str> = format!("{} ({})", info.name, info.backend).into();
        let descriptor =
            wgpu::DeviceDescriptor { required_limits: adapter.limits(), ..wgpu::DeviceDescriptor::default() };
        let failed = |error: wgpu::RequestDeviceError| GpuError::Failed {
            name: name.to_string(),
            reason: error.to_string(),
        };
        let (device, queue) = wait(adapter.request_device(&descriptor)).map_err(failed)?;
        let fault = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&fault);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            seen.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error.to_string());
        }));
        Ok(Self { device, queue, name, fault })
    }

    /// What its driver calls it, and the driver's interface.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes of the largest buffer.
    pub(crate) fn most_bytes(&self) -> u64 {
        let limits = self.device.limits();
        limits.max_storage_buffer_binding_size.min(limits.max_buffer_size)
    }

    pub(crate) fn failed(&self, reason: impl fmt::Display) -> GpuError {
        GpuError::Failed { name: self.name.to_string(), reason: reason.to_string() }
    }

    /// Waits until all is done that was submitted.
    ///
    /// # Errors
    /// What went wrong since the last call.
    pub(crate) fn finish(&self) -> Result<(), GpuError> {
        let polled = self.device.poll(wgpu::PollType::wait_indefinitely());
        if let Some(reason) = self.fault.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(self.failed(reason));
        }
        polled.map(|_| ()).map_err(|error| self.failed(error))
    }
}

/// The result of a future. Those of native drivers are ready when they are first asked, or soon.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => return result,
            Poll::Pending => std::thread::yield_now(),
        }
    }
}
