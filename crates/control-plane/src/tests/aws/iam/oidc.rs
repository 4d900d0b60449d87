//! OIDC providers.

use super::{World, element};

#[expect(clippy::too_many_lines, reason = "one story from beginning to end")]
#[tokio::test]
async fn a_provider_comes_changes_and_goes() {
    let world = World::new().await;
    let print = "A".repeat(40);
    let members = [
        ("Url", "https://idp.example/realms/a"),
        ("ClientIDList.member.1", "app"),
        ("ThumbprintList.member.1", print.as_str()),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "shop"),
    ];
    let made = world
        .iam("CreateOpenIDConnectProvider", &members)
        .good()
        .await;
    let arn = element(&made, "OpenIDConnectProviderArn").to_owned();
    assert_eq!(
        arn,
        "arn:aws:iam::000000000000:oidc-provider/idp.example/realms/a"
    );
    world
        .iam("CreateOpenIDConnectProvider", &members)
        .refused(409, "EntityAlreadyExists")
        .await;
    let one = ("OpenIDConnectProviderArn", arn.as_str());
    let with_id = [one, ("ClientID", "job")];
    world
        .iam("AddClientIDToOpenIDConnectProvider", &with_id)
        .good()
        .await;
    let answer = world.iam("GetOpenIDConnectProvider", &[one]).good().await;
    assert_eq!(element(&answer, "Url"), "idp.example/realms/a");
    assert!(
        answer.contains("<ClientIDList><member>app</member><member>job</member></ClientIDList>")
    );
    assert!(answer.contains(&format!(
        "<ThumbprintList><member>{print}</member></ThumbprintList>"
    )));
    world
        .iam("RemoveClientIDFromOpenIDConnectProvider", &with_id)
        .good()
        .await;
    let other = "b".repeat(40);
    let prints = [one, ("ThumbprintList.member.1", other.as_str())];
    world
        .iam("UpdateOpenIDConnectProviderThumbprint", &prints)
        .good()
        .await;
    let answer = world.iam("GetOpenIDConnectProvider", &[one]).good().await;
    assert!(answer.contains(&other) && !answer.contains("job"));
    let tag = [
        one,
        ("Tags.member.1.Key", "k"),
        ("Tags.member.1.Value", "v"),
    ];
    world.iam("TagOpenIDConnectProvider", &tag).good().await;
    let untag = [one, ("TagKeys.member.1", "team")];
    world.iam("UntagOpenIDConnectProvider", &untag).good().await;
    let tags = world
        .iam("ListOpenIDConnectProviderTags", &[one])
        .good()
        .await;
    assert_eq!(element(&tags, "Key"), "k");
    let listed = world.iam("ListOpenIDConnectProviders", &[]).good().await;
    assert_eq!(element(&listed, "Arn"), arn);
    world
        .iam("DeleteOpenIDConnectProvider", &[one])
        .good()
        .await;
    for operation in ["GetOpenIDConnectProvider", "DeleteOpenIDConnectProvider"] {
        let call = world.iam(operation, &[one]);
        call.refused(404, "NoSuchEntity").await;
    }
}

#[tokio::test]
async fn urls_and_thumbprints_are_checked() {
    let world = World::new().await;
    for url in [
        "http://idp.example",
        "https://",
        "https:///path",
        "https://idp.example/?a=b",
        "https://user@idp.example",
    ] {
        let call = world.iam("CreateOpenIDConnectProvider", &[("Url", url)]);
        call.refused(400, "InvalidInput").await;
    }
    let members = [
        ("Url", "https://idp.example"),
        ("ThumbprintList.member.1", "xyz"),
    ];
    world
        .iam("CreateOpenIDConnectProvider", &members)
        .refused(400, "InvalidInput")
        .await;
}
