//! A document as one HTML file that needs nothing else: no network, no other file.

use crate::document::{Block, Document, Grid, Picture};
use crate::draw::colours::dark_rules;
use crate::draw::plot::{FONT, Plot};
use crate::escape::{html, html_with_code, json_in_script};
use crate::slug::unique_slug;
use crate::table::Table;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeSet;
use std::fmt::Write;

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// The page.
pub(crate) fn page(document: &Document) -> String {
    let title = html(&document.title);
    let mut body = String::new();
    let _ = write!(body, "<header><h1>{title}</h1><p class=\"lead\">{}</p>", html_with_code(&document.lead));
    let ids = anchors(document);
    let parts = || ids.iter().zip(&document.sections).filter(|(_, section)| section.depth == 1);
    if parts().count() > 1 {
        body.push_str("<nav>");
        for (id, section) in parts() {
            let _ = write!(body, "<a href=\"#{id}\">{}</a> ", html(&section.title));
        }
        body.push_str("</nav>");
    }
    body.push_str("</header>\n<main>\n");
    for (id, section) in ids.iter().zip(&document.sections) {
        let level = section.depth + 1;
        let _ = writeln!(body, "<section id=\"{id}\"><h{level}>{}</h{level}>", html(&section.title));
        section.blocks.iter().for_each(|block| body.push_str(&block_html(block)));
        body.push_str("</section>\n");
    }
    body.push_str("</main>\n<div id=\"tip\" role=\"status\" hidden></div>\n");
    let style = format!("{STYLE}{FONT}{}", dark_rules());
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <style>{style}</style></head>\n<body>\n{body}<script>\n{SCRIPT}</script>\n</body></html>\n"
    )
}

/// A name for every section of its own.
fn anchors(document: &Document) -> Vec<String> {
    let mut taken = BTreeSet::new();
    document.sections.iter().map(|section| unique_slug(&section.title, "section", &mut taken)).collect()
}

fn block_html(block: &Block) -> String {
    match block {
        Block::Text(text) => format!("<p>{}</p>\n", html_with_code(text)),
        Block::List(items) => {
            let items: String =
                items.iter().map(|item| format!("<li>{}</li>", html_with_code(item))).collect();
            format!("<ul>{items}</ul>\n")
        }
        Block::Code(text) => {
            let lines: Vec<String> = text.lines().map(html).collect();
            format!("<pre><code>{}</code></pre>\n", lines.join("\n"))
        }
        Block::Table { caption, table } => table_html(caption, table),
        Block::Plots(plots) => {
            let plots: String = plots.iter().map(plot_html).collect();
            format!("<div class=\"plots\">{plots}</div>\n")
        }
        Block::Pictures { caption, pictures } => {
            let pictures: String = pictures.iter().map(picture_html).collect();
            format!(
                "<div class=\"frame\"><h4>{}</h4><div class=\"pictures\">{pictures}</div></div>\n",
                html_with_code(caption)
            )
        }
    }
}

fn table_html(caption: &str, table: &Table) -> String {
    let Some((head, rows)) = table.rows.split_first() else { return String::new() };
    let class: Vec<&str> =
        table.prose().into_iter().map(|prose| if prose { " class=\"prose\"" } else { "" }).collect();
    let heads: String = head
        .iter()
        .zip(&class)
        .map(|(cell, class)| {
            format!("<th scope=\"col\"{class}><button type=\"button\">{}</button></th>", html_with_code(cell))
        })
        .collect();
    let mut text = format!(
        "<p class=\"caption\">{}</p><div class=\"scroll\" tabindex=\"0\"><table><thead><tr>{heads}</tr></thead><tbody>",
        html_with_code(caption)
    );
    for row in rows {
        text.push_str("<tr>");
        for (column, cell) in row.iter().enumerate() {
            let tag = if column == 0 { "th scope=\"row\"" } else { "td" };
            let close = if column == 0 { "th" } else { "td" };
            let class = class.get(column).copied().unwrap_or_default();
            let _ = write!(text, "<{tag}{class}>{}</{close}>", html_with_code(cell));
        }
        text.push_str("</tr>");
    }
    text + "</tbody></table></div>\n"
}

fn plot_html(plot: &Plot) -> String {
    let (width, height) = plot.size_px;
    // The library states width and height only; with a view box the drawing follows the width of
    // the page.
    let svg =
        plot.svg.replacen("<svg ", &format!("<svg role=\"img\" aria-label=\"{}\" ", html(&plot.title)), 1);
    let svg = svg.replacen(&format!("width=\"{width}\" height=\"{height}\" "), "", 1);
    let spots = serde_json::to_string(&plot.spots).expect("numbers and texts print as JSON");
    let class = if plot.wide { "plot wide" } else { "plot" };
    format!(
        "<figure class=\"{class}\"><figcaption>{}</figcaption><div class=\"scroll\" style=\"--w:{width}px\">{svg}</div>\
         <script type=\"application/json\">{}</script><p class=\"files\">{} {}</p></figure>",
        html_with_code(&plot.title),
        json_in_script(&spots),
        download(&plot.name, "svg", "image/svg+xml", plot.standalone_svg().as_bytes()),
        download(&plot.name, "csv", "text/csv", plot.csv.as_bytes()),
    )
}

fn picture_html(picture: &Picture) -> String {
    let mut text = format!(
        "<figure class=\"picture\"><img alt=\"{0}\" src=\"data:image/png;base64,{1}\">",
        html(&picture.caption),
        STANDARD.encode(&picture.png)
    );
    if let Some(grid) = &picture.grid {
        let Grid { rows, columns, values, unit, scale, colours } = grid;
        // 16 bits a value suffice for a number under the pointer, and a page holds many.
        let step = scale[0].abs().max(scale[1].abs()).max(1e-9) / 4096.0;
        let words = values.iter().map(|value| (value / step).clamp(-32767.0, 32767.0).round() as i16);
        let values = STANDARD.encode(words.flat_map(i16::to_le_bytes).collect::<Vec<u8>>());
        let data = serde_json::json!({
            "rows": rows, "columns": columns, "unit": unit, "step": step, "values": values,
        });
        let _ = write!(
            text,
            "<script type=\"application/json\">{}</script><div class=\"bar\"><span>{:.2}</span>\
             <i style=\"background:linear-gradient(90deg,{})\"></i><span>{:.2} {}</span></div>",
            json_in_script(&data.to_string()),
            scale[0],
            colours.join(","),
            scale[1],
            html(unit)
        );
    }
    let _ = write!(text, "<figcaption>{}</figcaption></figure>", html_with_code(&picture.caption));
    text
}

fn download(name: &str, ending: &str, kind: &str, bytes: &[u8]) -> String {
    let data = STANDARD.encode(bytes);
    format!(
        "<a download=\"{name}.{ending}\" href=\"data:{kind};base64,{data}\">{}</a>",
        ending.to_uppercase()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Section;

    #[test]
    fn nothing_from_outside_becomes_markup_and_nothing_is_fetched() {
        let mut section = Section::new("A <b> & c");
        section.text("`x<y`");
        section.table("cap", Table { rows: vec![vec!["<i>".into()], vec!["\"q\"".into()]] });
        let page = page(&Document { title: "<script>".into(), lead: "l".into(), sections: vec![section] });
        assert!(page.contains("<title>&lt;script&gt;</title>") && page.contains("<code>x&lt;y</code>"));
        assert!(page.contains("&lt;i&gt;") && page.contains("&quot;q&quot;"));
        for outside in ["http://", "https://", "src=\"/", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}
