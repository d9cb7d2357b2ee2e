//! format-floor-max.md, 16.2: biases.

/// A bias.
#[derive(Clone, Copy)]
pub(crate) struct Bias {
    pub value: f32,
    precision: f32,
}

impl Bias {
    /// 17.5, step 4.
    pub(crate) fn update(&mut self, info: f32, e: f32) {
        self.precision += info;
        self.value += e / self.precision;
    }
}

/// 16.2: all biases.
pub(crate) struct Biases {
    pub slow: Vec<Bias>,
    pub fast: Vec<Bias>,
    pub shared: Vec<Bias>,
    pub local: Vec<Vec<Bias>>,
}

impl Biases {
    /// format-floor.md, 19.9: multiplies all precisions by `factor`.
    pub(crate) fn multiply_precisions(&mut self, factor: f32) {
        let local = self.local.iter_mut().flatten();
        for bias in self.slow.iter_mut().chain(&mut self.fast).chain(&mut self.shared).chain(local) {
            bias.precision *= factor;
        }
    }

    /// The biases at first.
    pub(crate) fn new() -> Self {
        let biases = |count: usize, precision: f32| vec![Bias { value: 0.0, precision }; count];
        Self {
            // 65536 for every position of format-floor.md, 20.7.
            slow: biases(8 * 65536, 100.0),
            fast: biases(8 * 65536, 5.0),
            shared: biases(273, 400.0),
            local: vec![biases(8704, 10.0); 11],
        }
    }
}
