//! What an address may show of itself.

/// The URL with its password replaced: safe for logs and for `tally config`.
///
/// Works on the text, not on a parsed URL: what cannot be parsed may still hold a password.
#[must_use]
pub fn url(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // The last '@' ends the user info: an unescaped one inside a password must not cut it short.
    let Some(at) = rest[..authority_end].rfind('@').or_else(|| rest.rfind('@')) else {
        return text.to_owned();
    };
    let (user_info, host) = rest.split_at(at);
    match user_info.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:***{host}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::url;

    #[test]
    fn a_password_never_shows() {
        for (text, shown) in [
            ("postgres://tally:s3cr3t@db:5432/tally", "postgres://tally:***@db:5432/tally"),
            ("postgres://tally:p@ss@db/tally", "postgres://tally:***@db/tally"),
            ("postgres://tally:p/a@db/tally", "postgres://tally:***@db/tally"),
            ("redis://:s3cr3t@cache", "redis://:***@cache"),
            ("sqlite://./tally-data/ingest.db", "sqlite://./tally-data/ingest.db"),
            ("http://127.0.0.1:7701", "http://127.0.0.1:7701"),
        ] {
            assert_eq!(url(text), shown);
        }
    }
}
