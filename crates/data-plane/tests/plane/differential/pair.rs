//! A client of the server and a client of the data plane that do the same and compare what they hear.

use std::time::Duration;

use anyhow::{Result, bail};
use tollgate_testkit::scripted::Message;

use super::messages::{close, sync};
use super::notation::{Cut, Rest, Step, steps};
use crate::raw::{Door, Heard, Raw, cancel, describe};

/// Closes in a row that end a batch: more than any conversation has. They are answered in a failed
/// transaction as well, and change nothing.
const FENCE: usize = 12;

/// PostgreSQL counts as having said all it has to say when it was silent for so long. When it had not,
/// the pause was too short, which no comparison notices.
const LULL: Duration = Duration::from_millis(12);

/// Two clients that do the same.
pub(crate) struct Pair {
    pub(crate) direct: Side,
    pub(crate) proxied: Side,
    number: usize,
    cut: Cut,
    history: Vec<String>,
    /// A server has acted upon a cancel request twice.
    signalled_twice: bool,
}

impl Pair {
    /// Neither has logged in yet.
    pub(super) fn new(direct: Door, proxied: Door, number: usize) -> Self {
        Self {
            direct: Side::new(direct),
            proxied: Side::new(proxied),
            number,
            cut: Cut::Whole,
            history: Vec::new(),
            signalled_twice: false,
        }
    }

    /// True when chance has played a part: PostgreSQL sends a signal to the server process and another to its
    /// process group (`signal_child`), and when the machine is busy the second may find the next statement.
    pub(super) fn signalled_twice(&self) -> bool {
        self.signalled_twice
    }

    /// The way in which writes are cut unless a conversation says otherwise.
    pub(super) fn cut(mut self, cut: Cut) -> Self {
        self.cut = cut;
        self
    }

    /// Does what a batch says with both and compares what they hear, up to the fence behind it.
    pub(super) async fn batch(&mut self, batch: &str) -> Result<()> {
        self.history.push(batch.to_owned());
        let mut parts = Vec::new();
        let mut cut = self.cut;
        let steps = steps(batch, self.number);
        let mut pieces: Vec<Vec<u8>> = Vec::new();
        let mut together: Vec<Vec<u8>> = Vec::new();
        for step in steps {
            match step {
                Step::Message(bytes) => together.push(bytes),
                Step::Cut(new) => {
                    pieces.extend(cut.pieces(&std::mem::take(&mut together)));
                    cut = new;
                }
                Step::Rest(rest) => {
                    pieces.extend(cut.pieces(&std::mem::take(&mut together)));
                    let pieces = std::mem::take(&mut pieces);
                    parts.push(Part { pieces, rest });
                }
                Step::Login(parameters) => {
                    // Only at the start of a batch: what goes before is answered by a fence.
                    self.log_in(parameters).await?;
                }
            }
        }
        pieces.extend(cut.pieces(&together));
        self.say(&parts, &pieces).await
    }

    /// The same with messages as they are.
    pub(super) async fn messages(&mut self, batch: &[Vec<u8>], cut: Cut) -> Result<()> {
        let shown = batch.iter().map(|bytes| show(bytes));
        self.history.push(shown.collect::<Vec<_>>().join(" "));
        self.say(&[], &cut.pieces(batch)).await
    }

    /// True when the batch begins with a login; the old connections are then closed already, and the proxied
    /// door has the startup parameters, which decide what server connections can be used.
    pub(super) fn will_log_in(&mut self, batch: &str) -> bool {
        let Some(Step::Login(parameters)) = steps(batch, self.number).into_iter().next() else {
            return false;
        };
        self.direct.raw = None;
        self.proxied.raw = None;
        self.proxied.door.startup = parameters;
        true
    }

    /// Logs in anew with these startup parameters and compares the greetings.
    async fn log_in(&mut self, parameters: Vec<(String, String)>) -> Result<()> {
        self.direct.raw = None;
        self.proxied.raw = None;
        self.direct.door.startup.clone_from(&parameters);
        self.proxied.door.startup = parameters;
        let expected = self.direct.greeting().await;
        let heard = self.proxied.greeting().await;
        match (expected, heard) {
            (Ok(expected), Ok(heard)) => self.compare(&expected, &heard),
            // Both were refused; how is a matter of the tests of logins.
            (Err(_), Err(_)) => {
                self.direct.door.startup.clear();
                self.proxied.door.startup.clear();
                Ok(())
            }
            (Ok(_), Err(error)) => bail!("only the proxy refuses: {error:#}"),
            (Err(error), Ok(_)) => bail!("only PostgreSQL refuses: {error:#}"),
        }
    }

