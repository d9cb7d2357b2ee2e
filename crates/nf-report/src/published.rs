//! Figures that others have published, as data with their source.

use serde::Deserialize;

/// One published figure.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// The dataset, as suites name it.
    pub dataset: String,
    /// The codec, as the source names it.
    pub codec: String,
    /// The spec here that comes closest; empty if there is none.
    pub codec_here: String,
    /// Raw by coded; whether pooled or a mean of images, the source does not say.
    pub ratio: f64,
    /// What kind of figure it is, where it is not plainly measured.
    pub remark: String,
    /// Where it stands.
    pub source: String,
}

/// Every figure that the project keeps: `results/published/*.csv`.
pub fn published() -> Vec<Published> {
    const ASTROCOMPRESS: &str = include_str!("../../../results/published/astrocompress.csv");
    let mut reader = csv::Reader::from_reader(ASTROCOMPRESS.as_bytes());
    reader.deserialize().collect::<Result<_, _>>().expect("a test reads the embedded figures")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_figures_are_complete_and_name_their_source() {
        let figures = published();
        assert!(figures.iter().all(|f| (1.0..16.0).contains(&f.ratio) && f.source.contains("2506.08306")));
        for dataset in ["lco", "keck", "hst", "jwst", "sdss", "jwst-res", "sdss-3d", "sdss-3t"] {
            let of = |codec: &str| {
                figures.iter().find(|f| f.dataset == dataset && f.codec == codec).map(|f| f.ratio)
            };
            // JPEG XL at its best was the best measured codec that is not a net, everywhere.
            let best = of("JPEG-XL max").unwrap();
            assert!(
                ["JPEG-XL", "JPEG-LS", "JPEG-2000", "RICE"].iter().all(|c| of(c).unwrap() <= best),
                "{dataset}"
            );
        }
        assert!(
            figures.iter().all(|f| f.codec_here.is_empty() || f.codec_here.parse::<nf_codec::Spec>().is_ok())
        );
    }
}
