//! `/v1/iam/policies` and their versions

use http::Method;
use tollgate_store::{Expect, Kind as StoreKind, PolicyRow, PolicyVersionRow};

use crate::api::Api;
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::table::{Kind, On, Operation};
use crate::http::views::access::{
    CreatePolicy, CreatePolicyVersion, Policy, PolicyVersion, SetDefaultVersion,
};
use crate::http::views::{PolicyList, PolicyVersionList};
use crate::http::{etag, page, path, write};
use crate::problem::{Code, Problem};
use crate::service::check::Check;
use crate::service::identity_spec::{Activation, PolicySpec, policy_version};
use crate::service::{identities, name};

const ONE: &str = "/v1/iam/policies/{name}";
const ALL: &str = "/v1/iam/policies";
const VERSIONS: &str = "/v1/iam/policies/{name}/versions";
const VERSION: &str = "/v1/iam/policies/{name}/versions/{version}";
const DEFAULT: &str = "/v1/iam/policies/{name}/default-version";

pub(super) fn operations() -> Vec<Operation> {
    let (one, any) = (On::One(Kind::Policy), On::Any(Kind::Policy));
    let mut found = vec![
        Operation::new(Method::POST, ALL, "createPolicy", create)
            .allowed("tollgate:CreatePolicy", any)
            .about("iam", "Create a policy with its first version")
            .takes::<CreatePolicy>()
            .gives::<Policy>(201, "The policy."),
        Operation::new(Method::GET, ALL, "listPolicies", list)
            .allowed("tollgate:ListPolicies", any)
            .about("iam", "List policies")
            .paged()
            .gives::<PolicyList>(200, "A page of policies in the order of their names."),
        Operation::new(Method::GET, ONE, "getPolicy", get)
            .allowed("tollgate:GetPolicy", one)
            .about("iam", "Read a policy with the version in force")
            .gives::<Policy>(200, "The policy."),
        Operation::new(Method::DELETE, ONE, "deletePolicy", delete)
            .allowed("tollgate:DeletePolicy", one)
            .about("iam", "Delete a policy that is attached to nobody")
            .gives_nothing(),
    ];
    found.extend(versions(one));
    found
}

fn versions(one: On) -> [Operation; 5] {
    [
        Operation::new(
            Method::POST,
            VERSIONS,
            "createPolicyVersion",
            create_version,
        )
        .allowed("tollgate:CreatePolicyVersion", one)
        .about("iam", "Add a version to a policy; five are kept at most")
        .takes::<CreatePolicyVersion>()
        .gives::<PolicyVersion>(201, "The version."),
        Operation::new(Method::GET, VERSIONS, "listPolicyVersions", list_versions)
            .allowed("tollgate:ListPolicyVersions", one)
            .about("iam", "List the versions of a policy")
            .gives::<PolicyVersionList>(200, "All versions."),
        Operation::new(Method::GET, VERSION, "getPolicyVersion", get_version)
            .allowed("tollgate:GetPolicyVersion", one)
            .about("iam", "Read a version of a policy")
            .gives::<PolicyVersion>(200, "The version."),
        Operation::new(
            Method::DELETE,
            VERSION,
            "deletePolicyVersion",
            delete_version,
        )
        .allowed("tollgate:DeletePolicyVersion", one)
        .about("iam", "Delete a version of a policy that is not in force")
        .if_match_optional()
        .gives_nothing(),
        Operation::new(Method::PUT, DEFAULT, "setDefaultPolicyVersion", set_default)
            .allowed("tollgate:SetDefaultPolicyVersion", one)
            .about("iam", "Put a version of a policy into force")
            .if_match_optional()
            .takes::<SetDefaultVersion>()
            .gives::<Policy>(200, "The policy with the version in force."),
    ]
}

async fn create(api: Api, call: Call) -> Result<Answer, Problem> {
    let spec = PolicySpec::parse(call.decode::<CreatePolicy>()?, &call.received.body)?;
    let writing = match write::create(&api, &call).await? {
        write::Start::Fresh(writing) => writing,
        write::Start::Replay(answer) => return Ok(answer),
    };
    let row = writing
        .policy_create(identities::new_policy(&api.ports.random, spec))
        .await?;
    let location = path::of(StoreKind::Policy, &row.name).unwrap_or_default();
    let tag = etag::etag(&row.id, row.generation);
    let view = identities::policy_view(row, &api.settings.arn);
    let answer = Answer::created(location, &view)?.etag(tag);
    write::finish_create(&api, &call, writing, answer).await
}

