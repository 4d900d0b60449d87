//! The clients of MySQL and MariaDB that are programs: how each is started and told where to connect.

use std::process::Command;

use anyhow::{Context, Result};
use tollgate_testkit::MySqlKind;

use super::{
    super::{
        process,
        programs::{go_script, java_script, node_script, ours, python_script},
    },
    Steps, Target,
};

/// A client that is a program.
#[derive(Clone, Copy)]
pub(super) enum Program {
    MySqlCli,
    MariaDbCli,
    PyMySql,
    MySqlClient,
    ConnectorPython,
    MySql2,
    MariaDbNode,
    ConnectorJ,
    GoSqlDriver,
    SqlalchemyPyMySql,
    SqlalchemyMySqlClient,
    Django,
}

impl Program {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::MySqlCli => "mysql",
            Self::MariaDbCli => "mariadb",
            Self::PyMySql => "PyMySQL",
            Self::MySqlClient => "mysqlclient",
            Self::ConnectorPython => "mysql-connector-python",
            Self::MySql2 => "mysql2",
            Self::MariaDbNode => "mariadb (npm)",
            Self::ConnectorJ => "MariaDB Connector/J",
            Self::GoSqlDriver => "go-sql-driver",
            Self::SqlalchemyPyMySql => "SQLAlchemy on PyMySQL",
            Self::SqlalchemyMySqlClient => "SQLAlchemy on mysqlclient",
            Self::Django => "Django",
        }
    }

    /// Goes through all steps and returns the client's version.
    pub(super) async fn run(self, target: &Target, steps: &mut Steps<'_>) -> Result<String> {
        let mut command = self.command(target)?;
        point_at(target, &mut command);
        let cli = match self {
            Self::MySqlCli => "9",
            Self::MariaDbCli => "10.11",
            Self::PyMySql
            | Self::MySqlClient
            | Self::ConnectorPython
            | Self::MySql2
            | Self::MariaDbNode
            | Self::ConnectorJ
            | Self::GoSqlDriver
            | Self::SqlalchemyPyMySql
            | Self::SqlalchemyMySqlClient
            | Self::Django => return process::run(&mut command, steps).await,
        };
        let script = ours("mysql/command_line.sql");
        let text = std::fs::read_to_string(script).context("reading command_line.sql")?;
        process::run_command_line(&mut command, &process::MYSQL, &text, steps).await?;
        Ok(cli.to_owned())
    }

    fn command(self, target: &Target) -> Result<Command> {
        Ok(match self {
            Self::MySqlCli => command_line(MySqlKind::MySql9, target)?,
            Self::MariaDbCli => command_line(MySqlKind::MariaDb, target)?,
            Self::PyMySql => python("dbapi_steps.py", "pymysql"),
            Self::MySqlClient => python("dbapi_steps.py", "mysqlclient"),
            Self::ConnectorPython => python("dbapi_steps.py", "connector"),
            Self::MySql2 => node_script("mysql/mysql2_steps.cjs"),
            Self::MariaDbNode => node_script("mysql/mariadb_steps.cjs"),
            Self::ConnectorJ => {
                java_script("mariadb-java-client.jar", "mysql/ConnectorJSteps.java")
            }
            Self::GoSqlDriver => go_script("mysql/go_sql_driver_steps.go"),
            Self::SqlalchemyPyMySql => python("sqlalchemy_steps.py", "pymysql"),
            Self::SqlalchemyMySqlClient => python("sqlalchemy_steps.py", "mysqldb"),
            Self::Django => python("django_steps.py", "mysqlclient"),
        })
    }
}

fn python(name: &str, driver: &str) -> Command {
    let mut command = python_script(&format!("mysql/{name}"));
    // The module with the words of a script lies one folder up.
    command.arg(driver).env("PYTHONPATH", ours(""));
    command
}

/// Tells a script where to connect, the token or password among it.
fn point_at(target: &Target, command: &mut Command) {
    let kind = match target.kind {
        MySqlKind::MySql9 => "mysql",
        MySqlKind::MariaDb => "mariadb",
    };
    command
        .env("DB_KIND", kind)
        .env("DB_HOST", "127.0.0.1")
        .env("DB_PORT", target.port.to_string())
        .env("DB_USER", "app")
        .env("DB_PASSWORD", &target.password)
        .env("DB_NAME", target.database)
        .env("DB_CA", &target.ca_file);
}

/// A command line client that stops at the first error. What it starts itself finds its own command in `CLI` and `DUMP`.
fn command_line(kind: MySqlKind, target: &Target) -> Result<Command> {
    let mut command = kind.client()?;
    let (strict, dump) = match kind {
        MySqlKind::MySql9 => ("--ssl-mode=VERIFY_CA", "mysqldump"),
        MySqlKind::MariaDb => ("--ssl-verify-server-cert", "mariadb-dump"),
    };
    let login = [
        "--protocol=tcp".to_owned(),
        "--host=127.0.0.1".to_owned(),
        format!("--port={}", target.port),
        "--user=app".to_owned(),
        format!("--ssl-ca={}", target.ca_file.display()),
        strict.to_owned(),
    ];
    command.args(login);
    let spelled = |program: &std::ffi::OsStr, arguments: &[String]| {
        format!("{} {}", program.to_string_lossy(), arguments.join(" "))
    };
    let own: Vec<String> = command
        .get_args()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let client = spelled(command.get_program(), &own);
    let mut dump = spelled(kind.program(dump)?.as_os_str(), &own);
    if kind == MySqlKind::MySql9 {
        command.args(["--commands", "--system-command"]);
        // Otherwise it flushes tables, which takes a right of its own.
        dump.push_str(" --set-gtid-purged=OFF");
    }
    command
        .args(["--batch", "--unbuffered", "--skip-column-names"])
        .args([
            "--local-infile=1",
            "--max-allowed-packet=64M",
            target.database,
        ])
        .env("MYSQL_PWD", &target.password)
        .env("CLI", client)
        .env("DUMP", dump)
        .current_dir(ours("mysql"));
    Ok(command)
}
