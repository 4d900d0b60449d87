//! The request context: what is known about a request, by key, each key with one or more values.

use std::fmt;
use std::net::IpAddr;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use smallvec::{SmallVec, smallvec};

use super::json::Json;

type Values = SmallVec<[String; 1]>;

/// Condition keys and their values. Keys are compared without case; a key without values is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// Sorted by key, keys in lower case.
    entries: Vec<(String, Values)>,
}

/// The values of one key, in the text form that condition operators read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value(Values);

impl Context {
    /// A context that knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a key, replacing what it was; no values at all remove it.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) -> &mut Self {
        let Value(values) = value.into();
        let key = key.to_ascii_lowercase();
        match self.position(&key) {
            Ok(at) if values.is_empty() => {
                self.entries.remove(at);
            }
            Ok(at) => {
                if let Some((_, slot)) = self.entries.get_mut(at) {
                    *slot = values;
                }
            }
            Err(_) if values.is_empty() => {}
            Err(at) => self.entries.insert(at, (key, values)),
        }
        self
    }

    /// The values of a key given in lower case; none if it is absent.
    pub(super) fn values(&self, lower_key: &str) -> &[String] {
        self.position(lower_key)
            .ok()
            .and_then(|at| self.entries.get(at))
            .map_or(&[], |(_, values)| values.as_slice())
    }

    fn position(&self, lower_key: &str) -> Result<usize, usize> {
        self.entries
            .binary_search_by(|(key, _)| key.as_str().cmp(lower_key))
    }
}

impl Value {
    /// A moment, given in seconds since the epoch, in the form of `aws:CurrentTime`.
    pub fn instant(unix: i64) -> Self {
        let time = DateTime::<Utc>::from_timestamp(unix, 0).unwrap_or_default();
        time.to_rfc3339_opts(SecondsFormat::Secs, true).into()
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self(smallvec![text])
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        text.clone().into()
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        value.to_string().into()
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        value.to_string().into()
    }
}

impl From<IpAddr> for Value {
    fn from(address: IpAddr) -> Self {
        address.to_string().into()
    }
}

impl From<Vec<String>> for Value {
    fn from(values: Vec<String>) -> Self {
        Self(values.into())
    }
}

impl From<&[&str]> for Value {
    fn from(values: &[&str]) -> Self {
        Self(values.iter().map(|text| (*text).to_owned()).collect())
    }
}

impl<const N: usize> From<[&str; N]> for Value {
    fn from(values: [&str; N]) -> Self {
        values.as_slice().into()
    }
}

/// Reads `{"key": value}` where a value is text, a number, true, false or a list of these.
impl<'de> Deserialize<'de> for Context {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ContextVisitor)
    }
}

struct ContextVisitor;

impl<'de> Visitor<'de> for ContextVisitor {
    type Value = Context;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of context keys")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Context, A::Error> {
        let mut context = Context::new();
        while let Some((key, json)) = map.next_entry::<String, Json>()? {
            let values = scalars(json).ok_or_else(|| {
                serde::de::Error::custom(format!(
                    "the value of {key} must be text, a number, true, false or a list of these"
                ))
            })?;
            if !context.values(&key.to_ascii_lowercase()).is_empty() {
                return Err(serde::de::Error::custom(format!("{key} is given twice")));
            }
            context.set(&key, values);
        }
        Ok(context)
    }
}

fn scalars(json: Json) -> Option<Vec<String>> {
    match json {
        Json::List(items) => items.into_iter().map(scalar).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Object(_) => {
            Some(vec![scalar(json)?])
        }
    }
}

/// The text form of a single JSON value.
pub(super) fn scalar(json: Json) -> Option<String> {
    match json {
        Json::Bool(value) => Some(value.to_string()),
        Json::Number(text) | Json::Text(text) => Some(text),
        Json::Null | Json::List(_) | Json::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_without_case_and_replaced() {
        let mut context = Context::new();
        context
            .set("aws:UserName", "bob")
            .set("AWS:username", ["a", "b"]);
        assert_eq!(context.values("aws:username"), ["a", "b"]);
        context.set("aws:username", Vec::new());
        assert_eq!(context, Context::new());
    }

    #[test]
    fn reads_scalars_and_lists_from_json() {
        let context: Context =
            serde_json::from_str(r#"{"a":"x","b":true,"c":5,"d":["y",1],"e":[]}"#).unwrap();
        assert_eq!(context.values("b"), ["true"]);
        assert_eq!(context.values("c"), ["5"]);
        assert_eq!(context.values("d"), ["y", "1"]);
        assert!(context.values("e").is_empty());
        for bad in [r#"{"a":{}}"#, r#"{"a":null}"#, r#"{"a":1,"A":2}"#, "[]"] {
            assert!(serde_json::from_str::<Context>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn moments_are_written_in_iso_8601() {
        let mut context = Context::new();
        context.set("aws:CurrentTime", Value::instant(1_440_938_160));
        assert_eq!(context.values("aws:currenttime"), ["2015-08-30T12:36:00Z"]);
    }
}