async fn list(api: Api, call: Call) -> Result<Answer, Problem> {
    let listed = api.store.policy_list(&page::ask(&api, &call)?).await?;
    let next_page_token = page::next(&api, &call, listed.next.as_deref())?;
    let view = |row| identities::policy_view(row, &api.settings.arn);
    Answer::ok(&PolicyList {
        items: listed.items.into_iter().map(view).collect(),
        next_page_token,
    })
}

async fn get(api: Api, call: Call) -> Result<Answer, Problem> {
    show(&api, api.store.policy_get(given(&api, &call)).await?)
}

async fn delete(api: Api, call: Call) -> Result<Answer, Problem> {
    let writing = write::change(&api, &call).await?;
    let row = writing.policy_get(given(&api, &call)).await?;
    identities::changeable(&row)?;
    etag::check(&call, &row.id, row.generation)?;
    writing.policy_delete(&row.id, Expect::Anything).await?;
    write::finish(&api, writing, Answer::nothing()).await
}

async fn create_version(api: Api, call: Call) -> Result<Answer, Problem> {
    let decoded = call.decode::<CreatePolicyVersion>()?;
    let (document, activation) = policy_version(decoded, &call.received.body)?;
    let writing = match write::create(&api, &call).await? {
        write::Start::Fresh(writing) => writing,
        write::Start::Replay(answer) => return Ok(answer),
    };
    let policy = writing.policy_get(given(&api, &call)).await?;
    identities::changeable(&policy)?;
    let mut row = writing
        .policy_version_create(&policy.id, Expect::Anything, &document)
        .await?;
    if activation == Activation::Now {
        row = writing
            .policy_version_set_default(&policy.id, Expect::Anything, row.version)
            .await?;
    }
    let location = format!(
        "/v1/iam/policies/{}/versions/{}",
        path::segment(&policy.name),
        row.version
    );
    let answer = Answer::created(location, &identities::version_view(&row))?;
    write::finish_create(&api, &call, writing, answer).await
}

async fn list_versions(api: Api, call: Call) -> Result<Answer, Problem> {
    let rows: Vec<PolicyVersionRow> = api.store.policy_version_list(given(&api, &call)).await?;
    let items = rows.iter().map(identities::version_view).collect();
    Answer::ok(&PolicyVersionList {
        items,
        next_page_token: None,
    })
}

async fn get_version(api: Api, call: Call) -> Result<Answer, Problem> {
    let row = api
        .store
        .policy_version_get(given(&api, &call), number(&call)?)
        .await?;
    Answer::ok(&identities::version_view(&row))
}

async fn delete_version(api: Api, call: Call) -> Result<Answer, Problem> {
    let version = number(&call)?;
    let writing = write::change(&api, &call).await?;
    let row = writing.policy_get(given(&api, &call)).await?;
    identities::changeable(&row)?;
    etag::check(&call, &row.id, row.generation)?;
    writing.policy_version_delete(&row.id, version).await?;
    write::finish(&api, writing, Answer::nothing()).await
}

async fn set_default(api: Api, call: Call) -> Result<Answer, Problem> {
    let decoded = call.decode::<SetDefaultVersion>()?;
    let mut check = Check::new(decoded.problems);
    let version = check.required("/version", decoded.value.version);
    let version = check.done(version)?;
    let writing = write::change(&api, &call).await?;
    let row = writing.policy_get(given(&api, &call)).await?;
    identities::changeable(&row)?;
    etag::check(&call, &row.id, row.generation)?;
    writing
        .policy_version_set_default(&row.id, Expect::Anything, version)
        .await?;
    let row = writing.policy_get(&row.id).await?;
    let answer = show(&api, row)?;
    write::finish(&api, writing, answer).await
}

/// A version's number; what is no number names no version.
fn number(call: &Call) -> Result<u32, Problem> {
    let text = call.param("version");
    let digits = text.strip_prefix('v').unwrap_or(text);
    digits.parse().map_err(|_| {
        Problem::new(
            Code::NotFound,
            format!("there is no policy version `{text}`"),
        )
    })
}

fn given<'c>(api: &Api, call: &'c Call) -> &'c str {
    name::iam(&api.settings.arn, "policy", call.param("name"))
}

fn show(api: &Api, row: PolicyRow) -> Result<Answer, Problem> {
    let tag = etag::etag(&row.id, row.generation);
    Ok(Answer::ok(&identities::policy_view(row, &api.settings.arn))?.etag(tag))
}
