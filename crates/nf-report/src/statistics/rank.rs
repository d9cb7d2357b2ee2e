//! Rank correlation (Spearman 1904), which assumes no functional form.

/// Correlation of the ranks of the drawn points; `None` where all are equal in one of the two.
pub fn spearman(points: &[(f64, f64)], drawn: &[usize]) -> Option<f64> {
    let x = ranks(drawn.iter().map(|&i| points[i].0).collect());
    let y = ranks(drawn.iter().map(|&i| points[i].1).collect());
    // Mean ranks are the same for both.
    let middle = (drawn.len() as f64 - 1.0) / 2.0;
    let sum = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum::<f64>();
    let scale = (sum(&x, &x) * sum(&y, &y)).sqrt();
    (scale > 0.0).then(|| sum(&x, &y) / scale)
}

/// The rank of every value from zero; equal values share the mean of theirs.
fn ranks(values: Vec<f64>) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let equal = order[start..].iter().take_while(|&&i| values[i] == values[order[start]]).count();
        for &i in &order[start..start + equal] {
            ranks[i] = start as f64 + (equal as f64 - 1.0) / 2.0;
        }
        start += equal;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_correlated_and_ties_are_shared() {
        assert_eq!(ranks(vec![3.0, 1.0, 3.0, 9.0]), [1.5, 0.0, 1.5, 3.0]);
        let every = [0, 1, 2, 3];
        let falling = [(1.0, 9.0), (10.0, 8.0), (100.0, 1.0), (1000.0, 0.5)];
        assert_eq!(spearman(&falling, &every), Some(-1.0));
        let rho = spearman(&[(1.0, 1.0), (2.0, 3.0), (3.0, 2.0), (4.0, 4.0)], &every).unwrap();
        assert!((rho - 0.8).abs() < 1e-12);
        assert_eq!(spearman(&falling, &[1, 1]), None);
    }
}
