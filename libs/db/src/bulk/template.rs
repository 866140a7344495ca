//! `{name}` in a statement's text.

/// Replaces every `{name}` by what `value` gives for it.
pub(super) fn fill(template: &str, mut value: impl FnMut(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(template.len() + 256);
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let (before, tail) = rest.split_at(open);
        let close = tail.find('}').unwrap_or_else(|| panic!("unclosed {{ in {template:?}"));
        let name = &tail[1..close];
        let text =
            value(name).unwrap_or_else(|| panic!("{{{name}}} stands for nothing: {template:?}"));
        filled.push_str(before);
        filled.push_str(&text);
        rest = &tail[close + 1..];
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_is_replaced_once() {
        let filled = fill("a {x}{y} b {x}", |name| Some(format!("<{name}>")));
        assert_eq!(filled, "a <x><y> b <x>");
    }

    #[test]
    #[should_panic(expected = "{z} stands for nothing")]
    fn an_unknown_placeholder_is_a_mistake_in_the_code() {
        fill("{z}", |_| None);
    }
}