    async fn say(&mut self, parts: &[Part], last: &[Vec<u8>]) -> Result<()> {
        let mut lulls = Vec::new();
        let leads = Lulls::Leads(&mut lulls);
        let expected = self.direct.say(parts, last, leads).await?;
        let follows = Lulls::Follows(lulls.iter());
        let heard = match self.proxied.say(parts, last, follows).await {
            Ok(heard) => heard,
            Err(error) => bail!(
                "{error:#}\nPostgreSQL says {:#?}\nafter {:#?}",
                lines(&expected),
                self.history
            ),
        };
        let asked = parts
            .iter()
            .filter(|part| matches!(part.rest, Rest::Cancel(_)));
        let asked = asked.count();
        let (of_server, of_proxy) = (cancels(&expected), cancels(&heard));
        let most = of_server.all().max(of_proxy.all());
        // The second signal may also find the code that handles the first one.
        let handled = asked > 0 && of_server.all() == of_proxy.all();
        self.signalled_twice |= most > asked || (handled && of_server != of_proxy);
        self.compare(&expected, &heard)?;
        if self.direct.raw.is_none() {
            self.history.clear();
        }
        Ok(())
    }

    fn compare(&self, expected: &[Message], heard: &[Message]) -> Result<()> {
        if expected == heard {
            return Ok(());
        }
        let same = expected.iter().zip(heard).take_while(|(a, b)| a == b);
        let same = same.count();
        let from = |messages: &[Message]| lines(&messages[same.saturating_sub(3)..]);
        bail!(
            "{same} replies are the same, then PostgreSQL says {:#?}\nthe proxy says {:#?}\nafter {:#?}",
            from(expected),
            from(heard),
            self.history
        );
    }
}

/// What is said in one go, and what to do then.
struct Part {
    pieces: Vec<Vec<u8>>,
    rest: Rest,
}

/// When a lull is over.
enum Lulls<'a> {
    /// When nothing has come for a while; notes how many messages have come by then.
    Leads(&'a mut Vec<usize>),
    /// When as many have come.
    Follows(std::slice::Iter<'a, usize>),
}

/// One client, logged in when needed.
pub(crate) struct Side {
    pub(crate) door: Door,
    pub(crate) raw: Option<Raw>,
}

impl Side {
    fn new(door: Door) -> Self {
        Self { door, raw: None }
    }

    async fn logged_in(&mut self) -> Result<Raw> {
        match self.raw.take() {
            Some(raw) => Ok(raw),
            None => Raw::login(&self.door).await,
        }
    }

    /// Logs in; what was said then, in an order that does not depend on the server's hash table.
    async fn greeting(&mut self) -> Result<Vec<Message>> {
        let raw = self.logged_in().await?;
        let greeting = raw.greeting.iter().cloned();
        let mut greeting: Vec<Message> = greeting.map(|message| normal(message, &[])).collect();
        greeting.sort_by_key(|message| (message.tag, message.body.clone()));
        self.raw = Some(raw);
        Ok(greeting)
    }

    /// Sends what is to be said with its rests, and a fence behind it all; hears everything up to the fence or
    /// the end of the connection.
    async fn say(
        &mut self,
        parts: &[Part],
        last: &[Vec<u8>],
        mut lulls: Lulls<'_>,
    ) -> Result<Vec<Message>> {
        let mut raw = self.logged_in().await?;
        let mut heard = Vec::new();
        for part in parts {
            raw.pour(&part.pieces, &mut heard).await?;
            match (part.rest, &mut lulls) {
                (Rest::Lull, Lulls::Leads(counts)) => {
                    raw.lull(LULL, &mut heard).await?;
                    counts.push(heard.len());
                }
                (Rest::Lull, Lulls::Follows(counts)) => {
                    let count = counts.next().copied().unwrap_or_default();
                    raw.hear_until(count, &mut heard).await?;
                }
                (Rest::Until(count), _) => raw.hear_until(count, &mut heard).await?,
                (Rest::Cancel(count), _) => {
                    raw.hear_until(count, &mut heard).await?;
                    cancel(&self.door, &raw.key).await?;
                }
            }
        }
        let mut pieces = last.to_vec();
        pieces.push(fence());
        let mut watch = Watch::default();
        let after = raw
            .exchange(&pieces, |message| watch.judge(message))
            .await?;
        heard.extend(after);
        let own = raw.key.get(..4).unwrap_or_default().to_vec();
        if watch.passed {
            self.raw = Some(raw);
            heard.truncate(heard.len() - FENCE - 1);
        }
        let heard = heard.into_iter().map(|message| normal(message, &own));
        Ok(in_order(heard.collect()))
    }
}

/// Recognises the fence.
#[derive(Default)]
struct Watch {
    closed: usize,
    passed: bool,
}

impl Watch {
    fn judge(&mut self, message: &Message) -> Heard {
        match message.tag {
            b'3' => self.closed += 1,
            b'Z' if self.closed >= FENCE => {
                self.passed = true;
                return Heard::Enough;
            }
            _ => self.closed = 0,
        }
        Heard::GoOn
    }
}

/// What tells of cancelled statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cancels {
    errors: usize,
    notices: usize,
}

