//! Text from outside (names of datasets, images and files, reasons of errors) where it could be
//! taken for something else than text.

/// The text in one line in which every character is shown instead of acting: line breaks and tabs
/// become spaces; other controls, and marks that reorder text, are written as `\u{1b}`.
pub fn printable(text: &str) -> String {
    let is_break = |c: char| matches!(c, '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}');
    nf_data::printable(&text.replace(is_break, " "))
}

/// HTML that shows the text, also within an attribute in quotes.
pub(crate) fn html(text: &str) -> String {
    let text = printable(text);
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// HTML that shows the text, with words between back quotes as code.
pub(crate) fn html_with_code(text: &str) -> String {
    let mut out = String::new();
    for (is_code, part) in code_spans(text) {
        match is_code {
            true => out.push_str(&format!("<code>{}</code>", html(&part))),
            false => out.push_str(&html(&part)),
        }
    }
    out
}

/// JSON for an element `script`: no `<`, with which an end of the element or a comment could begin.
pub(crate) fn json_in_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

/// Markdown (CommonMark with tables) that shows the text in a line of its own or in a cell, with
/// words between back quotes as code.
pub(crate) fn markdown(text: &str) -> String {
    let mut out = String::new();
    for (is_code, part) in code_spans(text) {
        if is_code {
            // Nothing acts within a code span, except that a bar would end the cell of a table.
            out.push_str(&format!("`{}`", printable(&part).replace('|', "\\|")));
        } else {
            markdown_text(&part, &mut out);
        }
    }
    out
}

/// Markdown that shows the text as code, whatever back quotes it has.
pub(crate) fn markdown_code(text: &str) -> String {
    let text = printable(text);
    let longest = longest_run(&text, '`');
    let fence = "`".repeat(longest + 1);
    if longest == 0 { format!("`{text}`") } else { format!("{fence} {text} {fence}") }
}

/// A block of Markdown that shows lines as they are.
pub(crate) fn markdown_code_block(text: &str) -> String {
    let fence = "`".repeat((longest_run(text, '`') + 1).max(3));
    let lines: Vec<String> = text.trim_end().lines().map(printable).collect();
    format!("{fence}\n{}\n{fence}", lines.join("\n"))
}

/// Length of the longest run of a character.
fn longest_run(text: &str, of: char) -> usize {
    text.split(|c| c != of).map(|run| run.chars().count()).max().unwrap_or(0)
}

/// Markdown for text that begins a line: what would make it a heading, a list or a quotation as
/// well.
pub(crate) fn markdown_line(text: &str) -> String {
    let text = markdown(text.trim_start());
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let mut rest = text[digits..].chars();
    let (first, second) = (rest.next(), rest.next());
    let then_space = second.is_none_or(char::is_whitespace);
    let is_marker = match first {
        Some('#' | '=' | '~') => digits == 0,
        Some('-' | '+') => digits == 0 && (then_space || second == first),
        Some('.' | ')') => digits > 0 && then_space,
        _ => false,
    };
    if is_marker { format!("{}\\{}", &text[..digits], &text[digits..]) } else { text }
}

/// Appends text outside of code spans.
fn markdown_text(text: &str, out: &mut String) {
    let chars: Vec<char> = printable(text).chars().collect();
    let alphanumeric = |at: Option<usize>| {
        at.and_then(|at| chars.get(at)).is_some_and(|c: &char| c.is_alphanumeric() || *c == '_')
    };
    for (at, &c) in chars.iter().enumerate() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // Within a word it emphasises nothing.
            '_' if alphanumeric(at.checked_sub(1)) && alphanumeric(Some(at + 1)) => out.push(c),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' => {
                out.push('\\');
                out.push(c);
            }
            '~' if chars.get(at + 1) == Some(&'~') || at > 0 && chars[at - 1] == '~' => out.push_str("\\~"),
            c => out.push(c),
        }
    }
}

