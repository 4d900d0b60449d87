//! `/livez`, `/readyz` and `/openapi.json`

use http::{Method, StatusCode};
use tollgate_store::StoreState;

use crate::api::Api;
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::table::Operation;
use crate::http::views::health::{ApiDocument, HealthReport, ReadinessCheck};
use crate::problem::Problem;

/// A loop that has neither finished a turn nor looked for one for this long is said to be late.
const LATE_AFTER_S: i64 = 10;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::GET, "/livez", "getLiveness", live)
            .about("health", "Whether the process answers")
            .gives::<HealthReport>(200, "It does."),
        Operation::new(Method::GET, "/readyz", "getReadiness", ready)
            .about(
                "health",
                "Whether work should be sent here; depends on no database",
            )
            .query(
                "verbose",
                "List every check with state, age and last error.",
            )
            .gives::<HealthReport>(200, "It should.")
            .gives::<HealthReport>(
                503,
                "It should not: no configuration yet, or shutting down.",
            ),
        Operation::new(Method::GET, "/openapi.json", "getOpenApi", document)
            .about("document", "This document")
            .gives::<ApiDocument>(200, "The OpenAPI document."),
    ]
}

async fn live(_api: Api, _call: Call) -> Result<Answer, Problem> {
    Answer::ok(&HealthReport {
        status: "ok".to_owned(),
        checks: Vec::new(),
    })
}

async fn ready(api: Api, call: Call) -> Result<Answer, Problem> {
    let checks = checks(&api);
    let is_ready = checks.iter().all(|check| check.state != FAILING);
    let status = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let word = if is_ready { OK } else { FAILING };
    let is_verbose = call.query("verbose").is_some_and(|value| value != "false");
    let checks = if is_verbose { checks } else { Vec::new() };
    Answer::with(
        status,
        &HealthReport {
            status: word.to_owned(),
            checks,
        },
    )
}

async fn document(_api: Api, _call: Call) -> Result<Answer, Problem> {
    Answer::ok(&crate::http::openapi())
}

const OK: &str = "ok";
const DEGRADED: &str = "degraded";
const FAILING: &str = "failing";

fn checks(api: &Api) -> Vec<ReadinessCheck> {
    let now = api.now();
    let view = api.loop_health.view();
    let runs_something = api.ports.observations.borrow().revision.0 > 0;
    let has_snapshot = view.published.is_some() || runs_something;
    let store = api.store.health();
    let late = now.saturating_sub(view.last_success_unix) > LATE_AFTER_S;
    let report =
        |name: &str, state: &str, age_s: Option<i64>, last_error: Option<String>| ReadinessCheck {
            name: name.to_owned(),
            state: state.to_owned(),
            age_s,
            last_error,
        };
    vec![
        report(
            "metadata",
            match store.state {
                StoreState::Ready => OK,
                // Running data planes work on; only those who change the configuration notice.
                StoreState::Connecting | StoreState::Away => DEGRADED,
            },
            i64::try_from(store.age.as_secs()).ok(),
            store.last_error,
        ),
        report(
            "snapshot",
            if has_snapshot { OK } else { FAILING },
            None,
            None,
        ),
        report(
            "data-plane",
            if runs_something { OK } else { DEGRADED },
            None,
            None,
        ),
        report(
            "reconciler",
            if late { DEGRADED } else { OK },
            (view.last_success_unix > 0).then(|| now.saturating_sub(view.last_success_unix)),
            view.last_error,
        ),
        report(
            "draining",
            if api.loop_health.is_draining() {
                FAILING
            } else {
                OK
            },
            None,
            None,
        ),
    ]
}
