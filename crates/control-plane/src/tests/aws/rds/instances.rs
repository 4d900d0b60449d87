//! The registered databases as instances, and clusters, of which there are none.

use super::{World, element, elements, good, refused};

#[tokio::test]
async fn registered_databases_are_instances() {
    let world = World::new().await;
    world.database("orders-db").await;
    world.database("reports-db").await;
    let all = good(&world, "DescribeDBInstances", &[]).await;
    assert_eq!(
        elements(&all, "DBInstanceIdentifier"),
        ["orders-db", "reports-db"]
    );
    let arn = "arn:aws:rds:us-east-1:000000000000:db:orders-db";
    for name in ["orders-db", arn] {
        let named = [("DBInstanceIdentifier", name)];
        let one = good(&world, "DescribeDBInstances", &named).await;
        assert!(one.contains("<DBInstances><DBInstance>"), "{one}");
        for (name, value) in [
            ("DBInstanceArn", arn),
            ("DBInstanceStatus", "available"),
            ("Engine", "postgres"),
            ("Address", "10.0.0.5"),
            ("Port", "5432"),
        ] {
            assert_eq!(element(&one, name), value, "{name}");
        }
    }
    let missing = [("DBInstanceIdentifier", "no")];
    refused(
        &world,
        "DescribeDBInstances",
        &missing,
        404,
        "DBInstanceNotFound",
    )
    .await;
}

#[tokio::test]
async fn there_are_no_clusters() {
    let world = World::new().await;
    let none = good(&world, "DescribeDBClusters", &[]).await;
    assert!(none.contains("<DBClusters/>"), "{none}");
    let named = [("DBClusterIdentifier", "c")];
    refused(
        &world,
        "DescribeDBClusters",
        &named,
        404,
        "DBClusterNotFoundFault",
    )
    .await;
}