/// The text cut at single back quotes, each part with whether it stands between two of them; a back
/// quote without a partner, or next to another, is text.
fn code_spans(text: &str) -> Vec<(bool, String)> {
    let bytes = text.as_bytes();
    let is_quote = |at: usize| bytes.get(at) == Some(&b'`');
    let single = |&at: &usize| is_quote(at) && !is_quote(at + 1) && (at == 0 || !is_quote(at - 1));
    let mut quotes: Vec<usize> = (0..bytes.len()).filter(single).collect();
    quotes.truncate(quotes.len() / 2 * 2);
    let mut spans = vec![];
    let mut start = 0;
    for (index, &at) in quotes.iter().enumerate() {
        spans.push((index % 2 == 1, text[start..at].to_owned()));
        start = at + 1;
    }
    spans.push((false, text[start..].to_owned()));
    spans
}

/// A text for a cell of CSV, line breaks kept, that a spreadsheet does not take for a formula.
/// (Quoting is done by whoever writes the file.)
pub(crate) fn csv_text(text: &str) -> String {
    let text = text.split('\n').map(printable).collect::<Vec<_>>().join("\n");
    let formula = text.starts_with(['=', '+', '-', '@']) && text.parse::<f64>().is_err();
    if formula { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts_in_html() {
        assert_eq!(html("<b a=\"x\">&amp;"), "&lt;b a=&quot;x&quot;&gt;&amp;amp;");
        assert_eq!(html_with_code("a `x<y` b ` c"), "a <code>x&lt;y</code> b ` c");
        assert_eq!(html("a\u{1b}[31m\nb\u{202e}"), "a\\u{1b}[31m b\\u{202e}");
        assert_eq!(
            json_in_script("\"<!--<script></script>\""),
            "\"\\u003c!--\\u003cscript>\\u003c/script>\""
        );
    }

    #[test]
    fn nothing_acts_in_markdown() {
        for (text, expected) in [
            ("hst_acs_raw 0.5", "hst_acs_raw 0.5"),
            ("<script>&", "&lt;script&gt;&amp;"),
            ("[a](http://b) ![c](d)", "\\[a\\](http://b) !\\[c\\](d)"),
            ("a*b*c _d_ e|f \\g", "a\\*b\\*c \\_d\\_ e\\|f \\\\g"),
            ("`a|b*` and `c", "`a\\|b*` and \\`c"),
            ("`` x", "\\`\\` x"),
            ("`a``b` <", "`a``b` &lt;"),
            ("~~x~~ ~y", "\\~\\~x\\~\\~ ~y"),
            ("a\n\n# b", "a  # b"),
        ] {
            assert_eq!(markdown(text), expected);
        }
        for (text, expected) in [
            ("# a", "\\# a"),
            ("- a", "\\- a"),
            ("--- a", "\\--- a"),
            ("-a", "-a"),
            ("+ a", "\\+ a"),
            ("12. a", "12\\. a"),
            ("1.5 a", "1.5 a"),
            ("    a", "a"),
            ("> a", "&gt; a"),
            ("* a", "\\* a"),
            ("=== a", "\\=== a"),
        ] {
            assert_eq!(markdown_line(text), expected);
        }
    }

    #[test]
    fn code_holds_back_quotes() {
        assert_eq!(markdown_code("a|<b>"), "`a|<b>`");
        assert_eq!(markdown_code("a`b``c"), "``` a`b``c ```");
        assert_eq!(markdown_code_block("a\n```\nb\u{7}\n"), "````\na\n```\nb\\u{7}\n````");
    }

    #[test]
    fn cells_are_no_formulas_and_numbers_stay() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("@sum", "'@sum"),
            ("-cmd", "'-cmd"),
            ("-1.5", "-1.5"),
            ("+2e-3", "+2e-3"),
            ("a=1", "a=1"),
            ("\t=1", " =1"),
        ] {
            assert_eq!(csv_text(text), expected);
        }
    }
}
