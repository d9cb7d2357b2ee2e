//! A convolution as numbers.

use crate::geometry::Geometry;

/// The numbers of a convolution or transposed convolution.
#[derive(Clone, Debug)]
pub struct ConvLayer {
    pub(crate) geometry: Geometry,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    /// (rows, columns, in, [`padded`] out)
    weights: Vec<f32>,
    /// ([`padded`] out)
    pub(crate) bias: Vec<f32>,
}

impl ConvLayer {
    /// A layer from its trained parameters. With `gain`, under weight normalisation: the weights of
    /// output `o` are `gain[o] * direction[o] / |direction[o]|` (Salimans and Kingma 2016,
    /// arXiv:1602.07868, eq. 2), computed in a fixed order.
    ///
    /// # Shapes
    /// `channels`: out, in. `direction`: (out, in, rows, columns). `gain` and `bias`: (out).
    ///
    /// # Panics
    /// If lengths contradict `geometry` and `channels`.
    pub fn new(
        geometry: Geometry,
        channels: [usize; 2],
        direction: &[f32],
        gain: Option<&[f32]>,
        mut bias: Vec<f32>,
    ) -> Self {
        let ([outputs, inputs], [rows, columns]) = (channels, geometry.kernel);
        let taps = rows * columns;
        assert_eq!(direction.len(), outputs * inputs * taps, "weights of a layer");
        assert_eq!(bias.len(), outputs, "biases of a layer");
        let lanes = padded(outputs);
        bias.resize(lanes, 0.0);
        let mut weights = vec![0.0; taps * inputs * lanes];
        for (o, of_output) in direction.chunks(inputs * taps).enumerate() {
            let factor = gain.map_or(1.0, |gain| {
                let square: f64 = of_output.iter().map(|&w| f64::from(w) * f64::from(w)).sum();
                f64::from(gain[o]) / square.sqrt()
            });
            for (i, of_input) in of_output.chunks(taps).enumerate() {
                for (tap, &w) in of_input.iter().enumerate() {
                    weights[(tap * inputs + i) * lanes + o] = (f64::from(w) * factor) as f32;
                }
            }
        }
        Self { geometry, inputs, outputs, weights, bias }
    }

    /// Products for an output pixel (of a transposed convolution: for an input pixel).
    pub(crate) fn products(&self) -> usize {
        self.geometry.kernel.iter().product::<usize>() * self.inputs * self.outputs
    }

    /// Weights of tap (i, j), (in, [`padded`] out).
    pub(crate) fn tap(&self, i: usize, j: usize) -> &[f32] {
        let size = self.inputs * padded(self.outputs);
        &self.weights[(i * self.geometry.kernel[1] + j) * size..][..size]
    }
}

/// The outputs with those that fill the last register: 4, 8 or 16 numbers.
pub(crate) fn padded(outputs: usize) -> usize {
    match outputs % 16 {
        0 => outputs,
        1..=4 => outputs.next_multiple_of(4),
        5..=8 => outputs.next_multiple_of(8),
        _ => outputs.next_multiple_of(16),
    }
}
