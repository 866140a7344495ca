//! YAML text and nodes. Of YAML this is maps, lists and text: no anchors, no tags, one document.

use saphyr_parser::{Event, Parser, ScalarStyle};

use crate::domain::node::{Form, Node};

/// Deeper than any field of a pack stands.
const DEPTH_MAX: usize = 16;
/// Far more than any map of a pack has.
const FIELDS_MAX: usize = 64;

/// What is wrong, and in which line.
type Refusal = (u32, String);

/// The one document of a text.
pub(super) fn read(text: &str) -> Result<Node, Refusal> {
    let mut building = Building::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            (line(error.marker().line()), format!("is not YAML: {}", error.info()))
        })?;
        building.take(event, line(span.start.line()))?;
    }
    building
        .root
        .ok_or_else(|| (1, "is empty: a pack is a map with a `pack` and its sections".into()))
}

fn line(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}

/// A collection that is not closed yet.
enum Open {
    List(u32, Vec<Node>),
    /// With the key whose value comes next.
    Map(u32, Vec<(String, Node)>, Option<(u32, String)>),
}

#[derive(Default)]
struct Building {
    open: Vec<Open>,
    root: Option<Node>,
}

impl Building {
    fn take(&mut self, event: Event<'_>, line: u32) -> Result<(), Refusal> {
        let plain_only = |anchor: usize, is_tagged: bool| match (anchor, is_tagged) {
            (0, false) => Ok(()),
            _ => Err((line, "uses an anchor or a tag: write the value out".to_owned())),
        };
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                plain_only(anchor, tag.is_some())?;
                let is_null = style == ScalarStyle::Plain && matches!(&*text, "~" | "null");
                let text = if is_null { String::new() } else { text.into_owned() };
                self.text(text, line)
            }
            Event::SequenceStart(anchor, tag) => {
                plain_only(anchor, tag.is_some())?;
                self.begin(Open::List(line, Vec::new()), line)
            }
            Event::MappingStart(anchor, tag) => {
                plain_only(anchor, tag.is_some())?;
                self.begin(Open::Map(line, Vec::new(), None), line)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let node = match self.open.pop() {
                    Some(Open::List(line, items)) => Node { line, form: Form::List(items) },
                    Some(Open::Map(line, entries, _)) => Node { line, form: Form::Map(entries) },
                    None => return Err((line, "is not YAML".to_owned())),
                };
                self.put(node)
            }
            Event::Alias(_) => Err((line, "uses an anchor: write the value out".to_owned())),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(&mut self, open: Open, line: u32) -> Result<(), Refusal> {
        if let Some(Open::Map(_, _, None)) = self.open.last() {
            return Err((line, "has a list or a map where a name belongs".to_owned()));
        }
        if self.open.len() >= DEPTH_MAX {
            return Err((line, "is nested deeper than any pack".to_owned()));
        }
        self.open.push(open);
        Ok(())
    }

    fn text(&mut self, text: String, line: u32) -> Result<(), Refusal> {
        if let Some(Open::Map(_, entries, key @ None)) = self.open.last_mut() {
            if entries.len() >= FIELDS_MAX {
                return Err((line, "has more fields than any map of a pack".to_owned()));
            }
            if entries.iter().any(|(known, _)| *known == text) {
                return Err((line, format!("{text:.64} stands in this map already")));
            }
            *key = Some((line, text));
            return Ok(());
        }
        self.put(Node { line, form: Form::Text(text) })
    }

    fn put(&mut self, node: Node) -> Result<(), Refusal> {
        match self.open.last_mut() {
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map(_, entries, key)) => {
                let (line, key) = key.take().ok_or((node.line, "has no name".to_owned()))?;
                // A field stands where its name stands.
                let node =
                    if matches!(node.form, Form::Text(_)) { Node { line, ..node } } else { node };
                entries.push((key, node));
            }
            None if self.root.is_some() => {
                return Err((node.line, "is a second document: a pack is one".to_owned()));
            }
            None => self.root = Some(node),
        }
        Ok(())
    }
}

/// Block style, two spaces an indent, the fields in their order.
pub(super) fn write(node: &Node) -> String {
    let mut text = String::new();
    block(node, 0, &mut text);
    text
}

fn block(node: &Node, indent: usize, out: &mut String) {
    match &node.form {
        Form::Text(text) => {
            out.push_str(&scalar(text));
            out.push('\n');
        }
        Form::Map(entries) => {
            for (place, (name, value)) in entries.iter().enumerate() {
                indented(place, indent, out);
                out.push_str(&scalar(name));
                out.push(':');
                under(value, indent, out);
            }
        }
        Form::List(items) => {
            for (place, item) in items.iter().enumerate() {
                indented(place, indent, out);
                out.push_str("- ");
                block(item, indent + 2, out);
            }
        }
    }
}

/// What comes first in a list's item stands behind its dash.
fn indented(place: usize, indent: usize, out: &mut String) {
    if place > 0 || !out.ends_with("- ") {
        out.push_str(&" ".repeat(indent));
    }
}

fn under(value: &Node, indent: usize, out: &mut String) {
    match &value.form {
        Form::Text(_) => {
            out.push(' ');
            block(value, indent, out);
        }
        Form::List(items) if items.iter().all(|item| matches!(item.form, Form::Text(_))) => {
            let texts = items.iter().map(|item| match &item.form {
                Form::Text(text) => scalar(text),
                Form::List(_) | Form::Map(_) => String::new(),
            });
            out.push_str(&format!(" [{}]\n", texts.collect::<Vec<_>>().join(", ")));
        }
        Form::List(_) | Form::Map(_) => {
            out.push('\n');
            block(value, indent + 2, out);
        }
    }
}

/// Plain where our reader cannot take it for anything else.
fn scalar(text: &str) -> String {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ' ' | '(' | ')');
    let starts = text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_word =
        text == "true" || text == "false" || !reserved.contains(&text.to_lowercase().as_str());
    if starts && is_word && !text.ends_with(' ') && text.chars().all(plain) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
