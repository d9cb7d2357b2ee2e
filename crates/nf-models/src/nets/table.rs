//! What the table of networks expands to: the enums over all of them, and their matches.

/// Makes the enums of all networks: name => variant(extents, module).
macro_rules! networks {
    ($($(#[$doc:meta])+ $name:literal => $variant:ident($config:ty, $module:ty),)+) => {
        /// A network and its extents: what a model card states and an experiment may spell out.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "net")]
        #[non_exhaustive]
        pub enum NetConfig {
            $($(#[$doc])+ #[serde(rename = $name)] $variant($config),)+
        }

        /// Names of the networks.
        pub const NETS: &[&str] = &[$($name),+];

        impl NetConfig {
            /// The network's name, as in [`NETS`].
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)+ }
            }

            fn named(name: &str, size: &str) -> Option<Self> {
                match name {
                    $($name => <$config>::preset(size).map(Self::$variant),)+
                    _ => None,
                }
            }

            fn network(&self) -> &dyn Network {
                match self { $(Self::$variant(config) => config,)+ }
            }

            fn network_mut(&mut self) -> &mut dyn Network {
                match self { $(Self::$variant(config) => config,)+ }
            }
        }

        /// A network with its weights, as a Burn module.
        #[cfg(feature = "train")]
        #[allow(clippy::large_enum_variant, reason = "one at a time, and its weights are elsewhere")]
        #[derive(Module, Debug)]
        pub enum Net {
            $($(#[$doc])+ $variant($module),)+
        }

        #[cfg(feature = "train")]
        impl NetConfig {
            fn module(&self, device: &Device, seed: u64) -> Net {
                match self { $(Self::$variant(config) => Net::$variant(config.init(device, seed)),)+ }
            }

            fn copies_of_maps(&self) -> f64 {
                match self { $(Self::$variant(_) => <$config>::COPIES_OF_MAPS,)+ }
            }
        }

        #[cfg(feature = "train")]
        impl Net {
            /// Its extents.
            pub fn config(&self) -> NetConfig {
                match self { $(Self::$variant(net) => NetConfig::$variant(net.config().clone()),)+ }
            }

            fn module_loss(&self, tiles: Tensor<4>) -> Result<Tensor<1>> {
                match self { $(Self::$variant(net) => net.loss(tiles),)+ }
            }

            fn module_draws(&self) -> bool {
                match self { $(Self::$variant(net) => net.draws(),)+ }
            }

            fn initialised(self, tiles: Tensor<4>) -> Result<Self> {
                Ok(match self { $(Self::$variant(net) => Self::$variant(net.data_dependent_init(tiles)?),)+ })
            }
        }
    };
}
pub(super) use networks;
