//! Secrets Manager, called as its clients call it.

mod deletion;
mod lists;
mod policies;
mod values;

use serde_json::Value;

use super::QueryCall;
use crate::tests::World;

const TOKEN: &str = "token-token-token-token-token-01";
const OTHER_TOKEN: &str = "token-token-token-token-token-02";
const LOGIN: &str = r#"{"username":"app","password":"hunter2","port":5432}"#;

impl World {
    fn secrets(&self, operation: &str, body: &Value) -> QueryCall<'_> {
        let target = format!("secretsmanager.{operation}");
        self.json_call("secretsmanager", &target, body)
    }
}

/// The document of a good answer.
async fn good(call: QueryCall<'_>) -> Value {
    serde_json::from_str(&call.good().await).unwrap()
}