impl Cancels {
    fn all(self) -> usize {
        self.errors + self.notices
    }
}

fn cancels(messages: &[Message]) -> Cancels {
    let said = |tag| {
        let said = messages.iter().filter(move |message| message.tag == tag);
        said.filter(|message| message.sqlstate().as_deref() == Some("57014"))
            .count()
    };
    Cancels {
        errors: said(b'E'),
        notices: said(b'N'),
    }
}

fn fence() -> Vec<u8> {
    let mut bytes = sync();
    for _ in 0..FENCE {
        bytes.extend(close(b'S', "a fence"));
    }
    bytes.extend(sync());
    bytes
}

/// The last messages, short.
fn lines(messages: &[Message]) -> Vec<String> {
    messages.iter().take(40).map(describe).collect()
}

/// The message without what two servers may say differently: process ids (but not whether it is the client's
/// `own`), secrets, object ids of tables and of types, and the line of the server's source that found an error.
fn normal(mut message: Message, own: &[u8]) -> Message {
    match message.tag {
        b'A' => {
            let sender = u8::from(message.body[..4] == *own);
            message.body[..4].fill(sender);
        }
        b'K' => message.body.clear(),
        // Some last words are the data plane's own, which has no place in PostgreSQL's source to name.
        b'E' if message.field(b'V').as_deref() == Some("FATAL") => {
            let fields = [b'C', b'M', b'D', b'H'].map(|code| message.field(code));
            message.body = format!("{fields:?}").into_bytes();
        }
        // A statement may be made when it is used, which finds the same errors in another place. Where a
        // cancel request meets a statement is chance.
        b'E' => {
            let cancelled = message.sqlstate().as_deref() == Some("57014");
            let fields = message.body.split(|byte| *byte == 0);
            let fields = fields.filter(|field| match field.first() {
                Some(b'F' | b'L' | b'R') => false,
                Some(b'W') => !cancelled,
                _ => true,
            });
            message.body = fields.collect::<Vec<_>>().join(&0);
        }
        b'T' => {
            let mut at = 2;
            while let Some(length) = message.body[at..].iter().position(|byte| *byte == 0) {
                at += length + 1;
                message.body[at..at + 4].fill(0);
                // The first object id of a type that is not the system's own.
                let kind = &mut message.body[at + 6..at + 10];
                if u32::from_be_bytes([kind[0], kind[1], kind[2], kind[3]]) >= 16_384 {
                    kind.fill(0);
                }
                at += 18;
            }
        }
        _ => {}
    }
    message
}

/// Settings that are reported together come in an order that depends on which of them changed when, in the
/// life of the server process.
fn in_order(mut messages: Vec<Message>) -> Vec<Message> {
    for reports in messages.chunk_by_mut(|a, b| a.tag == b'S' && b.tag == b'S') {
        reports.sort_by(|a, b| a.body.cmp(&b.body));
    }
    messages
}

fn show(bytes: &[u8]) -> String {
    let tag = bytes.first().map_or('?', |tag| char::from(*tag));
    let body: String = bytes
        .iter()
        .skip(5)
        .take(80)
        .map(|byte| match byte {
            0x20..0x7f => char::from(*byte),
            _ => '.',
        })
        .collect();
    format!("{tag}({body})")
}
