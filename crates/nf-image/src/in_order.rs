//! Results of work that is done side by side.

use rayon::iter::ParallelIterator;

/// All results, or the first error in the order of the work. (Collecting into a `Result` would give
/// the first error in time, which depends on the threads.)
///
/// # Errors
/// The first of those of `work`.
pub fn in_order<T: Send, E: Send>(work: impl ParallelIterator<Item = Result<T, E>>) -> Result<Vec<T>, E> {
    work.collect::<Vec<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::prelude::*;

    #[test]
    fn the_first_error_in_order_is_told() {
        let wait = |n: u32| std::thread::sleep(std::time::Duration::from_millis(u64::from(20 - 5 * n)));
        let work = (0..4_u32).into_par_iter().map(|n| {
            wait(n);
            if n == 0 { Ok(n) } else { Err(n) }
        });
        assert_eq!(in_order(work), Err(1));
        assert_eq!(in_order((0..3).into_par_iter().map(Ok::<i32, ()>)), Ok(vec![0, 1, 2]));
    }
}
