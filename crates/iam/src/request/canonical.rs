//! The canonical request: the one text that both sides hash, whatever the request looked like on the wire.

use super::{Authorization, RequestRejection, SignedRequest};
use crate::percent;

/// Most query parameters looked at.
const QUERY_PAIRS_MAX: usize = 256;

/// How a signer wrote the path into its canonical request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathForm {
    /// Dot segments removed, then encoded once more, as the specification says for all but S3.
    Encoded,
    /// As sent. curl before 8.3 signs so; only paths without escapes may be read this way, else one text
    /// could stand for two paths.
    Verbatim,
}

/// Everything of the canonical request but the path.
pub(super) struct Canonical {
    after_path: String,
}

impl Canonical {
    /// Prepares the parts that do not depend on the path; `payload_hash` is the body's SHA-256 in hex.
    pub(super) fn new(
        authorization: &Authorization,
        request: &SignedRequest<'_>,
        payload_hash: &str,
    ) -> Result<Self, RequestRejection> {
        let (_, query) = split_uri(request.uri);
        let mut after_path = String::with_capacity(512);
        after_path.push('\n');
        after_path.push_str(&canonical_query(query)?);
        after_path.push('\n');
        for name in &authorization.signed_headers {
            after_path.push_str(name);
            after_path.push(':');
            push_header_values(&mut after_path, name, request.headers)?;
            after_path.push('\n');
        }
        after_path.push('\n');
        after_path.push_str(&authorization.signed_headers.join(";"));
        after_path.push('\n');
        after_path.push_str(payload_hash);
        Ok(Self { after_path })
    }

    /// The whole text for one form of the path, or nothing if that form does not apply.
    pub(super) fn text(&self, request: &SignedRequest<'_>, form: PathForm) -> Option<String> {
        let (path, _) = split_uri(request.uri);
        let mut out = String::with_capacity(self.after_path.len().saturating_add(128));
        out.push_str(request.method);
        out.push('\n');
        match form {
            PathForm::Encoded => percent::encode_path_into(&mut out, &normalized_path(path)),
            PathForm::Verbatim if path.contains('%') => return None,
            PathForm::Verbatim => out.push_str(path),
        }
        out.push_str(&self.after_path);
        Some(out)
    }
}

fn split_uri(uri: &str) -> (&str, &str) {
    uri.split_once('?').unwrap_or((uri, ""))
}

/// RFC 3986 §5.2.4 on whole segments, with runs of slashes collapsed, as AWS's signers do it.
fn normalized_path(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            name => kept.push(name),
        }
    }
    let directory = ["/", "/.", "/.."].iter().any(|end| path.ends_with(end));
    let mut out = String::from("/");
    out.push_str(&kept.join("/"));
    if directory && !kept.is_empty() {
        out.push('/');
    }
    out
}

/// Pairs decoded, encoded the one right way and sorted. `+` is a space, as our own query parser reads it.
fn canonical_query(query: &str) -> Result<String, RequestRejection> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push((recoded(name)?, recoded(value)?));
        if pairs.len() > QUERY_PAIRS_MAX {
            return Err(RequestRejection::Malformed);
        }
    }
    pairs.sort();
    let joined: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    Ok(joined.join("&"))
}

fn recoded(text: &str) -> Result<String, RequestRejection> {
    let spaced = text.replace('+', " ");
    let bytes = percent::decode_bytes(&spaced).ok_or(RequestRejection::Malformed)?;
    let mut out = String::with_capacity(bytes.len());
    percent::encode_bytes_into(&mut out, &bytes);
    Ok(out)
}

/// All values of a header, trimmed, inner runs of white space made one space, joined by commas.
fn push_header_values(
    out: &mut String,
    name: &str,
    headers: &[(&str, &str)],
) -> Result<(), RequestRejection> {
    let mut count = 0_usize;
    for (_, value) in headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)) {
        if count > 0 {
            out.push(',');
        }
        count = count.saturating_add(1);
        for (at, word) in value.split_ascii_whitespace().enumerate() {
            if at > 0 {
                out.push(' ');
            }
            out.push_str(word);
        }
    }
    if count == 0 {
        return Err(RequestRejection::SignedHeaderMissing);
    }
    Ok(())
}
