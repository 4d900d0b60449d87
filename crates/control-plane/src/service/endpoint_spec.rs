//! What an endpoint must be like: parsed once, then trusted.

use std::collections::BTreeSet;

use tollgate_types::{NameRule, TargetRole};

use super::check::Check;
use crate::http::decode::Decoded;
use crate::http::views::proxy::{CreateEndpoint, PatchEndpoint};
use crate::problem::Problem;

const ALIASES_MAX: usize = 20;

/// A valid endpoint; its port is chosen by the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EndpointSpec {
    pub(crate) name: String,
    pub(crate) target_role: TargetRole,
    pub(crate) aliases: Vec<String>,
}

impl TryFrom<Decoded<CreateEndpoint>> for EndpointSpec {
    type Error = Problem;

    fn try_from(request: Decoded<CreateEndpoint>) -> Result<Self, Problem> {
        let Decoded { value, problems } = request;
        let mut check = Check::new(problems);
        let name = check.name(NameRule::Identifier, value.name);
        if name == "default" {
            check.wrong(
                "/name",
                "name != default",
                "`default` is the endpoint made with the proxy",
            );
        }
        let target_role = value.target_role.unwrap_or(TargetRole::ReadOnly);
        let aliases = aliases(&mut check, value.aliases.unwrap_or_default());
        check.done(Self {
            name,
            target_role,
            aliases,
        })
    }
}

/// Valid aliases from a merged patch.
pub(crate) fn patched_aliases(request: Decoded<PatchEndpoint>) -> Result<Vec<String>, Problem> {
    let mut check = Check::new(request.problems);
    let aliases = aliases(&mut check, request.value.aliases.unwrap_or_default());
    check.done(aliases)
}

/// Lower case, no trailing dot, sorted, without repeats: tokens are compared in that form.
fn aliases(check: &mut Check, given: Vec<String>) -> Vec<String> {
    if given.len() > ALIASES_MAX {
        check.wrong(
            "/aliases",
            "at most 20 aliases",
            "an endpoint can have at most 20 aliases",
        );
    }
    for (index, alias) in given.iter().enumerate() {
        check.host(&format!("/aliases/{index}"), alias);
    }
    let normal = |alias: String| alias.trim_end_matches('.').to_ascii_lowercase();
    given
        .into_iter()
        .map(normal)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}
