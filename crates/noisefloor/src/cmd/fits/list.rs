//! `noisefloor fits list`: what the HDUs of files are, one line each, told from their headers.

use super::opened::open;
use crate::cmd::test::for_each;
use crate::files::batch::Inputs;
use crate::files::kinds::{is_fits_or_zipped, is_packed};
use crate::files::output::text;
use anyhow::Result;
use nf_archive::plain;
use nf_fits::describe::{Content, HduDescription};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

#[derive(clap::Args)]
#[command(after_help = "Example: noisefloor fits list 'night/*.fits.fz'")]
pub(super) struct Args {
    #[command(flatten)]
    inputs: Inputs,
    /// Print one JSON object a file
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<()> {
    for_each(&args.inputs, |path| is_fits_or_zipped(path) || is_packed(path), |path, _| list(path, args.json))
}

fn list(path: &Path, json: bool) -> Result<()> {
    let file = open(path)?;
    let hdus: Vec<HduDescription> = file.hdus().iter().map(|hdu| hdu.describe()).collect();
    let mut out = text();
    if json {
        let hdus = hdus.iter().map(row).collect::<Vec<_>>();
        writeln!(
            out,
            "{}",
            json!({"file": path.display().to_string(), "bytes": file.len_bytes(), "hdus": hdus})
        )?;
        return Ok(());
    }
    writeln!(out, "{}: {} bytes", plain(&path.display().to_string()), file.len_bytes())?;
    for hdu in &hdus {
        let name = match (&hdu.name, hdu.version) {
            (None, _) => String::new(),
            (Some(name), None) => format!("{name} "),
            (Some(name), Some(version)) => format!("{name},{version} "),
        };
        let ratio = ratio(hdu).map(|ratio| format!(", ratio {ratio:.3}")).unwrap_or_default();
        writeln!(
            out,
            "{:>4}  {}{}; {} + {} bytes{ratio}",
            hdu.index,
            plain(&name),
            plain(&hdu.content.to_string()),
            hdu.header_bytes,
            hdu.data_bytes
        )?;
    }
    Ok(())
}

/// Of a compressed image or table: its bytes without compression to those of its data.
fn ratio(hdu: &HduDescription) -> Option<f64> {
    match &hdu.content {
        Content::Image(image) if image.compression.is_some() && hdu.data_bytes > 0 => {
            Some(image.raw_bytes() as f64 / hdu.data_bytes as f64)
        }
        Content::BinaryTable(table) if table.compression.is_some() && hdu.data_bytes > 0 => {
            Some(table.raw_bytes() as f64 / hdu.data_bytes as f64)
        }
        _ => None,
    }
}

fn row(hdu: &HduDescription) -> Value {
    let mut row = json!({
        "hdu": hdu.index,
        "name": hdu.name,
        "version": hdu.version,
        "content": hdu.content.to_string(),
        "header_bytes": hdu.header_bytes,
        "data_bytes": hdu.data_bytes,
        "ratio": ratio(hdu),
    });
    if let Content::Image(image) = &hdu.content {
        row["type"] = json!(image.value_type());
        row["axes"] = json!(image.axes);
        if let Some(how) = &image.compression {
            row["algorithm"] = json!(how.algorithm.to_string());
            row["tile"] = json!(how.tile);
            row["tiles"] = json!(how.tiles);
            row["lossy"] = json!(how.lossy);
        }
    }
    if let Content::BinaryTable(table) = &hdu.content {
        row["rows"] = json!(table.rows);
        row["columns"] = json!(table.columns.len());
        if let Some(how) = &table.compression {
            let names: Vec<_> = how.algorithms.iter().map(|algorithm| algorithm.name()).collect();
            row["algorithm"] = json!(names.join(", "));
            row["tile"] = json!([how.tile_rows]);
            row["tiles"] = json!(how.tiles);
            row["lossy"] = json!(false);
        }
    }
    row
}
