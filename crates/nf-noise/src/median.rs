//! The median.

use std::cmp::Ordering;

/// The middle value, the upper one of two; `None` for no values. Reorders them.
pub fn median<T: Copy>(values: &mut [T], order: impl Fn(&T, &T) -> Ordering) -> Option<T> {
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, order).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn middle_value_of_odd_even_and_no_values() {
        assert_eq!(median(&mut [3, 1, 2], i32::cmp), Some(2));
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0], f64::total_cmp), Some(3.0));
        assert_eq!(median(&mut [], i64::cmp), None);
    }
}
