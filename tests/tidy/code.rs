//! Telling code from comments and literals, as far as the rules need it.

/// What a character belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Code,
    Comment,
    Literal,
}

/// The kind of every character of `text`.
pub(crate) fn kinds(text: &[char]) -> Vec<Kind> {
    let mut kinds = Vec::with_capacity(text.len());
    while kinds.len() < text.len() {
        let at = kinds.len();
        let (kind, length) = next(text, at);
        kinds.resize((at + length).min(text.len()), kind);
    }
    kinds
}

/// `text` with everything but code blanked out; lines stay where they are.
pub(crate) fn only_code(text: &str) -> String {
    let text: Vec<char> = text.chars().collect();
    let kinds = kinds(&text);
    let kept = text.iter().zip(kinds);
    kept.map(|(c, kind)| if kind == Kind::Code || *c == '\n' { *c } else { ' ' }).collect()
}

/// `text` without its comments.
pub(crate) fn without_comments(text: &str) -> String {
    let text: Vec<char> = text.chars().collect();
    let kinds = kinds(&text);
    let kept = text.iter().zip(kinds);
    kept.map(|(c, kind)| if kind == Kind::Comment && *c != '\n' { ' ' } else { *c }).collect()
}

fn next(text: &[char], at: usize) -> (Kind, usize) {
    let rest = &text[at..];
    let in_word = at > 0 && is_word(text[at - 1]);
    match rest {
        ['/', '/', ..] => (Kind::Comment, until(rest, &['\n'])),
        ['/', '*', ..] => (Kind::Comment, block_comment(rest)),
        ['"', ..] => (Kind::Literal, 1 + quoted(&rest[1..], '"')),
        ['\'', '\\', ..] => (Kind::Literal, 1 + quoted(&rest[1..], '\'')),
        ['\'', _, '\'', ..] => (Kind::Literal, 3),
        ['r', '"' | '#', ..] if !in_word || text[at - 1] == 'b' => match raw(rest) {
            Some(length) => (Kind::Literal, length),
            None => (Kind::Code, 1),
        },
        _ => (Kind::Code, 1),
    }
}

pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn until(text: &[char], end: &[char]) -> usize {
    let found = text.windows(end.len()).position(|window| window == end);
    found.unwrap_or(text.len())
}

fn block_comment(text: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match &text[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Up to and with the quote that closes it.
fn quoted(text: &[char], quote: char) -> usize {
    let mut at = 0;
    while at < text.len() && text[at] != quote {
        at += if text[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// A raw string, if that is what begins here: `r#name` is an identifier.
fn raw(text: &[char]) -> Option<usize> {
    let hashes = text[1..].iter().take_while(|c| **c == '#').count();
    if text.get(1 + hashes) != Some(&'"') {
        return None;
    }
    let mut end = vec!['"'];
    end.resize(1 + hashes, '#');
    let body = 2 + hashes;
    Some(body + until(&text[body..], &end) + end.len())
}

#[test]
fn literals_and_comments_are_not_code() {
    let text = "let a = \"tonic::x\"; // wire::y\nlet b = r#\"sea_orm::\"#; /* a /* b */ c */ let c: &'a u8 = b'\\'';";
    let code = only_code(text);
    for gone in ["tonic", "wire", "sea_orm", "/*", " c */"] {
        assert!(!code.contains(gone), "{gone} in {code}");
    }
    for kept in ["let a =", "\nlet b =", "let c: &'a u8 = b"] {
        assert!(code.contains(kept), "{kept} in {code}");
    }
    assert!(
        without_comments(text).contains("tonic::x") && !without_comments(text).contains("wire")
    );
}
