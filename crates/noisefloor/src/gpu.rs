//! Whether nets code on the GPU: `NOISEFLOOR_GPU=1`.

use anyhow::{Result, bail};

/// The variable that asks for it.
const VARIABLE: &str = "NOISEFLOOR_GPU";

/// Opens the GPU if the user asks for it.
///
/// # Errors
/// If the variable is neither 0 nor 1, this build has no such code, or there is no GPU.
pub(crate) fn choose() -> Result<()> {
    match std::env::var_os(VARIABLE) {
        None => Ok(()),
        Some(value) if value.is_empty() || value == "0" => Ok(()),
        Some(value) if value == "1" => open(),
        Some(value) => bail!("{VARIABLE}={}: expected 0 or 1", value.to_string_lossy()),
    }
}

#[cfg(feature = "gpu")]
fn open() -> Result<()> {
    use anyhow::Context;
    let gpu = nf_models::Gpu::open().context(VARIABLE)?;
    tracing::debug!("row nets code on {}", gpu.name());
    nf_models::code_on(gpu);
    Ok(())
}

#[cfg(not(feature = "gpu"))]
fn open() -> Result<()> {
    bail!("{VARIABLE}: this program was built without the feature 'gpu'; unset the variable to code without")
}
