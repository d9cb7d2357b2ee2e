//! Makes a large tile store out of a small one: its row groups are listed several times, and lie in
//! the file once. For measurements of what a store of that size costs, where no disk holds one.
//!
//! ```text
//! cargo run --release -p nf-data --example repeat_store -- tiles.parquet large.parquet 100
//! ```

use parquet::file::metadata::{
    FileMetaData, KeyValue, ParquetMetaDataBuilder, ParquetMetaDataReader, ParquetMetaDataWriter,
};
use std::error::Error;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};

/// Bytes behind the footer: its length and the magic number.
const TAIL_BYTES: u64 = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to, times] = &arguments[..] else { return Err("expected: SMALL LARGE TIMES".into()) };
    let times: usize = times.parse()?;
    let mut file = File::open(from)?;
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&file)?;
    let file_bytes = file.seek(SeekFrom::End(-(TAIL_BYTES as i64)))? + TAIL_BYTES;
    let mut length = [0; 4];
    file.read_exact(&mut length)?;
    let body_bytes = file_bytes - TAIL_BYTES - u64::from(u32::from_le_bytes(length));

    let mut entries = metadata.file_metadata().key_value_metadata().cloned().unwrap_or_default();
    for KeyValue { value, .. } in &mut entries {
        let mut card: serde_json::Value = serde_json::from_str(value.as_deref().unwrap_or_default())?;
        let tiles = card["tiles"].as_u64().ok_or("the card states no number of tiles")?;
        card["tiles"] = (tiles * times as u64).into();
        *value = Some(card.to_string());
    }
    let groups = (0..times).flat_map(|_| metadata.row_groups().iter().cloned()).collect();
    let rows = metadata.file_metadata().num_rows() * times as i64;
    let old = metadata.file_metadata();
    let head = FileMetaData::new(
        old.version(),
        rows,
        old.created_by().map(str::to_owned),
        Some(entries),
        old.schema_descr_ptr(),
        None,
    );
    let large = ParquetMetaDataBuilder::new(head).set_row_groups(groups).build();

    file.rewind()?;
    let mut out = BufWriter::new(File::create(to)?);
    // The groups that are listed again point to the same pages and page indexes as at first.
    std::io::copy(&mut BufReader::new(file).take(body_bytes), &mut out)?;
    ParquetMetaDataWriter::new(&mut out, &large).finish()?;
    out.flush()?;
    Ok(())
}
