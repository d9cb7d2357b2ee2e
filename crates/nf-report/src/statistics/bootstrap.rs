//! How far a pooled figure would move if other images of the same kind had been measured.
//!
//! Percentile bootstrap (Efron, Annals of Statistics 7, 1979): images are drawn with replacement,
//! as many as there are, the figure is computed again, and the interval holds the middle 95 % of
//! what comes out. It speaks of the choice of images alone; sizes themselves have no error. The
//! seed is fixed, so that a table is the same every time, and two codecs are always compared on the
//! same draws.

use nf_data::random::Pcg64;
use serde::Serialize;

/// Draws behind an interval.
const DRAWS: usize = 1000;

/// Fewest images of which an interval is given; below, draws repeat themselves.
const FEWEST_IMAGES: usize = 5;

/// The middle 95 % of what a figure may be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// The interval of `figure` over images `0..images`; `figure` is handed the images of a draw.
/// `None` for fewer than five images, or if the figure of a draw is no number.
pub fn interval(images: usize, mut figure: impl FnMut(&[usize]) -> f64) -> Option<Interval> {
    if images < FEWEST_IMAGES {
        return None;
    }
    let mut random = Pcg64::from_seed(95);
    let mut drawn = vec![0; images];
    let mut figures = Vec::with_capacity(DRAWS);
    for _ in 0..DRAWS {
        drawn.iter_mut().for_each(|image| *image = random.up_to(images as u64 - 1) as usize);
        figures.push(figure(&drawn));
    }
    if figures.iter().any(|figure| !figure.is_finite()) {
        return None;
    }
    figures.sort_by(f64::total_cmp);
    let cut = DRAWS / 40;
    Some(Interval { low: figures[cut], high: figures[DRAWS - 1 - cut] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nf_data::simulate::draw::Gaussian;

    #[test]
    fn the_interval_of_a_mean_is_that_of_the_books_and_covers_as_often_as_it_says() {
        let (mut random, mut gaussian) = (Pcg64::from_seed(3), Gaussian::default());
        let mut covered = 0;
        let mut widths = 0.0;
        for _ in 0..200 {
            let sample: Vec<f64> = (0..40).map(|_| 5.0 + gaussian.draw(&mut random)).collect();
            let mean = |drawn: &[usize]| drawn.iter().map(|&i| sample[i]).sum::<f64>() / 40.0;
            let found = interval(40, mean).unwrap();
            covered += usize::from(found.low < 5.0 && 5.0 < found.high);
            widths += found.high - found.low;
        }
        // 2 x 1.96 / sqrt(40) = 0.62; the percentile interval of 40 values is a little narrow.
        assert!((widths / 200.0 - 0.61).abs() < 0.03, "{}", widths / 200.0);
        assert!((176..=198).contains(&covered), "{covered} of 200");
    }

    #[test]
    fn few_images_and_no_numbers_have_none() {
        assert_eq!(interval(4, |_| 1.0), None);
        assert_eq!(interval(9, |_| f64::NAN), None);
        assert_eq!(interval(9, |_| 2.0), Some(Interval { low: 2.0, high: 2.0 }));
    }
}
