//! Parameters by name, and the safetensors file that keeps them.

use crate::parameters::{ConvSpec, Initial, Order, ParameterSource};
use nf_engine::ConvLayer;
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One parameter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Values,
}

/// Its numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values {
    Float(Vec<f32>),
    Int(Vec<i32>),
    /// Trained numbers of a net of integers.
    Short(Vec<i16>),
}

/// Parameters by name, such as `levels.0.flows.1.net.last.bias`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Weights(BTreeMap<String, Array>);

impl Weights {
    /// The parameters in a safetensors file.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn parse(file: &[u8]) -> Result<Self, String> {
        let tensors = SafeTensors::deserialize(file).map_err(|error| error.to_string())?;
        let array = |(name, tensor): (&str, safetensors::tensor::TensorView<'_>)| {
            let words = tensor.data().as_chunks().0.iter();
            let shorts = tensor.data().as_chunks().0.iter();
            let values = match tensor.dtype() {
                Dtype::F32 => Values::Float(words.map(|&word| f32::from_le_bytes(word)).collect()),
                Dtype::I32 => Values::Int(words.map(|&word| i32::from_le_bytes(word)).collect()),
                Dtype::I16 => Values::Short(shorts.map(|&short| i16::from_le_bytes(short)).collect()),
                other => return Err(format!("'{name}' is of type {other}, expected F32, I32 or I16")),
            };
            Ok((name.to_owned(), Array { shape: tensor.shape().to_vec(), values }))
        };
        tensors.iter().map(array).collect::<Result<_, _>>().map(Self)
    }

    /// A safetensors file of the parameters: equal ones give equal bytes.
    ///
    /// # Errors
    /// What the library says.
    #[cfg(feature = "train")]
    pub(crate) fn to_file(&self) -> Result<Vec<u8>, String> {
        // One entry: several would come in another order each time.
        let metadata = [("format".to_owned(), "safetensors".to_owned())].into();
        safetensors::serialize(&self.0, Some(metadata)).map_err(|error| error.to_string())
    }

    /// Adds a parameter.
    #[cfg(feature = "train")]
    pub(crate) fn insert(&mut self, name: String, array: Array) {
        self.0.insert(name, array);
    }

    /// Number of trained numbers; integers of 32 bits are chosen, not trained.
    pub(crate) fn parameters(&self) -> u64 {
        let trained = |array: &Array| match &array.values {
            Values::Float(values) => values.len() as u64,
            Values::Short(values) => values.len() as u64,
            Values::Int(_) => 0,
        };
        self.0.values().map(trained).sum()
    }

    /// The parameters with each array changed.
    #[cfg(any(test, feature = "train"))]
    pub(crate) fn map(self, mut change: impl FnMut(&str, Array) -> Array) -> Self {
        let change = |(name, array): (String, Array)| {
            let changed = change(&name, array);
            (name, changed)
        };
        Self(self.0.into_iter().map(change).collect())
    }

    /// Takes out the parameter `name`.
    ///
    /// # Errors
    /// If there is none, or it has another shape.
    pub(crate) fn take(&mut self, name: &str, shape: &[usize]) -> Result<Values, String> {
        let array = self.0.remove(name).ok_or_else(|| format!("'{name}' is missing"))?;
        if array.shape != shape {
            return Err(format!("'{name}' has shape {:?}, expected {shape:?}", array.shape));
        }
        Ok(array.values)
    }

    /// Refuses parameters that nobody took.
    ///
    /// # Errors
    /// The first of them.
    pub(crate) fn finish(self) -> Result<(), String> {
        match self.0.keys().next() {
            Some(name) => Err(format!("holds '{name}', which the network of the card does not have")),
            None => Ok(()),
        }
    }

    fn floats(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        match self.take(name, shape)? {
            Values::Float(values) => Ok(values),
            Values::Int(_) | Values::Short(_) => Err(format!("'{name}' holds integers, expected F32")),
        }
    }
}

