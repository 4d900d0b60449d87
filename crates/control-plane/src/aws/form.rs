//! Parameters of a call as a tree, and typed requests read from it.
//!
//! The AWS Query protocol flattens structures and lists into names: `Auth.member.1.SecretArn=…` (lists with an
//! element name), `Filter.1.Value.1=…` (EC2's, without), `Auth=` (an empty list). Source: botocore's
//! serializers for `query` and `ec2`. JSON services send the same tree as it is.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use zeroize::Zeroizing;

use super::shape::is_of_xml;

/// Deepest nesting of parameter names; the deepest of RDS, IAM and EC2 has seven parts.
const DEPTH_MAX: usize = 16;

/// A parameter, or a group of them.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Node {
    /// What the caller wrote.
    Text(Zeroizing<String>),
    /// Members or elements by name or number.
    Group(BTreeMap<String, Node>),
}

/// Why a request could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FormError {
    /// A required member is absent.
    Missing { name: String },
    /// A member cannot be what it must be.
    Invalid { path: String, message: String },
}

/// Values may be secrets: only names are printed.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("[text]"),
            Self::Group(members) => f.debug_map().entries(members).finish(),
        }
    }
}

impl Node {
    /// Reads `application/x-www-form-urlencoded`.
    ///
    /// Fails with a sentence when a name is given twice or is both a value and a group.
    pub(crate) fn from_form(body: &[u8]) -> Result<Self, String> {
        let mut root = Self::Group(BTreeMap::new());
        for (name, value) in form_urlencoded::parse(body) {
            root.put(&name, Zeroizing::new(value.into_owned()))?;
        }
        Ok(root)
    }

    /// Reads a JSON document; null is absent.
    pub(crate) fn from_json(value: serde_json::Value) -> Option<Self> {
        use serde_json::Value;
        let numbered = |(index, element): (usize, Value)| {
            Some((
                index.saturating_add(1).to_string(),
                Self::from_json(element)?,
            ))
        };
        Some(match value {
            Value::Null => return None,
            Value::Bool(flag) => Self::Text(Zeroizing::new(flag.to_string())),
            Value::Number(number) => Self::Text(Zeroizing::new(number.to_string())),
            Value::String(text) => Self::Text(Zeroizing::new(text)),
            Value::Array(elements) => Self::Group(
                elements
                    .into_iter()
                    .enumerate()
                    .filter_map(numbered)
                    .collect(),
            ),
            Value::Object(members) => Self::Group(
                members
                    .into_iter()
                    .filter_map(|(name, member)| Some((name, Self::from_json(member)?)))
                    .collect(),
            ),
        })
    }

    fn put(&mut self, name: &str, value: Zeroizing<String>) -> Result<(), String> {
        let twice = || format!("parameter {name} is given twice");
        if name.split('.').count() > DEPTH_MAX {
            return Err(format!("parameter {name} is nested too deeply"));
        }
        let mut node = self;
        for part in name.split('.') {
            let Self::Group(members) = node else {
                return Err(twice());
            };
            node = members
                .entry(part.to_owned())
                .or_insert_with(|| Self::Group(BTreeMap::new()));
        }
        match node {
            Self::Group(members) if members.is_empty() => *node = Self::Text(value),
            Self::Group(_) | Self::Text(_) => return Err(twice()),
        }
        Ok(())
    }

    /// The name of a member whose text, or name, XML cannot carry.
    pub(crate) fn member_outside_xml(&self) -> Option<String> {
        let Self::Group(members) = self else {
            return None;
        };
        let is_bad = |text: &str| !text.chars().all(is_of_xml);
        members.iter().find_map(|(name, member)| match member {
            _ if is_bad(name) => Some(name.escape_default().to_string()),
            Self::Text(text) => is_bad(text).then(|| name.clone()),
            Self::Group(_) => {
                let below = member.member_outside_xml()?;
                Some(format!("{name}.{below}"))
            }
        })
    }

    /// The text of a member; `None` if it is absent or a group.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self {
            Self::Group(members) => match members.get(name)? {
                Self::Text(text) => Some(text.as_str()),
                Self::Group(_) => None,
            },
            Self::Text(_) => None,
        }
    }

    /// A member.
    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Group(members) => members.get(name),
            Self::Text(_) => None,
        }
    }

    /// The elements of a list in their order; a list without elements may be an empty text.
    pub(crate) fn elements(&self) -> Option<Vec<&Self>> {
        let members = match self {
            Self::Text(text) => return text.is_empty().then(Vec::new),
            Self::Group(members) => members,
        };
        let mut numbered = Vec::with_capacity(members.len());
        for (name, element) in members {
            match name.parse::<u32>() {
                Ok(number) => numbered.push((number, element)),
                // The element name of the list: `member`, `Tag`, `Filter` …
                Err(_) if members.len() == 1 => return element.elements(),
                Err(_) => return None,
            }
        }
        numbered.sort_by_key(|(number, _)| *number);
        Some(numbered.into_iter().map(|(_, element)| element).collect())
    }

    /// Reads a typed request. Members that the type does not know are passed over, as AWS does.
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Result<T, FormError> {
        serde_path_to_error::deserialize(self).map_err(|error| {
            let path = error.path().to_string();
            match error.into_inner() {
                Wrong::Missing(name) => FormError::Missing { name },
                Wrong::Other(message) => FormError::Invalid { path, message },
            }
        })
    }
}

