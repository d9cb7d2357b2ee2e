//! `noisefloor codecs`: the registry.

use crate::files::output::text;
use crate::registry::registry;
use anyhow::Result;
use serde_json::json;
use std::io::Write;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let registry = registry();
    let mut out = text();
    if args.json {
        let entries: Vec<_> = registry
            .entries()
            .iter()
            .map(|entry| {
                // A codec that cannot be built without options, such as a net without weights,
                // tells neither.
                let codec = registry.build(&nf_codec::Spec::new(entry.name)).ok();
                let options: Vec<_> = entry
                    .options
                    .iter()
                    .map(|o| json!({"key": o.key, "values": o.values, "default": o.default, "help": o.help}))
                    .collect();
                json!({
                    "name": entry.name,
                    "summary": entry.summary,
                    "source": entry.source,
                    "options": options,
                    "planes": codec.as_ref().map(|codec| codec.planes().name()),
                    "reproducibility": codec.as_ref().map(|codec| codec.reproducibility().name()),
                })
            })
            .collect();
        writeln!(out, "{:#}", serde_json::Value::Array(entries))?;
        return Ok(());
    }
    for entry in registry.entries() {
        writeln!(out, "{:<12} {}", entry.name, entry.summary)?;
        writeln!(out, "{:12} {}", "", entry.source)?;
        for option in entry.options {
            let default = format!("{}={} ({})", option.key, option.default, option.values);
            writeln!(out, "{:12}   {default}: {}", "", option.help)?;
        }
    }
    writeln!(out, "\nUse one as `noisefloor compress --codec NAME:key=value,key=value IN OUT`.")?;
    Ok(())
}
