//! Between the parameters of a Burn module and parameters by name.

use crate::weights::{Array, Values, Weights};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Int, Tensor, TensorData};

/// The name of the parameter being visited: fields and indices joined by dots, without the variant
/// of an enum.
#[derive(Default)]
struct Path(Vec<Option<String>>);

impl Path {
    fn enter(&mut self, name: &str, container: &str) {
        self.0.push((!container.starts_with("Enum:")).then(|| name.to_owned()));
    }

    fn exit(&mut self) {
        self.0.pop();
    }

    fn name(&self) -> String {
        self.0.iter().flatten().map(String::as_str).collect::<Vec<_>>().join(".")
    }
}

/// All parameters of a module.
pub(crate) fn weights_of<M: Module>(module: &M) -> Weights {
    let mut collect = Collect::default();
    module.visit(&mut collect);
    collect.weights
}

#[derive(Default)]
struct Collect {
    path: Path,
    weights: Weights,
}

impl Collect {
    fn insert(&mut self, shape: &[usize], values: Values) {
        self.weights.insert(self.path.name(), Array { shape: shape.to_vec(), values });
    }
}

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        let data = value.to_data().try_to_vec::<f32>().expect("parameters are f32");
        self.insert(&value.dims(), Values::Float(data));
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        let value = param.val();
        let data = value.to_data().try_to_vec_as::<i32>().expect("integers of modules are small");
        self.insert(&value.dims(), Values::Int(data));
    }

    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }
}

/// The module with these parameters in place of its own.
///
/// # Errors
/// The parameter that is missing, too many, or of another shape.
pub(crate) fn with_weights<M: Module>(module: M, weights: Weights) -> Result<M, String> {
    let mut replace = Replace { path: Path::default(), weights, error: None };
    let module = module.map(&mut replace);
    match replace.error {
        Some(error) => Err(error),
        None => replace.weights.finish().map(|()| module),
    }
}

struct Replace {
    path: Path,
    weights: Weights,
    /// The first one.
    error: Option<String>,
}

impl Replace {
    fn take(&mut self, shape: &[usize]) -> Option<Values> {
        let name = self.path.name();
        self.weights.take(&name, shape).map_err(|error| self.error.get_or_insert(error)).ok()
    }

    fn wrong_type(&mut self) {
        let name = self.path.name();
        self.error.get_or_insert_with(|| format!("'{name}' is of another type"));
    }
}

impl ModuleMapper for Replace {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.val().dims();
        match self.take(&shape) {
            Some(Values::Float(values)) => param.map(|old| {
                let data = TensorData::new(values, shape);
                Tensor::from_data(data, &old.device()).set_require_grad(old.is_require_grad())
            }),
            Some(Values::Int(_) | Values::Short(_)) => {
                self.wrong_type();
                param
            }
            None => param,
        }
    }

    fn map_int<const D: usize>(&mut self, param: Param<Tensor<D, Int>>) -> Param<Tensor<D, Int>> {
        let shape = param.val().dims();
        match self.take(&shape) {
            Some(Values::Int(values)) => {
                param.map(|old| Tensor::from_data(TensorData::new(values, shape), &old.device()))
            }
            Some(Values::Float(_) | Values::Short(_)) => {
                self.wrong_type();
                param
            }
            None => param,
        }
    }

    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }
}