/// serde's view of what is wrong.
#[derive(Debug)]
pub(crate) enum Wrong {
    Missing(String),
    Other(String),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "{name} is missing"),
            Self::Other(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Wrong {}

impl de::Error for Wrong {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Other(message.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field.to_owned())
    }

    /// A value may be a secret: what was expected is told, not what came.
    fn invalid_value(_given: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::Other(format!("must be {expected}"))
    }

    fn invalid_type(_given: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::Other(format!("must be {expected}"))
    }
}

impl<'de> IntoDeserializer<'de, Wrong> for &'de Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

fn parsed<T: std::str::FromStr>(node: &Node, what: &str) -> Result<T, Wrong> {
    let wrong = || Wrong::Other(format!("must be {what}"));
    match node {
        Node::Text(text) => text.parse().map_err(|_| wrong()),
        Node::Group(_) => Err(wrong()),
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $type:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            visitor.$visit(parsed::<$type>(self, "a number")?)
        }
    )*};
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self {
            Node::Text(text) => visitor.visit_borrowed_str(text),
            Node::Group(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self {
            Node::Text(text) if text.eq_ignore_ascii_case("true") => visitor.visit_bool(true),
            Node::Text(text) if text.eq_ignore_ascii_case("false") => visitor.visit_bool(false),
            Node::Text(_) | Node::Group(_) => Err(Wrong::Other("must be true or false".to_owned())),
        }
    }

    numbers!(
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64, deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64, deserialize_f32 visit_f32 f32,
        deserialize_f64 visit_f64 f64
    );

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let elements = self.elements();
        let elements = elements.ok_or_else(|| Wrong::Other("must be a list".to_owned()))?;
        visitor.visit_seq(SeqDeserializer::new(elements.into_iter()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self {
            Node::Group(members) => {
                let members = members.iter().map(|(name, member)| (name.as_str(), member));
                visitor.visit_map(MapDeserializer::new(members))
            }
            // An empty structure is sent as an empty text.
            Node::Text(text) if text.is_empty() => {
                let none: [(&str, &Node); 0] = [];
                visitor.visit_map(MapDeserializer::new(none.into_iter()))
            }
            Node::Text(_) => Err(Wrong::Other("must be a structure".to_owned())),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        let allowed = || Wrong::Other(format!("must be one of {}", variants.join(", ")));
        match self {
            Node::Text(text) if variants.contains(&text.as_str()) => {
                visitor.visit_enum(text.as_str().into_deserializer())
            }
            Node::Text(_) | Node::Group(_) => Err(allowed()),
        }
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase")]
    struct Rule {
        secret_arn: String,
        level: Option<Level>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
    enum Level {
        Low,
        High,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase")]
    struct Request {
        name: String,
        #[serde(default)]
        auth: Vec<Rule>,
        count: Option<u32>,
        fast: Option<bool>,
        text: Option<String>,
    }

    fn read(form: &str) -> Result<Request, FormError> {
        Node::from_form(form.as_bytes()).unwrap().decode()
    }

    #[test]
    fn lists_structures_numbers_and_flags_come_out_of_names() {
        let form = "Action=X&Name=a%20b&Auth.member.2.SecretArn=two&Auth.member.1.SecretArn=one\
                    &Auth.member.1.Level=HIGH&Count=7&Fast=true&Text=&Unknown=1";
        let request = read(form).unwrap();
        assert_eq!(request.name, "a b");
        let rule = |arn: &str, level| Rule {
            secret_arn: arn.into(),
            level,
        };
        assert_eq!(
            request.auth,
            [rule("one", Some(Level::High)), rule("two", None)]
        );
        assert_eq!((request.count, request.fast), (Some(7), Some(true)));
        assert_eq!(request.text.as_deref(), Some(""));
    }

    #[test]
    fn more_than_nine_elements_keep_their_order() {
        let pairs: Vec<String> = (1..=12).rev().map(|n| format!("L.{n}={n}")).collect();
        let form = pairs.join("&");
        let node = Node::from_form(form.as_bytes()).unwrap();
        let list: Vec<u32> = node.member("L").unwrap().decode().unwrap();
        assert_eq!(list, (1..=12).collect::<Vec<_>>());
    }

    #[test]
    fn an_empty_list_is_a_bare_name() {
        assert_eq!(read("Name=x&Auth=").unwrap().auth, []);
    }

    #[test]
    fn what_is_wrong_is_named_without_its_value() {
        assert_eq!(
            read("Count=1"),
            Err(FormError::Missing {
                name: "Name".into()
            })
        );
        let wrong = |path: &str, message: &str| {
            Err(FormError::Invalid {
                path: path.into(),
                message: message.into(),
            })
        };
        assert_eq!(
            read("Name=x&Count=s3cret"),
            wrong("Count", "must be a number")
        );
        assert_eq!(
            read("Name=x&Fast=1"),
            wrong("Fast", "must be true or false")
        );
        let level = "Name=x&Auth.member.1.SecretArn=a&Auth.member.1.Level=s3cret";
        assert_eq!(
            read(level),
            wrong("Auth[0].Level", "must be one of LOW, HIGH")
        );
        assert!(Node::from_form(b"A=1&A=2").is_err());
        assert!(Node::from_form(b"A=1&A.B=2").is_err());
        assert!(Node::from_form("A.".repeat(40).as_bytes()).is_err());
    }
}
