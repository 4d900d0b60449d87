//! A short spelling for messages: `P(s1,select 1) B(,s1) E() S` and back.
//!
//! The proxy's own Queries are spelled by what they mean: `ASK(work_mem,timezone;locks,temp)` is the
//! inspection of two settings and two facts, `SET(work_mem=1MB,-timezone)` the replay that sets one setting
//! and resets another. `ANSWER(1MB,NULL;t,f)` is all that the server says to the former, `SET` to the latter.
//! In an answer `""` is an empty text and `+` a comma.

use crate::postgres::statements::words_of_stale;

/// How an inspection begins.
const ASK: &str =
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED;SET LOCAL statement_timeout TO 0;SELECT ";

/// How a replay begins.
const REPLAY: &str = "BEGIN ISOLATION LEVEL READ COMMITTED;";

/// What an inspection can ask for besides settings, and what in its text tells.
const FACTS: [(&str, &str); 6] = [
    ("locks", "'advisory'"),
    ("temp", "pg_my_temp_schema"),
    ("cursors", "pg_cursors"),
    ("channels", "pg_listening_channels"),
    ("statements", "pg_prepared_statements"),
    ("list", "pg_catalog.pg_settings"),
];

/// Who sends the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// The bytes of messages in short spelling.
pub(super) fn bytes(side: Side, text: &str) -> Vec<u8> {
    words(text)
        .iter()
        .flat_map(|word| match side {
            Side::Client => client(word),
            Side::Server => server(word),
        })
        .collect()
}

/// The short spelling of bytes, which must be whole messages.
pub(super) fn spell(side: Side, bytes: &[u8]) -> String {
    let mut rest = bytes;
    let mut words = Vec::new();
    while rest.len() >= 5 {
        let length = u32::from_be_bytes(rest[1..5].try_into().unwrap()) as usize + 1;
        assert!(length <= rest.len(), "cut message {rest:?}");
        words.push(match side {
            Side::Client => spell_client(rest[0], &rest[5..length]),
            Side::Server => spell_server(rest[0], &rest[5..length]),
        });
        rest = &rest[length..];
    }
    assert!(rest.is_empty(), "cut header {rest:?}");
    words.join(" ")
}

/// One message.
pub(super) fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

