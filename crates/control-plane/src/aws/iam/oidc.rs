//! OIDC providers: whose tokens `sts:AssumeRoleWithWebIdentity` may take.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_store::{NewOidcProvider, OidcProviderRow};

use super::fault::limit_exceeded;
use super::{begin, finish, given, shape};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::{Fault, Refusal};
use crate::aws::shape::Members;
use crate::aws::table::{Authorized, Operation};
use crate::http::table::{Kind, On};
use crate::service::name;
use crate::time::rfc3339;

/// The member that names a provider.
pub(super) const ARN: &str = "OpenIDConnectProviderArn";

/// Source: IAM API, `OpenIDConnectProviderUrlType`, `clientIDListType`, `thumbprintListType`.
const URL_LENGTH_MAX: usize = 255;
const CLIENT_IDS_MAX: usize = 100;
const CLIENT_ID_LENGTH_MAX: usize = 255;
const THUMBPRINTS_MAX: usize = 5;
const THUMBPRINT_LENGTH: usize = 40;

pub(super) fn operations() -> Vec<Operation> {
    let one = Authorized::One(Kind::OidcProvider, ARN);
    vec![
        Operation::new("CreateOpenIDConnectProvider", Authorized::ByHandler, create),
        Operation::new("GetOpenIDConnectProvider", one, get),
        Operation::new(
            "ListOpenIDConnectProviders",
            Authorized::Any(Kind::OidcProvider),
            list,
        ),
        Operation::new("DeleteOpenIDConnectProvider", one, delete),
        Operation::new(
            "UpdateOpenIDConnectProviderThumbprint",
            one,
            update_thumbprints,
        ),
        Operation::new("AddClientIDToOpenIDConnectProvider", one, add_client_id),
        Operation::new(
            "RemoveClientIDFromOpenIDConnectProvider",
            one,
            remove_client_id,
        ),
    ]
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateProvider {
    url: String,
    #[serde(default, rename = "ClientIDList")]
    client_ids: Vec<String>,
    #[serde(default, rename = "ThumbprintList")]
    thumbprints: Vec<String>,
    #[serde(default)]
    tags: Vec<given::Tag>,
}

#[skip_serializing_none]
#[derive(Serialize)]
struct Created {
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
    #[serde(rename = "Tags")]
    tags: Option<Members<shape::Tag>>,
}

async fn create(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: CreateProvider = call.decode()?;
    let url = bare_url(&request.url)?;
    let new = NewOidcProvider {
        client_ids: client_ids(request.client_ids)?,
        thumbprints: thumbprints(request.thumbprints)?,
        tags: given::tags(request.tags)?,
        url,
    };
    let arn = arn_of(&call, &new.url);
    call.allow("iam:CreateOpenIDConnectProvider", On::New, &arn)
        .await?;
    let writing = begin(&call).await?;
    let row = writing.oidc_provider_create(new).await?;
    let tags = (!row.tags.is_empty()).then(|| shape::tags(row.tags));
    let answer = call.answer(&Created { arn, tags })?;
    finish(&call, writing, answer).await
}

fn arn_of(call: &Call, url: &str) -> String {
    call.api.settings.arn.iam(&format!("oidc-provider/{url}"))
}

/// The URL without scheme: tokens name exactly this issuer, so nothing that could be spelled otherwise may be
/// in it.
fn bare_url(given: &str) -> Result<String, Refusal> {
    let bare = given.strip_prefix("https://").unwrap_or_default();
    let host = bare.split('/').next().unwrap_or_default();
    let is_fine = !host.is_empty()
        && given.len() <= URL_LENGTH_MAX
        && bare
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/%".contains(&byte));
    if is_fine {
        return Ok(bare.to_owned());
    }
    let message = format!(
        "Url must be https:// with a host and perhaps a path, without query or fragment, at most \
         {URL_LENGTH_MAX} characters"
    );
    Err(Fault::sender("InvalidInput", message).into())
}

fn client_ids(given: Vec<String>) -> Result<Vec<String>, Refusal> {
    if given.len() > CLIENT_IDS_MAX {
        let message =
            format!("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {CLIENT_IDS_MAX}");
        return Err(limit_exceeded(message).into());
    }
    let is_fine = |id: &String| (1..=CLIENT_ID_LENGTH_MAX).contains(&id.chars().count());
    if !given.iter().all(is_fine) {
        let message = format!("client ids must be 1 to {CLIENT_ID_LENGTH_MAX} characters long");
        return Err(Refusal::Invalid(message));
    }
    Ok(given)
}

fn thumbprints(given: Vec<String>) -> Result<Vec<String>, Refusal> {
    let is_fine =
        |hex: &String| hex.len() == THUMBPRINT_LENGTH && hex.bytes().all(|b| b.is_ascii_hexdigit());
    if given.len() > THUMBPRINTS_MAX || !given.iter().all(is_fine) {
        let message = format!(
            "ThumbprintList must have at most {THUMBPRINTS_MAX} elements of {THUMBPRINT_LENGTH} \
             hexadecimal digits"
        );
        return Err(Fault::sender("InvalidInput", message).into());
    }
    Ok(given)
}

#[derive(Deserialize)]
struct ProviderAsked {
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
}

fn url_in<'r>(call: &Call, arn: &'r str) -> &'r str {
    name::oidc_provider(&call.api.settings.arn, arn)
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Provider {
    url: String,
    #[serde(rename = "ClientIDList")]
    client_ids: Members<String>,
    thumbprint_list: Members<String>,
    create_date: String,
    tags: Option<Members<shape::Tag>>,
}

