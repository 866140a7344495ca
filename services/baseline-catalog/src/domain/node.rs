//! A value as it is written down: text, lists and maps, whatever notation they were read from.
//!
//! Every scalar is text: the kind it is for says what it means, so `no` is Norwegian and not false.

/// A piece of a document, and the line it begins on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// 1 for the first; 0 where it was not read from a document.
    pub(crate) line: u32,
    pub(crate) form: Form,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    Text(String),
    List(Vec<Node>),
    /// In the order it was written.
    Map(Vec<(String, Node)>),
}

impl Node {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self { line: 0, form: Form::Text(text.into()) }
    }

    pub(crate) fn list(items: Vec<Self>) -> Self {
        Self { line: 0, form: Form::List(items) }
    }
}

/// A map in the making. What is empty is left out: it is the default.
#[derive(Debug, Default)]
pub(crate) struct Entries(Vec<(String, Node)>);

impl Entries {
    pub(crate) fn text(self, name: &str, text: impl ToString) -> Self {
        let text = text.to_string();
        if text.is_empty() { self } else { self.entry(name, Node::text(text)) }
    }

    /// Only where it says something: false is the default of every such field.
    pub(crate) fn flag(self, name: &str, holds: bool) -> Self {
        if holds { self.text(name, true) } else { self }
    }

    pub(crate) fn texts(self, name: &str, texts: impl IntoIterator<Item = impl ToString>) -> Self {
        self.list(name, texts.into_iter().map(|text| Node::text(text.to_string())).collect())
    }

    pub(crate) fn list(self, name: &str, items: Vec<Node>) -> Self {
        if items.is_empty() { self } else { self.entry(name, Node::list(items)) }
    }

    /// A map inside a map.
    pub(crate) fn map(self, name: &str, node: Node) -> Self {
        match &node.form {
            Form::Map(entries) if entries.is_empty() => self,
            _ => self.entry(name, node),
        }
    }

    fn entry(mut self, name: &str, node: Node) -> Self {
        self.0.push((name.to_owned(), node));
        self
    }

    pub(crate) fn node(self) -> Node {
        Node { line: 0, form: Form::Map(self.0) }
    }
}
