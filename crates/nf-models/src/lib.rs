//! The nets in Burn, one file per published network, and the bridge that makes a net a codec.
