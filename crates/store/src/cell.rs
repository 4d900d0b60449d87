//! How our values sit in the cells of a row: words, JSON and 64-bit numbers, all checked on the way out.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;

/// JSON for a text column.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::corrupt(error.to_string()))
}

/// The value in a JSON column; `what` names row and column for the error.
pub(crate) fn parse<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::corrupt(format!("{what}: {error}")))
}

/// The one word by which an enum is known in the API, for a text column.
pub(crate) fn word<T: Serialize>(value: &T) -> Result<String, StoreError> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        Ok(other) => Err(StoreError::corrupt(format!("`{other}` is not one word"))),
        Err(error) => Err(StoreError::corrupt(error.to_string())),
    }
}

/// The enum with this word.
pub(crate) fn from_word<T: DeserializeOwned>(word: &str, what: &str) -> Result<T, StoreError> {
    serde_json::from_value(serde_json::Value::String(word.to_owned()))
        .map_err(|error| StoreError::corrupt(format!("{what}: {error}")))
}

/// A number column as the narrower type the rest of the program uses.
pub(crate) fn number<T: TryFrom<i64>>(value: i64, what: &str) -> Result<T, StoreError> {
    T::try_from(value).map_err(|_| StoreError::corrupt(format!("{what}: {value} is out of range")))
}

/// A generation, version or count as a number column; no counter of ours comes near the limit.
pub(crate) fn counter(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use tollgate_types::{Engine, TargetRole};

    use super::*;

    #[test]
    fn words_come_back() {
        assert_eq!(word(&TargetRole::ReadOnly).unwrap(), "READ_ONLY");
        let role: TargetRole = from_word("READ_ONLY", "endpoint").unwrap();
        assert_eq!(role, TargetRole::ReadOnly);
    }

    #[test]
    fn foreign_content_is_named() {
        let error = from_word::<Engine>("oracle", "database orders-db, engine").unwrap_err();
        assert!(error.to_string().contains("orders-db"), "{error}");
        assert!(number::<u16>(70_000, "port").is_err());
        assert!(number::<u64>(-1, "generation").is_err());
        assert!(parse::<Vec<String>>("{", "aliases").is_err());
    }
}
