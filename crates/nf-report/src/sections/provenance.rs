//! Data, machines and the exact commands behind runs.

use crate::document::{Block, Section};
use crate::sources::ReportOptions;
use nf_bench::Run;

/// Data, machines and the exact commands.
pub(super) fn section(runs: &[Run], options: &ReportOptions) -> Section {
    let mut section = Section::new("Data, machine, commands");
    let mut data: Vec<String> = vec![];
    let mut machines: Vec<String> = vec![];
    let mut commands: Vec<String> = vec![];
    for run in runs {
        for card in &run.cards {
            let line = format!("`{card}`: {}; from {}; licence: {}", card.title, card.origin, card.licence);
            if !data.contains(&line) {
                data.push(line);
            }
        }
        for machine in &run.machines {
            let build = &machine.build;
            let load =
                machine.load_1min.map_or(String::new(), |load| format!(", load {load:.1} at the start"));
            machines.push(format!(
                "{}: {}; from {}{load}; noisefloor {} at commit `{}` ({}), {}",
                run.suite.name,
                machine.line(),
                machine.started_utc,
                build.version,
                build.commit.get(..12).unwrap_or(&build.commit),
                build.dirty,
                build.toolchain
            ));
            commands.push(machine.command.clone());
        }
    }
    commands.push(options.command.clone());
    section.blocks.extend([Block::List(data), Block::List(machines), Block::Code(commands.join("\n"))]);
    section.text(
        "Columns are defined in `docs/methodology.md`. One thread per codec unless a column says otherwise.",
    );
    section
}
