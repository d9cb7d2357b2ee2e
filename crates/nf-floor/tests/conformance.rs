//! The conformance kit over every level.

use nf_codec::conformance::{Effort, check};

#[test]
fn every_level_conforms() {
    for level in nf_floor::Level::ALL {
        let spec = format!("floor:level={level}").parse().expect("the name and a level are a spec");
        check(&spec, &|spec| (nf_floor::ENTRY.build)(spec), Effort::default());
    }
}

#[cfg(feature = "experiments")]
#[test]
fn any_number_of_taps_conforms() {
    for taps in [4, 20, 64] {
        let spec = format!("floor-context:taps={taps}").parse().expect("the name and a number are a spec");
        check(
            &spec,
            &|spec| (nf_floor::FLOOR_CONTEXT.build)(spec),
            Effort { mutations: 500, ..Effort::default() },
        );
    }
}
