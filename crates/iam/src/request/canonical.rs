//! The canonical request: the one text that both sides hash, whatever the request looked like on the wire.

use super::{Authorization, RequestRejection, SignedRequest};
use crate::percent;

/// Most query parameters looked at.
const QUERY_PAIRS_MAX: usize = 256;

/// How a signer wrote path and query into its canonical request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As specified for all services but S3: dot segments removed, the path encoded once more, the query
    /// sorted.
    Specified,
    /// As sent, which is how curl 7.88 signs. It applies only where nothing is escaped twice or in an odd
    /// way, else one signed text could stand for two requests.
    AsSent,
}

/// The parts of the canonical request that do not depend on its form.
pub(super) struct Canonical {
    pairs: Vec<(String, String)>,
    after_query: String,
}

impl Canonical {
    /// Prepares those parts; `payload_hash` is the body's SHA-256 in hex.
    pub(super) fn new(
        authorization: &Authorization,
        request: &SignedRequest<'_>,
        payload_hash: &str,
    ) -> Result<Self, RequestRejection> {
        let (_, query) = split_uri(request.uri);
        let pairs = recoded_pairs(query)?;
        let mut after_query = String::with_capacity(512);
        after_query.push('\n');
        for name in &authorization.signed_headers {
            after_query.push_str(name);
            after_query.push(':');
            push_header_values(&mut after_query, name, request.headers)?;
            after_query.push('\n');
        }
        after_query.push('\n');
        after_query.push_str(&authorization.signed_headers.join(";"));
        after_query.push('\n');
        after_query.push_str(payload_hash);
        Ok(Self { pairs, after_query })
    }

    /// The whole text in one form, or nothing if that form does not apply.
    pub(super) fn text(&self, request: &SignedRequest<'_>, form: Form) -> Option<String> {
        let (path, query) = split_uri(request.uri);
        let mut out = String::with_capacity(self.after_query.len().saturating_add(128));
        out.push_str(request.method);
        out.push('\n');
        match form {
            Form::Specified => {
                percent::encode_path_into(&mut out, &normalized_path(path));
                out.push('\n');
                let mut sorted = self.pairs.clone();
                sorted.sort();
                out.push_str(&joined(&sorted));
            }
            Form::AsSent => {
                if path.contains('%') || joined(&self.pairs) != query {
                    return None;
                }
                out.push_str(path);
                out.push('\n');
                out.push_str(query);
            }
        }
        out.push_str(&self.after_query);
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

/// Pairs decoded and encoded the one right way. `+` is a space, as our own query parser reads it.
fn recoded_pairs(query: &str) -> Result<Vec<(String, String)>, RequestRejection> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push((recoded(name)?, recoded(value)?));
        if pairs.len() > QUERY_PAIRS_MAX {
            return Err(RequestRejection::Malformed);
        }
    }
    Ok(pairs)
}

fn joined(pairs: &[(String, String)]) -> String {
    let texts: Vec<String> = pairs.iter().map(|(n, v)| format!("{n}={v}")).collect();
    texts.join("&")
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
