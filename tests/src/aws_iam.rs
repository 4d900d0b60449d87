//! IAM through boto3 as it is, every answer checked against botocore's own model of the service.

use anyhow::Result;
use tollgate_testkit::Tollgate;

use crate::support::boto3;

#[tokio::test]
async fn everything_that_iam_serves_through_boto3() -> Result<()> {
    let tollgate = Tollgate::start()?;
    boto3(&tollgate, "iam", &[]).await
}
