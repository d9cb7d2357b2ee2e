//! Compresses a plane of an array of the crate `ndarray` where it lies, and decodes it into one.
//!
//! ```sh
//! cargo run --release -p nf-floor --example encode_array
//! ```

use ndarray::{Array2, Array3, ArrayView2, Axis};
use nf_codec::{Codec, Limits};
use nf_floor::{Floor, Level};
use nf_image::{Image16, ImageRef};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    // Two exposures: planes, rows, columns.
    let night = Array3::from_shape_fn((2, 200, 300), |(plane, row, column)| {
        (1000 + 50 * plane + row / 4 + (row * 7 + column * 13) % 11) as u16
    });
    let frame = night.index_axis(Axis(0), 1);
    let bytes = encode(frame)?;
    let again = decode(&bytes, frame.dim())?;
    assert_eq!(again, frame);
    println!("{} samples, {} bytes", frame.len(), bytes.len());
    Ok(())
}

fn encode(frame: ArrayView2<'_, u16>) -> Result<Vec<u8>, Box<dyn Error>> {
    let codec = Floor { level: Level::Fast };
    Ok(match ImageRef::try_from(frame) {
        // In C order it is borrowed; a transposed array or every second column is copied first.
        Ok(borrowed) => codec.encode_ref(borrowed)?,
        Err(_) => codec.encode(&Image16::from(frame))?,
    })
}

fn decode(bytes: &[u8], (rows, columns): (usize, usize)) -> Result<Array2<u16>, Box<dyn Error>> {
    let shape = nf_image::Shape::frame(rows, columns);
    let image = Floor { level: Level::Fast }.decode(bytes, shape, &Limits::default())?;
    Ok(Array3::from(image).index_axis_move(Axis(0), 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_come_back_in_whatever_order_they_lie() {
        let frame = Array2::from_shape_fn((40, 30), |(row, column)| (row * 100 + column) as u16);
        for view in [frame.view(), frame.t()] {
            assert_eq!(decode(&encode(view).unwrap(), view.dim()).unwrap(), view);
        }
    }
}
