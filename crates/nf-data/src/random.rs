//! The generator behind every simulated frame and every shuffled list.
//!
//! PCG64 (XSL-RR 128/64, O'Neill 2014) seeded through a *seed sequence* of 32-bit words, exactly as
//! numpy's `default_rng` does it, so that published shuffles can be replayed and every draw checked
//! against an independent implementation. Integers only: a seed gives the same stream on every
//! machine.

/// Turns words of any number into well-mixed states (O'Neill's `seed_seq` as refined by numpy).
#[derive(Clone, Debug)]
struct SeedSequence {
    pool: [u32; 4],
}

const INIT_A: u32 = 0x43b0_d7e5;
const MULT_A: u32 = 0x931e_8875;
const INIT_B: u32 = 0x8b51_f9dd;
const MULT_B: u32 = 0x58f3_8ded;
const MIX_L: u32 = 0xca01_f9dd;
const MIX_R: u32 = 0x4973_f715;

impl SeedSequence {
    fn new(words: &[u32]) -> Self {
        let mut constant = INIT_A;
        let mut hash = |word: u32| {
            let mut value = word ^ constant;
            constant = constant.wrapping_mul(MULT_A);
            value = value.wrapping_mul(constant);
            value ^ (value >> 16)
        };
        let mix = |x: u32, y: u32| {
            let value = MIX_L.wrapping_mul(x).wrapping_sub(MIX_R.wrapping_mul(y));
            value ^ (value >> 16)
        };
        let mut pool = [0u32; 4];
        for (i, slot) in pool.iter_mut().enumerate() {
            *slot = hash(words.get(i).copied().unwrap_or(0));
        }
        for source in 0..4 {
            for target in (0..4).filter(|&target| target != source) {
                pool[target] = mix(pool[target], hash(pool[source]));
            }
        }
        for &word in words.iter().skip(4) {
            for slot in &mut pool {
                *slot = mix(*slot, hash(word));
            }
        }
        Self { pool }
    }

    fn states(&self) -> [u64; 4] {
        let mut constant = INIT_B;
        let mut words = [0u32; 8];
        for (i, word) in words.iter_mut().enumerate() {
            let mut value = self.pool[i % 4] ^ constant;
            constant = constant.wrapping_mul(MULT_B);
            value = value.wrapping_mul(constant);
            *word = value ^ (value >> 16);
        }
        std::array::from_fn(|i| u64::from(words[2 * i]) | u64::from(words[2 * i + 1]) << 32)
    }
}

/// The generator.
#[derive(Clone, Debug)]
pub struct Pcg64 {
    state: u128,
    increment: u128,
    /// The unused upper half of the last draw that was asked for 32 bits only.
    half: Option<u32>,
}

const MULTIPLIER: u128 = (2_549_297_995_355_413_924 << 64) | 4_865_540_595_714_422_341;

impl Pcg64 {
    /// A generator from words; different words give independent streams.
    pub fn from_words(words: &[u32]) -> Self {
        let [a, b, c, d] = SeedSequence::new(words).states();
        let join = |high: u64, low: u64| u128::from(high) << 64 | u128::from(low);
        let increment = join(c, d) << 1 | 1;
        let mut generator = Self { state: increment, increment, half: None };
        generator.state = generator.state.wrapping_add(join(a, b));
        generator.step();
        generator
    }

    /// The generator of numpy's `default_rng(seed)`.
    pub fn from_seed(seed: u64) -> Self {
        let (low, high) = (seed as u32, (seed >> 32) as u32);
        if high == 0 { Self::from_words(&[low]) } else { Self::from_words(&[low, high]) }
    }

    fn step(&mut self) {
        self.state = self.state.wrapping_mul(MULTIPLIER).wrapping_add(self.increment);
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.step();
        let folded = (self.state >> 64) as u64 ^ self.state as u64;
        folded.rotate_right((self.state >> 122) as u32)
    }

    /// The next 32 bits: the lower half of a draw, then its upper half.
    pub fn next_u32(&mut self) -> u32 {
        if let Some(half) = self.half.take() {
            return half;
        }
        let draw = self.next_u64();
        self.half = Some((draw >> 32) as u32);
        draw as u32
    }

    /// Uniform in [0, 1), a multiple of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in 0..=`last`, without bias: draws are cut to as many bits as `last` has until one
    /// fits (numpy's `random_interval`).
    pub fn up_to(&mut self, last: u64) -> u64 {
        if last == 0 {
            return 0;
        }
        let mask = u64::MAX >> last.leading_zeros();
        loop {
            let draw = match u32::try_from(last) {
                Ok(_) => u64::from(self.next_u32()),
                Err(_) => self.next_u64(),
            };
            if draw & mask <= last {
                return draw & mask;
            }
        }
    }

    /// Shuffles in place (Fisher-Yates from the end), the permutation of numpy's
    /// `Generator.shuffle` on an array of one dimension.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.up_to(i as u64) as usize;
            items.swap(i, j);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Expected values: numpy 2.x, `numpy.random.default_rng(SEED)`.
    #[test]
    fn draws_equal_those_of_an_independent_implementation() {
        let mut generator = Pcg64::from_seed(42);
        let draws: Vec<u64> = (0..4).map(|_| generator.next_u64()).collect();
        assert_eq!(
            draws,
            [
                14_276_969_152_011_380_360,
                8_095_878_257_575_067_585,
                15_838_336_090_824_644_132,
                12_864_169_557_245_331_597,
            ]
        );
        let mut generator = Pcg64::from_words(&[1, 2, 3, 4, 5, 6]);
        let draws: Vec<u64> = (0..3).map(|_| generator.next_u64()).collect();
        assert_eq!(
            draws,
            [11_470_276_255_390_519_954, 2_202_564_630_955_117_089, 15_477_703_713_457_848_045]
        );
        assert_eq!(Pcg64::from_seed(42).uniform(), 0.773_956_048_555_963_3);
    }

    #[test]
    fn ranges_are_filled_evenly_and_never_left() {
        let mut generator = Pcg64::from_seed(7);
        let mut counts = [0u32; 7];
        for _ in 0..70_000 {
            counts[generator.up_to(6) as usize] += 1;
        }
        assert!(counts.iter().all(|&n| (9_500..10_500).contains(&n)), "{counts:?}");
        for last in [0, 1, u64::from(u32::MAX) - 1, u64::from(u32::MAX), 1 << 40, u64::MAX] {
            assert!((0..100).all(|_| generator.up_to(last) <= last));
        }
    }

    #[test]
    fn shuffles_equal_those_of_an_independent_implementation() {
        // numpy: a = arange(n); default_rng(42).shuffle(a); (a * arange(n)).sum()
        for (n, sum) in
            [(7, 55), (109, 308_956), (400, 15_356_270), (1018, 262_838_766), (1712, 1_258_676_419)]
        {
            let mut list: Vec<u64> = (0..n).collect();
            Pcg64::from_seed(42).shuffle(&mut list);
            assert_eq!(list.iter().enumerate().map(|(i, &x)| i as u64 * x).sum::<u64>(), sum, "n = {n}");
        }
        let mut list: Vec<u32> = (0..20).collect();
        Pcg64::from_seed(42).shuffle(&mut list);
        assert_eq!(list, [15, 9, 14, 7, 12, 10, 6, 19, 3, 0, 16, 5, 11, 18, 2, 4, 17, 1, 13, 8]);
    }
}