/// Splits at spaces that are not inside parentheses.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut depth = 0;
    for letter in text.trim().chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if letter == ' ' && depth == 0 {
            words.push(String::new());
        } else {
            words.last_mut().unwrap().push(letter);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The tag and the arguments of a word.
fn parts(word: &str) -> (&str, &str) {
    match word.split_once('(') {
        Some((tag, rest)) => (tag, rest.strip_suffix(')').unwrap()),
        None => (word, ""),
    }
}

fn client(word: &str) -> Vec<u8> {
    let (tag, text) = parts(word);
    let (first, second) = text.split_once(',').unwrap_or((text, ""));
    match tag {
        "Q" => frame(b'Q', format!("{text}\0").as_bytes()),
        "P" => frame(b'P', format!("{first}\0{second}\0\0\0").as_bytes()),
        "B" => frame(b'B', format!("{first}\0{second}\0\0\0\0\0\0\0").as_bytes()),
        "E" => {
            let rows: u32 = second.parse().unwrap_or(0);
            let body = [first.as_bytes(), b"\0", &rows.to_be_bytes()].concat();
            frame(b'E', &body)
        }
        "DS" | "DP" | "CS" | "CP" => frame(
            tag.as_bytes()[0],
            format!("{}{text}\0", &tag[1..]).as_bytes(),
        ),
        "F" => {
            let id: u32 = text.parse().unwrap();
            frame(b'F', &[&id.to_be_bytes()[..], &[0; 6]].concat())
        }
        "f" => frame(b'f', format!("{text}\0").as_bytes()),
        "d" => frame(b'd', text.as_bytes()),
        "S" | "H" | "X" | "c" => frame(tag.as_bytes()[0], b""),
        other => panic!("unknown client message {other}"),
    }
}

fn spell_client(tag: u8, body: &[u8]) -> String {
    let texts: Vec<_> = body.split(|byte| *byte == 0).map(lossy).collect();
    match tag {
        b'Q' => match (question(&texts[0]), replay(&texts[0])) {
            (Some(question), _) => question.spell(),
            (None, Some(replay)) => replay,
            (None, None) => format!("Q({})", texts[0]),
        },
        b'P' if texts[1].starts_with("SELECT pg_catalog.current_setting(") => {
            format!("P({},READING)", texts[0])
        }
        b'P' if is_roster(&texts[1]) => format!("P({},ROSTER)", texts[0]),
        b'P' if texts[1].contains("tollgate_stands_in_") => format!("P({},STALE)", texts[0]),
        b'P' | b'B' => format!("{}({},{})", tag as char, texts[0], texts[1]),
        b'E' => match body[texts[0].len() + 4] {
            0 => format!("E({})", texts[0]),
            rows => format!("E({},{rows})", texts[0]),
        },
        b'D' | b'C' => format!("{}{}({})", tag as char, &texts[0][..1], &texts[0][1..]),
        b'F' => format!("F({})", u32::from_be_bytes(body[..4].try_into().unwrap())),
        b'f' => format!("f({})", texts[0]),
        b'd' => format!("d({})", lossy(body)),
        _ => (tag as char).to_string(),
    }
}

fn server(word: &str) -> Vec<u8> {
    let (tag, text) = parts(word);
    match tag {
        "C" => frame(b'C', format!("{text}\0").as_bytes()),
        "Z" => frame(b'Z', text.as_bytes()),
        "E" | "FATAL" => {
            let severity = if tag == "E" { "ERROR" } else { "FATAL" };
            let body = format!("S{severity}\0V{severity}\0C{text}\0Mtext\0\0");
            frame(b'E', body.as_bytes())
        }
        "S" => {
            let (name, value) = text.split_once('=').unwrap();
            frame(b'S', format!("{name}\0{value}\0").as_bytes())
        }
        "T" if text.is_empty() => frame(b'T', &[0, 0]),
        "T" => frame(
            b'T',
            format!("\0\x01{text}\0{}", "\0".repeat(18)).as_bytes(),
        ),
        "D" | "d" => frame(tag.as_bytes()[0], text.as_bytes()),
        "N" => frame(b'N', b"SNOTICE\0VNOTICE\0C00000\0Mtext\0\0"),
        "A" => {
            let process: i32 = text.parse().unwrap();
            frame(b'A', &[&process.to_be_bytes()[..], b"c\0\0"].concat())
        }
        "ANSWER" => {
            let row = answer(text);
            let around = bytes(Side::Server, "C(SET) C(SET) T");
            [around, row, bytes(Side::Server, "C(SELECT 1) Z(I)")].concat()
        }
        "READING" => row(&vec![Some("x".to_owned()); 11]),
        "LISTED" => match text.split_once('=') {
            Some((name, sql)) => row(&[Some(name.to_owned()), Some(sql.to_owned())]),
            None => row(&[Some(text.to_owned()), None]),
        },
        "STALE" => {
            let said = b"SERROR\0VERROR\0C22P02\0Mno number: \"";
            frame(b'E', &[&said[..], &words_of_stale(), b"\"\0\0"].concat())
        }
        "SET" => bytes(Side::Server, "C(BEGIN) C(SET) C(COMMIT) Z(I)"),
        "t" if text.is_empty() => frame(b't', &[0, 0]),
        "t" => {
            let types: Vec<u32> = text.split(',').map(|id| id.parse().unwrap()).collect();
            let count = u16::try_from(types.len()).unwrap().to_be_bytes();
            let types = types.into_iter().flat_map(u32::to_be_bytes);
            frame(b't', &count.into_iter().chain(types).collect::<Vec<_>>())
        }
        "G" | "H" | "W" => frame(tag.as_bytes()[0], &[0, 0, 0]),
        "V" => frame(b'V', &[255; 4]),
        "K" => frame(b'K', &[0; 8]),
        "1" | "2" | "3" | "n" | "I" | "s" | "c" => frame(tag.as_bytes()[0], b""),
        other => panic!("unknown server message {other}"),
    }
}

fn spell_server(tag: u8, body: &[u8]) -> String {
    let texts: Vec<_> = body.split(|byte| *byte == 0).map(lossy).collect();
    match tag {
        b'C' => format!("C({})", texts[0]),
        b'Z' => format!("Z({})", texts[0]),
        b'E' => {
            let code = texts.iter().find(|text| text.starts_with('C')).unwrap();
            let kind = if texts[0] == "SFATAL" { "FATAL" } else { "E" };
            format!("{kind}({})", &code[1..])
        }
        b'S' => format!("S({}={})", texts[0], texts[1]),
        b'A' => format!("A({})", i32::from_be_bytes(body[..4].try_into().unwrap())),
        b'T' if body.len() > 2 => format!("T({})", lossy(&body[2..]).trim_end_matches('\0')),
        b'D' | b'd' if !body.is_empty() => format!("{}({})", tag as char, lossy(body)),
        _ => (tag as char).to_string(),
    }
}

/// True for the question which statements there are.
pub(super) fn is_roster(sql: &str) -> bool {
    sql.starts_with("SELECT name,CASE WHEN from_sql")
}

/// What an inspection asks for.
pub(super) struct Question {
    pub(super) names: Vec<String>,
    pub(super) facts: Vec<&'static str>,
}

impl Question {
    fn spell(&self) -> String {
        let names = self.names.join(",");
        match self.facts.join(",") {
            facts if facts.is_empty() => format!("ASK({names})"),
            facts => format!("ASK({names};{facts})"),
        }
    }
}

/// Reads the text of a Query, if it is an inspection.
pub(super) fn question(sql: &str) -> Option<Question> {
    let columns = sql.strip_prefix(ASK)?;
    let names = columns
        .split("current_setting('")
        .skip(1)
        .map(|rest| rest.split_once("',true)").unwrap().0.to_owned());
    let facts = FACTS.iter().filter(|(_, mark)| columns.contains(mark));
    Some(Question {
        names: names.collect(),
        facts: facts.map(|(fact, _)| *fact).collect(),
    })
}

/// Spells the text of a Query, if it is a replay.
fn replay(sql: &str) -> Option<String> {
    let changes = sql.strip_prefix(REPLAY)?.strip_suffix("COMMIT").unwrap();
    let changes = changes.split_terminator(';').map(|change| {
        if let Some(name) = change.strip_prefix("RESET ") {
            return format!("-{}", name.replace('"', ""));
        }
        if let Some((name, value)) = change
            .strip_prefix("SELECT pg_catalog.set_config('")
            .and_then(|rest| rest.strip_suffix("',false) IS NULL")?.split_once("','"))
        {
            return format!("{name}={value}");
        }
        let set = change.strip_prefix("SET ").unwrap_or(change);
        match set.split_once(" TO ") {
            Some((name, value)) => {
                format!("{}={}", name.replace('"', ""), value.replace('\'', ""))
            }
            None => set.to_owned(),
        }
    });
    let changes: Vec<_> = changes.collect();
    Some(format!("SET({})", changes.join(",")))
}

/// The row that answers an inspection: `1MB,NULL;t,f`.
fn answer(text: &str) -> Vec<u8> {
    let (values, facts) = text.split_once(';').unwrap_or((text, ""));
    let columns = [values, facts]
        .into_iter()
        .filter(|part| !part.is_empty())
        .flat_map(|part| part.split(','))
        .map(|value| (value != "NULL").then(|| value.replace('"', "").replace('+', ",")));
    row(&columns.collect::<Vec<_>>())
}

/// A row of text.
pub(super) fn row(columns: &[Option<String>]) -> Vec<u8> {
    let mut body = u16::try_from(columns.len()).unwrap().to_be_bytes().to_vec();
    for column in columns {
        match column {
            None => body.extend((-1_i32).to_be_bytes()),
            Some(value) => {
                body.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
                body.extend(value.as_bytes());
            }
        }
    }
    frame(b'D', &body)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn spelling_and_bytes_agree() {
    let client = "P(s1,select 1) B(p,s1) DS(s1) E(p,1) CS() F(715) d(x) c f(no) H S X Q(a (b) c)";
    assert_eq!(spell(Side::Client, &bytes(Side::Client, client)), client);
    let server =
        "1 2 3 t T n D(x) C(SELECT 1) I s G H d(x) c V N A(7) S(a=b) E(42601) FATAL(57P01) Z(I)";
    assert_eq!(spell(Side::Server, &bytes(Side::Server, server)), server);
}
