//! Columns as rows.

/// Rows of `width` values as columns, in blocks that stay in the cache.
pub fn transpose<T: Copy + Default>(values: &[T], width: usize) -> Vec<T> {
    const BLOCK: usize = 16;
    let height = values.len() / width;
    let mut out = vec![T::default(); values.len()];
    for y in (0..height).step_by(BLOCK) {
        for x in (0..width).step_by(BLOCK) {
            let (high, wide) = (BLOCK.min(height - y), BLOCK.min(width - x));
            let mut block = [[T::default(); BLOCK]; BLOCK];
            for (k, line) in block[..high].iter_mut().enumerate() {
                line[..wide].copy_from_slice(&values[(y + k) * width + x..][..wide]);
            }
            for k in 0..wide {
                let column = &mut out[(x + k) * height + y..][..high];
                for (to, line) in column.iter_mut().zip(&block) {
                    *to = line[k];
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns() {
        for (height, width) in [(1, 1), (3, 50), (50, 3), (16, 16), (33, 47)] {
            let values: Vec<usize> = (0..height * width).collect();
            let columns = transpose(&values, width);
            for (i, &value) in columns.iter().enumerate() {
                assert_eq!(value, (i % height) * width + i / height);
            }
        }
    }
}
