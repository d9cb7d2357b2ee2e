//! `noisefloor codecs`: the registry.

use crate::files::output::text;
use crate::registry::{array_registry, registry};
use anyhow::Result;
use nf_codec::OptionDoc;
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
        let options_of = |options: &[OptionDoc]| -> Vec<serde_json::Value> {
            let one = |o: &OptionDoc| json!({"key": o.key, "values": o.values, "default": o.default, "help": o.help});
            options.iter().map(one).collect()
        };
        let mut entries: Vec<_> = registry
            .entries()
            .iter()
            .map(|entry| {
                // A codec that cannot be built without options, such as a net without weights,
                // tells neither.
                let codec = registry.build(&nf_codec::Spec::new(entry.name)).ok();
                json!({
                    "name": entry.name,
                    "summary": entry.summary,
                    "source": entry.source,
                    "options": options_of(entry.options),
                    "planes": codec.as_ref().map(|codec| codec.planes().name()),
                    "reproducibility": codec.as_ref().map(|codec| codec.reproducibility().name()),
                })
            })
            .collect();
        entries.extend(array_registry().entries().iter().map(|entry| {
            json!({
                "name": entry.name,
                "summary": entry.summary,
                "source": entry.source,
                "options": options_of(entry.options),
                "of_arrays": true,
            })
        }));
        writeln!(out, "{:#}", serde_json::Value::Array(entries))?;
        return Ok(());
    }
    let line = |out: &mut dyn Write, name: &str, summary: &str, source: &str, options: &[OptionDoc]| {
        writeln!(out, "{name:<12} {summary}")?;
        writeln!(out, "{:12} {source}", "")?;
        options.iter().try_for_each(|option| {
            let default = format!("{}={} ({})", option.key, option.default, option.values);
            writeln!(out, "{:12}   {default}: {}", "", option.help)
        })
    };
    for entry in registry.entries() {
        line(&mut out, entry.name, entry.summary, entry.source, entry.options)?;
    }
    writeln!(out, "\nWith a loss of their own, for --bound; the value `bound` is what the bound says:\n")?;
    for entry in array_registry().entries() {
        line(&mut out, &entry.name, &entry.summary, &entry.source, entry.options)?;
    }
    writeln!(out, "\nUse one as `noisefloor compress --codec NAME:key=value,key=value IN OUT`.")?;
    Ok(())
}
