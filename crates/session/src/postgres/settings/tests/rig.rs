//! Connections to real servers that speak what the queries under test say.

use anyhow::{Context, Result, bail, ensure};
use tollgate_testkit::scripted::Message;
use tollgate_testkit::{HostAuth, Postgres, PostgresOptions, PostgresVersion, ScriptedClient};

use crate::postgres::settings::{Answer, Certainty, Facts, Question, Replay, Settings, replay};

/// A server of every version on the machine, logins without passwords.
pub(super) fn servers() -> impl Iterator<Item = Postgres> {
    PostgresVersion::ALL
        .into_iter()
        .filter(|version| version.available())
        .map(|version| {
            let options = PostgresOptions::new(version).auth(HostAuth::Trust);
            Postgres::start_with(options).expect("a server starts")
        })
}

/// The map these names and values make.
pub(super) fn settings<'a>(entries: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Settings {
    let entries = entries.into_iter().map(|(name, value)| (name, Some(value)));
    Settings::default().changed(entries)
}

/// A question about settings alone.
pub(super) fn question(names: &[&str]) -> Question {
    let names = names.iter().map(|name| name.as_bytes());
    Question::new(names, Facts::NONE).expect("few ASCII names")
}

/// One connection.
pub(super) struct Connection(ScriptedClient);

impl Connection {
    /// As the superuser, with these further startup parameters.
    pub(super) async fn open(server: &Postgres, parameters: &[(&str, &str)]) -> Self {
        Self::open_as(server, "postgres", "postgres", parameters).await
    }

    pub(super) async fn open_as(
        server: &Postgres,
        user: &str,
        database: &str,
        parameters: &[(&str, &str)],
    ) -> Self {
        let mut client = ScriptedClient::plain(server.port()).await.unwrap();
        let mut all = vec![("user", user), ("database", database)];
        all.extend(parameters);
        client.startup(0, &all).await.unwrap();
        client.until_ready().await.unwrap();
        Self(client)
    }

    /// Sends bytes as they are and returns what is answered up to `ready` times `ReadyForQuery`.
    pub(super) async fn exchange(&mut self, bytes: &[u8], ready: u32) -> Vec<Message> {
        self.0.send(bytes).await.unwrap();
        let mut heard = Vec::new();
        for _ in 0..ready {
            heard.extend(self.0.until_ready().await.unwrap());
        }
        heard
    }

    /// Runs a query that must work; the text is in the client's encoding.
    pub(super) async fn run(&mut self, sql: impl AsRef<[u8]>) -> Vec<Message> {
        let sql = sql.as_ref();
        let mut body = sql.to_vec();
        body.push(0);
        let message = tollgate_testkit::scripted::message(b'Q', &body);
        let heard = self.exchange(&message, 1).await;
        let shown = String::from_utf8_lossy(sql);
        worked(&heard).with_context(|| shown.into_owned()).unwrap();
        heard
    }

    /// The first column of the only row of a query, in the client's encoding.
    pub(super) async fn value(&mut self, sql: &str) -> Option<Vec<u8>> {
        let heard = self.run(sql).await;
        let row = heard.iter().find(|message| message.tag == b'D').unwrap();
        let mut row = tollgate_wire_postgres::backend::read::data_row(&row.body).unwrap();
        row.next().unwrap().unwrap().map(<[u8]>::to_vec)
    }

    /// Asks, and checks that the reply has the form that is promised.
    pub(super) async fn ask(&mut self, question: &Question) -> Answer {
        self.try_ask(question).await.unwrap()
    }

    pub(super) async fn try_ask(&mut self, question: &Question) -> Result<Answer> {
        let mut bytes = Vec::new();
        question.append_query(&mut bytes);
        let heard = self.exchange(&bytes, 1).await;
        worked(&heard)?;
        let tags: Vec<u8> = heard.iter().map(|message| message.tag).collect();
        // The timeout of statements is lifted, unless it is asked for.
        let form: &[u8] = if question.names().any(|name| name == b"statement_timeout") {
            b"CTDCZ"
        } else {
            b"CCTDCZ"
        };
        ensure!(tags == form, "{}", String::from_utf8_lossy(&tags));
        let row = heard.iter().find(|message| message.tag == b'D');
        let row = row.context("a row")?;
        question
            .read(&row.body)
            .context("an answer to the question")
    }

    /// The settings with these names that are not as on `fresh`.
    pub(super) async fn settings(&mut self, names: &[&str], fresh: &Answer) -> Settings {
        let question = question(names);
        let answer = self.ask(&question).await;
        let differing = question
            .names()
            .zip(answer.values.iter().zip(&fresh.values))
            .filter(|(_, (now, then))| now != then)
            .map(|(name, (now, _))| (name, now.as_deref()));
        Settings::default().changed(differing)
    }

    /// Replays, and checks that the reply has the form that is promised.
    pub(super) async fn replay(&mut self, from: &Settings, to: &Settings) -> Replay {
        let mut bytes = Vec::new();
        let replay = replay(from, to, &mut bytes);
        assert_eq!(replay.queries > 0, !bytes.is_empty());
        let heard = self.exchange(&bytes, replay.queries).await;
        worked(&heard)
            .with_context(|| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap();
        replay
    }

    /// Replays something that is refused, with a query behind it in the same write. Returns the first
    /// error and that of the query.
    pub(super) async fn refused(&mut self, from: &Settings, to: &Settings) -> (String, String) {
        let mut bytes = Vec::new();
        let replay = replay(from, to, &mut bytes);
        assert_eq!(replay.certainty, Certainty::Fallible);
        tollgate_wire_postgres::frontend::query(&mut bytes, "SELECT 'ran'").unwrap();
        let heard = self.exchange(&bytes, replay.queries + 1).await;
        assert!(heard.iter().all(|message| message.tag != b'D'));
        let mut states = heard.iter().filter_map(|message| match message.tag {
            b'E' => message.sqlstate(),
            _ => None,
        });
        (states.next().unwrap(), states.next().unwrap())
    }
}

/// No error, and no transaction open in the end.
fn worked(heard: &[Message]) -> Result<()> {
    if let Some(error) = heard.iter().find(|message| message.tag == b'E') {
        let text = error.field(b'M').unwrap_or_default();
        bail!("{:?} {text}", error.sqlstate());
    }
    match heard.last() {
        None => Ok(()),
        Some(last) if last.tag == b'Z' && last.body == b"I" => Ok(()),
        Some(last) => bail!("ends with {last:?}"),
    }
}
