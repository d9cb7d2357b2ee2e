//! From volts to codes.

/// An analogue-to-digital converter: which interval of the input (in data numbers, DN) gives which
/// code.
///
/// Code `c` stands for inputs in `edges(c).0 .. edges(c).1`; the lowest code takes everything
/// below, the highest everything above, which is saturation. An ideal converter rounds: code `c`
/// covers `c - 1/2 .. c + 1/2`.
#[derive(Clone, Debug, PartialEq)]
pub struct Adc {
    last_code: u16,
    /// Lower edges of the codes of one period of the width pattern, relative to its first code; the
    /// widths repeat with the pattern's length. Empty: all widths are one.
    pattern: Vec<f64>,
}

impl Adc {
    /// An ideal converter of `bits` bits.
    pub fn ideal(bits: u32) -> Self {
        Self { last_code: (u32::MAX >> (32 - bits.clamp(1, 16))) as u16, pattern: vec![] }
    }

    /// A converter whose code widths repeat with a pattern (differential non-linearity); a width of
    /// zero is a missing code. The widths are scaled to a mean of one, so that the gain stays what
    /// it was.
    ///
    /// # Panics
    /// If the pattern is empty or sums to zero, or holds a negative or non-finite width.
    pub fn with_widths(bits: u32, widths: &[f64]) -> Self {
        let sum: f64 = widths.iter().sum();
        assert!(sum > 0.0 && widths.iter().all(|w| *w >= 0.0), "widths are non-negative and not all zero");
        let scale = widths.len() as f64 / sum;
        let mut edge = 0.0;
        let pattern = widths
            .iter()
            .map(|width| {
                let lower = edge;
                edge += width * scale;
                lower
            })
            .collect();
        Self { pattern, ..Self::ideal(bits) }
    }

    /// The highest code.
    pub fn last_code(&self) -> u16 {
        self.last_code
    }

    fn lower_edge(&self, code: u32) -> f64 {
        let period = self.pattern.len() as u32;
        match code.checked_rem(period) {
            None => f64::from(code) - 0.5,
            Some(place) => f64::from(code - place) + self.pattern[place as usize] - 0.5,
        }
    }

    /// The inputs that give `code`; the first and last codes reach to infinity. Empty for a missing
    /// code.
    pub fn edges(&self, code: u16) -> (f64, f64) {
        let low = if code == 0 { f64::NEG_INFINITY } else { self.lower_edge(u32::from(code)) };
        let high = if code >= self.last_code { f64::INFINITY } else { self.lower_edge(u32::from(code) + 1) };
        (low, high)
    }

    /// The code of an input.
    pub fn convert(&self, input: f64) -> u16 {
        let shifted = input + 0.5;
        let nearest = shifted.floor().clamp(0.0, f64::from(self.last_code)) as u32;
        if self.pattern.is_empty() {
            return nearest as u16;
        }
        let period = self.pattern.len() as u32;
        let base = nearest / period * period;
        let within = shifted - f64::from(base);
        let code = base + self.pattern.partition_point(|&edge| edge <= within).max(1) as u32 - 1;
        code.min(u32::from(self.last_code)) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_tile_the_inputs() {
        for adc in [Adc::ideal(16), Adc::ideal(12), Adc::with_widths(16, &[1.0, 0.0, 1.6, 0.8, 0.6, 1.1])] {
            for code in 0..adc.last_code() {
                assert_eq!(adc.edges(code).1, adc.edges(code + 1).0, "code {code}");
            }
            for step in 0..60_000 {
                let input = f64::from(step) * 0.217 - 5.0;
                let code = adc.convert(input);
                let (low, high) = adc.edges(code);
                assert!(low <= input && input < high, "{input} gave {code} of {low}..{high}");
            }
            assert_eq!(adc.convert(1e9), adc.last_code());
            assert_eq!(adc.convert(-1e9), 0);
        }
    }

    #[test]
    fn missing_codes_never_appear() {
        let adc = Adc::with_widths(14, &[1.0, 1.0, 1.0, 0.0]);
        assert!((0..20_000).all(|i| adc.convert(f64::from(i) * 0.37) % 4 != 3));
    }
}
