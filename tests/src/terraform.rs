//! `deploy/terraform` with the real AWS provider: made, unchanged, changed, imported, taken away.
//!
//! Runs where `terraform` (or `tofu`) is on the PATH and `init` finds the provider: in a mirror, or over the network. Neither can be had from a Debian, Python or Node package, so elsewhere the test says that it is skipped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tollgate_testkit::{Postgres, PostgresVersion, Tollgate};

use crate::support::{APP_PASSWORD, output};

/// Every attribute that can be changed without making its resource anew.
const CHANGED: [(&str, &str); 15] = [
    ("proxy_name", "app-two"),
    ("require_tls", "false"),
    ("iam_auth", "DISABLED"),
    ("auth_description", "passwords for a while"),
    ("role_name", "app-proxy-two"),
    ("further_security_group_ids", r#"["sg-0defa017000000000"]"#),
    ("password", "Other-pw-6f2a"),
    ("idle_client_timeout", "600"),
    ("debug_logging", "true"),
    ("connection_borrow_timeout", "30"),
    ("init_query", "SET lock_timeout = 1000"),
    ("max_connections_percent", "80"),
    ("max_idle_connections_percent", "20"),
    ("tags", r#"{"team":"shop"}"#),
    ("clients", r#"["127.0.0.0/8","10.0.0.0/8"]"#),
];

/// What is imported, and its ids.
const IMPORTED: [(&str, &str); 4] = [
    ("aws_db_proxy.app", "app-two"),
    ("aws_db_proxy_default_target_group.app", "app-two"),
    (
        "aws_db_proxy_target.app",
        "app-two/default/RDS_INSTANCE/db-1",
    ),
    ("aws_db_proxy_endpoint.reader", "app-two/app-reader"),
];

/// A folder of providers that somebody has installed beside the system's programs.
fn mirror() -> Option<PathBuf> {
    let places = ["/opt", "/usr/share", "/usr/local/share"];
    let entries = places.iter().filter_map(|place| fs::read_dir(place).ok());
    let mut folders = entries
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()));
    folders.find(|folder| folder.join("registry.terraform.io/hashicorp/aws").is_dir())
}

/// A folder with the example, initialised, and where it leads to.
struct Example {
    program: &'static str,
    folder: tempfile::TempDir,
    tollgate: Tollgate,
}

impl Example {
    /// Nothing where Terraform or its provider is absent.
    async fn initialised(tollgate: Tollgate) -> Result<Option<Self>> {
        let found = ["terraform", "tofu"].into_iter().find(|program| {
            let version = Command::new(program).arg("version").output();
            version.is_ok_and(|output| output.status.success())
        });
        let Some(program) = found else {
            eprintln!("SKIPPED: neither terraform nor tofu is on the PATH");
            return Ok(None);
        };
        let folder = tempfile::tempdir()?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/terraform");
        for name in ["main.tf", "variables.tf", "outputs.tf"] {
            fs::copy(source.join(name), folder.path().join(name))?;
        }
        let example = Self {
            program,
            folder,
            tollgate,
        };
        let mirror = mirror().map(|path| format!("-plugin-dir={}", path.display()));
        let mut init = vec!["init", "-input=false", "-no-color"];
        init.extend(mirror.as_deref());
        match example.run(&init, &[]).await? {
            (Some(0), _) => Ok(Some(example)),
            (_, words) => {
                eprintln!("SKIPPED: {program} init found no AWS provider: {words}");
                Ok(None)
            }
        }
    }

    /// Exit code and words of one command with these variables.
    async fn run(
        &self,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<(Option<i32>, String)> {
        let mut command = Command::new(self.program);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env(
                "AWS_SHARED_CREDENTIALS_FILE",
                self.tollgate.credentials_file(),
            )
            .env("AWS_PROFILE", "tollgate")
            .env("TF_IN_AUTOMATION", "1")
            .env("TF_VAR_tollgate", self.tollgate.url())
            .env("TF_VAR_password", APP_PASSWORD)
            .envs(
                variables
                    .iter()
                    .map(|(name, value)| (format!("TF_VAR_{name}"), *value)),
            )
            .stdin(Stdio::null());
        let said = output(&mut command).await?;
        let words = [said.stdout, said.stderr].concat();
        Ok((
            said.status.code(),
            String::from_utf8_lossy(&words).into_owned(),
        ))
    }

    async fn must(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Result<()> {
        let (code, words) = self.run(arguments, variables).await?;
        ensure!(
            code == Some(0),
            "{arguments:?} {variables:?}: {code:?}\n{words}"
        );
        Ok(())
    }

    async fn apply(&self, variables: &[(&str, &str)]) -> Result<()> {
        let apply = ["apply", "-input=false", "-no-color", "-auto-approve"];
        self.must(&apply, variables).await
    }

    /// A second plan finds nothing to change, if answers say what was asked for.
    async fn is_settled(&self, variables: &[(&str, &str)]) -> Result<()> {
        let plan = ["plan", "-input=false", "-no-color", "-detailed-exitcode"];
        let (code, words) = self.run(&plan, variables).await?;
        ensure!(
            code == Some(0),
            "a second plan is not empty: {variables:?}\n{words}"
        );
        Ok(())
    }

    /// Forgets what there is and finds it again by its ids.
    async fn import(&self) -> Result<()> {
        let mut forget = vec!["state", "rm"];
        forget.extend(IMPORTED.map(|(address, _)| address));
        self.must(&forget, &CHANGED).await?;
        let blocks =
            IMPORTED.map(|(to, id)| format!("import {{\n  to = {to}\n  id = \"{id}\"\n}}\n"));
        fs::write(self.folder.path().join("imports.tf"), blocks.concat())?;
        self.apply(&CHANGED).await
    }

    async fn proxy(&self, name: &str) -> Result<Value> {
        let path = format!("/v1/proxies/{name}");
        self.tollgate.api()?.get(&path).await?.expect(200)
    }
}

#[tokio::test]
async fn the_example_applies_changes_imports_and_goes() -> Result<()> {
    let postgres = Postgres::start(PostgresVersion::newest()?)?;
    postgres.user_create("app", APP_PASSWORD)?;
    let tollgate = Tollgate::start()?;
    let database = json!({
        "name": "db-1", "engine": "postgres", "host": "127.0.0.1", "port": postgres.port(),
    });
    let api = tollgate.api()?;
    api.post("/v1/databases", &database).await?.expect(201)?;
    let Some(example) = Example::initialised(tollgate).await? else {
        return Ok(());
    };
    example.apply(&[]).await?;
    example.is_settled(&[]).await?;
    ensure!(example.proxy("app").await?["status"] == "available");

    example.apply(&CHANGED).await?;
    example.is_settled(&CHANGED).await?;
    let proxy = example.proxy("app-two").await?;
    let shown = (
        &proxy["idleClientTimeout"],
        &proxy["debugLogging"],
        &proxy["tags"]["team"],
    );
    ensure!(
        shown == (&json!(600), &json!(true), &json!("shop")),
        "{proxy}"
    );
    ensure!(proxy["requireTls"] == false, "{proxy}");
    let role = proxy["roleArn"].as_str().unwrap_or_default();
    ensure!(
        role.ends_with(":role/app-proxy-two") && proxy["auth"][0]["iamAuth"] == "DISABLED",
        "{proxy}"
    );

    example.import().await?;
    example.is_settled(&CHANGED).await?;

    example
        .must(
            &["destroy", "-input=false", "-no-color", "-auto-approve"],
            &CHANGED,
        )
        .await?;
    let gone = example.tollgate.api()?.get("/v1/proxies/app-two").await?;
    gone.expect(404).context("the proxy is still there")?;
    Ok(())
}
