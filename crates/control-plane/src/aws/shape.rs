//! How answers are shaped: the frames of the three protocols, and lists with element names.

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::problem::Problem;

/// A list whose elements are `<member>`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Members<T>(pub(crate) Vec<T>);

/// A list whose elements are `<item>`, as in EC2.
#[derive(Debug, Clone, Default)]
pub(crate) struct Items<T>(pub(crate) Vec<T>);

/// RDS's list of tags, whose elements are `<Tag>`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tags<T>(pub(crate) Vec<T>);

fn named<S: Serializer, T: Serialize>(
    serializer: S,
    name: &'static str,
    elements: &[T],
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(name, elements)?;
    map.end()
}

impl<T: Serialize> Serialize for Members<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        named(serializer, "member", &self.0)
    }
}

impl<T: Serialize> Serialize for Items<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        named(serializer, "item", &self.0)
    }
}

impl<T: Serialize> Serialize for Tags<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        named(serializer, "Tag", &self.0)
    }
}

/// The document of a good answer in the Query protocol; `result` is absent for operations without one.
pub(crate) fn query(
    operation: &str,
    namespace: &str,
    request_id: &str,
    result: Option<&impl Serialize>,
) -> Result<String, Problem> {
    let result = match result {
        Some(result) => element(&format!("{operation}Result"), result)?,
        None => String::new(),
    };
    Ok(format!(
        "<{operation}Response xmlns=\"{namespace}\">{result}<ResponseMetadata><RequestId>{request_id}\
         </RequestId></ResponseMetadata></{operation}Response>"
    ))
}

/// The document of a good answer of EC2: no result element, the request id first.
pub(crate) fn ec2(
    operation: &str,
    namespace: &str,
    request_id: &str,
    result: &impl Serialize,
) -> Result<String, Problem> {
    let whole = element("r", result)?;
    let inner = whole
        .strip_prefix("<r>")
        .and_then(|rest| rest.strip_suffix("</r>"))
        .unwrap_or_default();
    Ok(format!(
        "<{operation}Response xmlns=\"{namespace}\"><requestId>{request_id}</requestId>{inner}\
         </{operation}Response>"
    ))
}

/// Whether XML 1.0 can carry a character. Source: XML 1.0, section 2.2.
pub(crate) fn is_of_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// The same document with U+FFFD for every character that would make it no XML: REST takes such texts.
pub(crate) fn well_formed(document: String) -> String {
    if document.chars().all(is_of_xml) {
        return document;
    }
    let shown = |c| {
        if is_of_xml(c) {
            c
        } else {
            char::REPLACEMENT_CHARACTER
        }
    };
    document.chars().map(shown).collect()
}

fn element(name: &str, value: &impl Serialize) -> Result<String, Problem> {
    quick_xml::se::to_string_with_root(name, value).map_err(|error| Problem::internal(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Described {
        names: Members<&'static str>,
        empty: Members<&'static str>,
        tag_list: Tags<Pair>,
        flag: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        marker: Option<String>,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Pair {
        key: &'static str,
        value: &'static str,
    }

    fn described() -> Described {
        Described {
            names: Members(vec!["a", "b"]),
            empty: Members(Vec::new()),
            tag_list: Tags(vec![Pair {
                key: "k",
                value: "<v>",
            }]),
            flag: true,
            marker: None,
        }
    }

    const INNER: &str = "<Names><member>a</member><member>b</member></Names><Empty/>\
        <TagList><Tag><Key>k</Key><Value>&lt;v&gt;</Value></Tag></TagList><Flag>true</Flag>";

    #[test]
    fn query_answers_have_result_and_metadata() {
        assert_eq!(
            query("Describe", "http://x/", "r-1", Some(&described())).unwrap(),
            format!(
                "<DescribeResponse xmlns=\"http://x/\"><DescribeResult>{INNER}</DescribeResult>\
                 <ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></DescribeResponse>"
            )
        );
        let nothing = query("Tag", "http://x/", "r-1", None::<&()>).unwrap();
        assert!(!nothing.contains("Result"), "{nothing}");
    }

    #[test]
    fn ec2_answers_have_no_result_element() {
        assert_eq!(
            ec2("Describe", "http://x/", "r-1", &described()).unwrap(),
            format!(
                "<DescribeResponse xmlns=\"http://x/\"><requestId>r-1</requestId>{INNER}</DescribeResponse>"
            )
        );
    }
}