#[cfg(feature = "train")]
impl safetensors::View for &Array {
    fn dtype(&self) -> Dtype {
        match &self.values {
            Values::Float(_) => Dtype::F32,
            Values::Int(_) => Dtype::I32,
            Values::Short(_) => Dtype::I16,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> std::borrow::Cow<'_, [u8]> {
        match &self.values {
            Values::Float(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Values::Int(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Values::Short(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }

    fn data_len(&self) -> usize {
        match &self.values {
            Values::Float(values) => size_of_val(&values[..]),
            Values::Int(values) => size_of_val(&values[..]),
            Values::Short(values) => size_of_val(&values[..]),
        }
    }
}

#[cfg(test)]
impl FromIterator<(String, Array)> for Weights {
    fn from_iter<I: IntoIterator<Item = (String, Array)>>(arrays: I) -> Self {
        Self(arrays.into_iter().collect())
    }
}

/// Layers of a trained network as plain numbers.
impl ParameterSource for Weights {
    type Conv = Arc<ConvLayer>;
    type Array<const D: usize> = Vec<f32>;
    type Permutation = Vec<usize>;

    fn conv(&mut self, path: &str, spec: ConvSpec) -> Result<Arc<ConvLayer>, String> {
        let ConvSpec { inputs, outputs, geometry, .. } = spec;
        let [rows, columns] = geometry.kernel;
        let direction = self.floats(&format!("{path}.direction"), &[outputs, inputs, rows, columns])?;
        let gain = match spec.weight_normalised {
            true => Some(self.floats(&format!("{path}.gain"), &[outputs])?),
            false => None,
        };
        let bias = self.floats(&format!("{path}.bias"), &[outputs])?;
        let channels = [outputs, inputs];
        Ok(Arc::new(ConvLayer::new(geometry, channels, &direction, gain.as_deref(), bias)))
    }

    fn array<const D: usize>(
        &mut self,
        path: &str,
        shape: [usize; D],
        _: Initial,
    ) -> Result<Vec<f32>, String> {
        self.floats(path, &shape)
    }

    fn permutation(&mut self, path: &str, channels: usize, _: Order) -> Result<Vec<usize>, String> {
        let Values::Int(order) = self.take(path, &[channels])? else {
            return Err(format!("'{path}' holds fractions, expected I32"));
        };
        let mut sorted = order.clone();
        sorted.sort_unstable();
        if sorted.iter().zip(0..).any(|(&channel, place)| channel != place) {
            return Err(format!("'{path}' is no permutation: {order:?}"));
        }
        Ok(order.into_iter().map(|channel| channel as usize).collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at any surprise")]
mod tests {
    use super::*;
    use nf_engine::Geometry;
    use proptest::prelude::*;

    /// A file of one 1x1 layer of two outputs and an order, from its header and data.
    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
    }

    const HEADER: &str = r#"{"layer.direction":{"dtype":"F32","shape":[2,1,1,1],"data_offsets":[0,8]},
        "layer.bias":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},
        "order":{"dtype":"I32","shape":[2],"data_offsets":[16,24]}}"#;

    fn data(order: [i32; 2]) -> Vec<u8> {
        let floats = [0.5_f32, -1.0, 0.25, 2.0].into_iter().flat_map(f32::to_le_bytes);
        floats.chain(order.into_iter().flat_map(i32::to_le_bytes)).collect()
    }

    fn read(weights: &mut Weights) -> Result<Vec<usize>, String> {
        weights.conv("layer", ConvSpec::plain(1, 2, Geometry::centred(1), 1.0))?;
        let order = weights.permutation("order", 2, Order::Random)?;
        std::mem::take(weights).finish()?;
        Ok(order)
    }

    #[test]
    fn parameters_are_read_by_name() {
        let mut weights = Weights::parse(&file(HEADER, &data([1, 0]))).unwrap();
        assert_eq!(weights.parameters(), 4);
        assert_eq!(read(&mut weights).unwrap(), [1, 0]);
    }

    #[test]
    fn errors_name_the_parameter() {
        let error = |from: &str, to: &str, order: [i32; 2]| {
            let header = HEADER.replace(from, to);
            Weights::parse(&file(&header, &data(order))).and_then(|mut w| read(&mut w)).unwrap_err()
        };
        for (from, to, words) in [
            ("layer.bias", "layer.base", "'layer.bias' is missing"),
            (r#""shape":[2]"#, r#""shape":[1,2]"#, "'layer.bias' has shape [1, 2], expected [2]"),
            ("I32", "F32", "'order' holds fractions"),
            ("I32", "U32", "'order' is of type U32"),
            ("order", "orders", "'order' is missing"),
            ("[16,24]", "[16,28]", "offset"),
        ] {
            let text = error(from, to, [1, 0]);
            assert!(text.to_lowercase().contains(&words.to_lowercase()), "{text}");
        }
        assert!(error("", "", [1, 1]).contains("no permutation"));
        let mut more = Weights::parse(&file(HEADER, &data([1, 0]))).unwrap();
        more.conv("layer", ConvSpec::plain(1, 2, Geometry::centred(1), 1.0)).unwrap();
        assert!(more.finish().unwrap_err().contains("holds 'order'"));
    }

    proptest! {
        #[test]
        fn damaged_files_are_errors(at in 0_usize..300, byte: u8, length in 0_usize..300) {
            let mut bytes = file(HEADER, &data([1, 0]));
            let last = bytes.len() - 1;
            bytes[at.min(last)] ^= byte;
            bytes.truncate(length);
            if let Ok(mut weights) = Weights::parse(&bytes) {
                let _ = read(&mut weights);
            }
        }
    }
}
