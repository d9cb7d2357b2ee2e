//! Windows of maps as rows of tokens, (N, C, windows, tokens), on tensors.

use burn::tensor::activation::softmax;
use burn::tensor::{Int, Tensor, TensorData};
use nf_engine::{NORM_FLOOR, Windows};

/// A map whose pixels are those of another, in rows of `width`.
fn gathered(from: &Tensor<4>, sources: Vec<usize>, width: usize) -> Tensor<4> {
    let [n, c, h, w] = from.dims();
    let count = sources.len();
    let sources: Vec<i64> = sources.into_iter().map(|source| source as i64).collect();
    let sources = Tensor::<1, Int>::from_data(TensorData::new(sources, [count]), &from.device());
    from.clone().reshape([n, c, h * w]).select(2, sources).reshape([n, c, count / width, width])
}

pub(super) fn windows(from: &Tensor<4>, windows: Windows) -> Tensor<4> {
    let [_, _, h, w] = from.dims();
    gathered(from, windows.sources(h, w), windows.size * windows.size)
}

pub(super) fn join_windows(from: &Tensor<4>, windows: Windows, like: &Tensor<4>) -> Tensor<4> {
    let [_, _, h, w] = like.dims();
    gathered(from, windows.tokens(h, w), w)
}

/// Numbers (tokens, channels) added to every row.
pub(super) fn add_to_rows(to: &Tensor<4>, numbers: Tensor<1>) -> Tensor<4> {
    let [_, c, _, tokens] = to.dims();
    to.clone() + numbers.reshape([tokens, c]).transpose().reshape([1, c, 1, tokens])
}

pub(super) fn layer_norm(from: &Tensor<4>, [gain, bias]: [Tensor<1>; 2]) -> Tensor<4> {
    let c = from.dims()[1];
    let centred = from.clone() - from.clone().mean_dim(1);
    let deviation = (centred.clone().square().mean_dim(1) + NORM_FLOOR).sqrt();
    centred / deviation * gain.reshape([1, c, 1, 1]) + bias.reshape([1, c, 1, 1])
}

pub(super) fn attention([queries, keys, values]: [&Tensor<4>; 3], heads: usize) -> Tensor<4> {
    let [n, c, rows, tokens] = queries.dims();
    let of_head = c / heads;
    let by_row = |map: &Tensor<4>| -> Tensor<3> {
        let tokens = map.dims()[3];
        let parts: Tensor<5> = map.clone().reshape([n, heads, of_head, rows, tokens]);
        parts.permute([0, 1, 3, 4, 2]).reshape([n * heads * rows, tokens, of_head])
    };
    let products = by_row(queries).matmul(by_row(keys).swap_dims(1, 2)) / (of_head as f64).sqrt();
    let means = softmax(products, 2).matmul(by_row(values));
    let parts: Tensor<5> = means.reshape([n, heads, rows, tokens, of_head]);
    parts.permute([0, 1, 4, 2, 3]).reshape([n, c, rows, tokens])
}
