//! The few kinds of Python literals that headers of `.npy` files are made of.

/// Most brackets around a shape: far more than anyone writes.
const MAX_BRACKETS: usize = 16;

/// A value of a Python dictionary.
#[derive(Debug, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Bool(bool),
    Tuple(Vec<usize>),
    /// A list: the fields of a structured type.
    List,
}

/// Reads the few kinds of Python literals that headers are made of.
pub(super) struct Literals<'a> {
    pub(super) rest: &'a str,
}

impl Literals<'_> {
    /// Takes the text if it comes next, blanks apart.
    fn take(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.trim_start();
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    pub(super) fn dictionary(mut self) -> Option<Vec<(String, Literal)>> {
        let mut fields = Vec::new();
        self.take("{")?;
        while self.take("}").is_none() {
            let key = self.text()?;
            self.take(":")?;
            fields.push((key, self.value()?));
            if self.take(",").is_none() {
                self.take("}")?;
                break;
            }
        }
        self.rest.trim().is_empty().then_some(fields)
    }

    fn value(&mut self) -> Option<Literal> {
        if self.take("True").is_some() {
            return Some(Literal::Bool(true));
        }
        if self.take("False").is_some() {
            return Some(Literal::Bool(false));
        }
        if self.take("(").is_some() {
            return self.tuple(MAX_BRACKETS).map(Literal::Tuple);
        }
        if self.take("[").is_some() {
            // Never read further: such a type is refused.
            let end = self.rest.rfind(']')?;
            self.rest = &self.rest[end + 1..];
            return Some(Literal::List);
        }
        self.text().map(Literal::Text)
    }

    fn text(&mut self) -> Option<String> {
        self.rest = self.rest.trim_start();
        // Python 2 marks Unicode; bytes and raw strings hold the same types.
        let marks = ['u', 'U', 'b', 'B', 'r', 'R'];
        self.rest = self.rest.strip_prefix(marks).unwrap_or(self.rest);
        let quote = self.rest.chars().next().filter(|c| ['\'', '"'].contains(c))?;
        let (text, rest) = self.rest[1..].split_once(quote)?;
        self.rest = rest;
        Some(text.to_owned())
    }

    /// Lengths up to the closing bracket, which may stand in brackets of their own.
    fn tuple(&mut self, brackets: usize) -> Option<Vec<usize>> {
        let mut lengths = Vec::new();
        let mut first = true;
        while self.take(")").is_none() {
            if self.take("(").is_some() {
                let inner = self.tuple(brackets.checked_sub(1)?)?;
                if first && self.take(")").is_some() {
                    // Nothing but brackets around a tuple.
                    return Some(inner);
                }
                // Brackets around a number; a tuple is no length.
                let [length] = inner[..] else { return None };
                lengths.push(length);
            } else {
                lengths.push(self.length()?);
            }
            first = false;
            if self.take(",").is_none() {
                self.take(")")?;
                break;
            }
        }
        Some(lengths)
    }

    /// A length, whose digits may be grouped by underscores; those of Python 2 end in an L.
    fn length(&mut self) -> Option<usize> {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest.strip_prefix('L').unwrap_or(rest);
        let grouped = digits.split('_').all(|group| !group.is_empty());
        grouped.then(|| digits.replace('_', "").parse().ok())?
    }
}
