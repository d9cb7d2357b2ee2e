//! A document as Markdown, its plots and pictures as files beside it.

use crate::document::{Block, Document};
use crate::escape::{markdown, markdown_code_block, markdown_line};
use std::fmt::Write;

/// Name of the folder of plots and pictures beside the page.
pub(crate) const PLOTS: &str = "plots";

/// The page.
pub(crate) fn page(document: &Document) -> String {
    let mut text = format!("# {}\n\n{}\n", markdown(&document.title), markdown_line(&document.lead));
    for section in &document.sections {
        let _ = write!(text, "\n{} {}\n", "#".repeat(section.depth + 1), markdown(&section.title));
        for block in &section.blocks {
            let _ = write!(text, "\n{}", block_markdown(block));
        }
    }
    text
}

fn block_markdown(block: &Block) -> String {
    let mut text = String::new();
    match block {
        Block::Text(words) => {
            let _ = writeln!(text, "{}", markdown_line(words));
        }
        Block::List(items) => {
            for item in items {
                let _ = writeln!(text, "- {}", markdown_line(item));
            }
        }
        Block::Code(lines) => {
            let _ = writeln!(text, "{}", markdown_code_block(lines));
        }
        Block::Table { caption, table } => {
            let _ = write!(text, "{}\n\n{}", markdown_line(caption), table.markdown());
        }
        Block::Plots(plots) => {
            for plot in plots {
                let _ = writeln!(
                    text,
                    "![{}]({PLOTS}/{1}.svg) ([data]({PLOTS}/{1}.csv))\n",
                    markdown(&plot.title.replace('`', "")),
                    plot.name
                );
            }
        }
        Block::Pictures { caption, pictures } => {
            let _ = writeln!(text, "{}\n", markdown_line(caption));
            for picture in pictures {
                let _ = writeln!(text, "![{}]({PLOTS}/{}.png)", markdown(&picture.caption), picture.name);
            }
        }
    }
    text
}