async fn get(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: ProviderAsked = call.decode()?;
    let row = call
        .api
        .store
        .oidc_provider_get(url_in(&call, &request.arn))
        .await?;
    call.answer(&Provider {
        url: row.url,
        client_ids: Members(row.client_ids),
        thumbprint_list: Members(row.thumbprints),
        create_date: rfc3339(row.created_at),
        tags: (!row.tags.is_empty()).then(|| shape::tags(row.tags)),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListEntry {
    arn: String,
}

#[derive(Serialize)]
struct Providers {
    #[serde(rename = "OpenIDConnectProviderList")]
    providers: Members<ListEntry>,
}

async fn list(call: Arc<Call>) -> Result<Answer, Refusal> {
    let rows = call.api.store.oidc_provider_list().await?;
    let entry = |row: OidcProviderRow| ListEntry {
        arn: arn_of(&call, &row.url),
    };
    call.answer(&Providers {
        providers: Members(rows.into_iter().map(entry).collect()),
    })
}

async fn delete(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: ProviderAsked = call.decode()?;
    let writing = begin(&call).await?;
    writing
        .oidc_provider_delete(url_in(&call, &request.arn))
        .await?;
    finish(&call, writing, call.done()?).await
}

#[derive(Deserialize)]
struct UpdateThumbprints {
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
    #[serde(rename = "ThumbprintList")]
    thumbprints: Vec<String>,
}

async fn update_thumbprints(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: UpdateThumbprints = call.decode()?;
    let given = thumbprints(request.thumbprints)?;
    let writing = begin(&call).await?;
    let row = writing
        .oidc_provider_get(url_in(&call, &request.arn))
        .await?;
    writing
        .oidc_provider_update(&row.url, &row.client_ids, &given)
        .await?;
    finish(&call, writing, call.done()?).await
}

#[derive(Deserialize)]
struct OneClientId {
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
    #[serde(rename = "ClientID")]
    client_id: String,
}

/// Once is enough.
async fn add_client_id(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: OneClientId = call.decode()?;
    let writing = begin(&call).await?;
    let row = writing
        .oidc_provider_get(url_in(&call, &request.arn))
        .await?;
    let mut ids = row.client_ids;
    if !ids.contains(&request.client_id) {
        ids.push(request.client_id);
    }
    let ids = client_ids(ids)?;
    writing
        .oidc_provider_update(&row.url, &ids, &row.thumbprints)
        .await?;
    finish(&call, writing, call.done()?).await
}

/// One that is not there does not matter, as in AWS.
async fn remove_client_id(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: OneClientId = call.decode()?;
    let writing = begin(&call).await?;
    let row = writing
        .oidc_provider_get(url_in(&call, &request.arn))
        .await?;
    let mut ids = row.client_ids;
    ids.retain(|id| *id != request.client_id);
    writing
        .oidc_provider_update(&row.url, &ids, &row.thumbprints)
        .await?;
    finish(&call, writing, call.done()?).await
}
