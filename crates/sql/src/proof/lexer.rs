//! Cuts a body into tokens, and tells what its strings say.
//!
//! Source of the lexical rules: PostgreSQL 15 `src/backend/parser/scan.l`.

use memchr::{memchr2, memmem};

use crate::StringStyle;
use crate::name::continues_word;

/// One token of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// An unquoted word in lower case.
    Word(Box<[u8]>),
    /// A quoted identifier without its quotes.
    Quoted(Box<[u8]>),
    /// A string, as the server reads it.
    Text(Box<[u8]>),
    /// A string whose letters are hidden.
    Hidden,
    Number,
    /// `$1`.
    Parameter,
    Punct(u8),
}

/// How a string spells its letters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Plain,
    Escaped,
    Hidden,
}

impl Token {
    pub(super) fn is(&self, byte: u8) -> bool {
        *self == Self::Punct(byte)
    }

    /// The word, if it is not quoted; nothing otherwise.
    pub(super) fn word(&self) -> &[u8] {
        match self {
            Self::Word(word) => word,
            Self::Quoted(_)
            | Self::Text(_)
            | Self::Hidden
            | Self::Number
            | Self::Parameter
            | Self::Punct(_) => &[],
        }
    }

    /// How many parentheses are open behind this token, if so many were before; nothing if it closes one
    /// that is not there.
    pub(super) fn nests(&self, depth: usize) -> Option<usize> {
        match self {
            Self::Punct(b'(' | b'[') => depth.checked_add(1),
            Self::Punct(b')' | b']') => depth.checked_sub(1),
            Self::Word(_)
            | Self::Quoted(_)
            | Self::Text(_)
            | Self::Hidden
            | Self::Number
            | Self::Parameter
            | Self::Punct(_) => Some(depth),
        }
    }

    pub(super) fn name(&self) -> Option<&[u8]> {
        match self {
            Self::Word(name) | Self::Quoted(name) => Some(name),
            Self::Text(_) | Self::Hidden | Self::Number | Self::Parameter | Self::Punct(_) => None,
        }
    }
}

/// All tokens of a body.
pub(super) fn tokens(style: StringStyle, body: &[u8]) -> Vec<Token> {
    let mut lexer = Lexer { style, rest: body };
    let mut tokens: Vec<Token> = Vec::new();
    while let Some(token) = lexer.next_token() {
        // Strings that stand behind each other are one string.
        match (tokens.last_mut(), &token) {
            (Some(Token::Text(before)), Token::Text(more)) => {
                *before = [&**before, &**more].concat().into();
            }
            (Some(before @ (Token::Text(_) | Token::Hidden)), Token::Hidden | Token::Text(_)) => {
                *before = Token::Hidden;
            }
            _ => tokens.push(token),
        }
    }
    tokens
}

struct Lexer<'a> {
    style: StringStyle,
    rest: &'a [u8],
}

impl Lexer<'_> {
    fn next_token(&mut self) -> Option<Token> {
        self.skip_space();
        let (&first, tail) = self.rest.split_first()?;
        Some(match first {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => self.word(),
            b'\'' => {
                self.rest = tail;
                let spelling = self.plain();
                self.string(spelling)
            }
            b'"' => {
                self.rest = tail;
                Token::Quoted(self.quoted().into())
            }
            b'0'..=b'9' => self.number(),
            b'$' => self.dollar(tail),
            byte => {
                self.rest = tail;
                Token::Punct(byte)
            }
        })
    }

    fn skip_space(&mut self) {
        loop {
            self.rest = match self.rest {
                [b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c, tail @ ..] => tail,
                [b'-', b'-', tail @ ..] => memchr2(b'\n', b'\r', tail)
                    .and_then(|end| tail.get(end..))
                    .unwrap_or_default(),
                [b'/', b'*', tail @ ..] => after_comment(tail),
                _ => return,
            };
        }
    }

    fn plain(&self) -> Spelling {
        match self.style {
            StringStyle::Standard => Spelling::Plain,
            StringStyle::BackslashEscapes => Spelling::Escaped,
        }
    }

    fn word(&mut self) -> Token {
        let (word, tail) = split(self.rest, continues_word);
        let prefix = match (word, tail) {
            ([b'e' | b'E'], [b'\'', tail @ ..]) => Some((Spelling::Escaped, tail)),
            ([b'n' | b'N'], [b'\'', tail @ ..]) => Some((self.plain(), tail)),
            ([b'b' | b'B' | b'x' | b'X'], [b'\'', tail @ ..])
            | ([b'u' | b'U'], [b'&', b'\'', tail @ ..]) => Some((Spelling::Hidden, tail)),
            ([b'u' | b'U'], [b'&', b'"', tail @ ..]) => {
                self.rest = tail;
                let name = self.quoted();
                let plain = memchr::memchr(b'\\', &name).is_none();
                // No name of anything has such a byte in it here.
                return Token::Quoted(if plain { name.into() } else { [0xff].into() });
            }
            _ => None,
        };
        if let Some((spelling, tail)) = prefix {
            self.rest = tail;
            return self.string(spelling);
        }
        self.rest = tail;
        Token::Word(word.to_ascii_lowercase().into())
    }

    /// Behind the quote that opens a string.
    fn string(&mut self, spelling: Spelling) -> Token {
        let mut text = Vec::new();
        let mut hidden = spelling == Spelling::Hidden;
        loop {
            self.rest = match self.rest {
                [] => break,
                [b'\'', b'\'', tail @ ..] => {
                    text.push(b'\'');
                    tail
                }
                [b'\'', tail @ ..] => {
                    self.rest = tail;
                    break;
                }
                [b'\\', byte, tail @ ..] if spelling == Spelling::Escaped => {
                    match byte {
                        b'n' => text.push(b'\n'),
                        b't' => text.push(b'\t'),
                        b'r' => text.push(b'\r'),
                        b'x' | b'u' | b'U' | b'0'..=b'7' => hidden = true,
                        byte => text.push(*byte),
                    }
                    tail
                }
                [byte, tail @ ..] => {
                    text.push(*byte);
                    tail
                }
            };
        }
        if hidden {
            Token::Hidden
        } else {
            Token::Text(text.into())
        }
    }

    /// Behind the quote that opens an identifier.
    fn quoted(&mut self) -> Vec<u8> {
        let mut name = Vec::new();
        loop {
            self.rest = match self.rest {
                [] => return name,
                [b'"', b'"', tail @ ..] => {
                    name.push(b'"');
                    tail
                }
                [b'"', tail @ ..] => {
                    self.rest = tail;
                    return name;
                }
                [byte, tail @ ..] => {
                    name.push(*byte);
                    tail
                }
            };
        }
    }

    fn number(&mut self) -> Token {
        let (_, tail) = split(self.rest, |byte| byte.is_ascii_digit());
        // Two dots stand between the ends of a range.
        self.rest = match tail {
            [b'.', b'.', ..] => tail,
            [b'.', tail @ ..] => split(tail, |byte| byte.is_ascii_digit()).1,
            _ => tail,
        };
        Token::Number
    }

    /// A `$`, and what is behind it.
    fn dollar(&mut self, tail: &[u8]) -> Token {
        let whole = self.rest;
        let (digits, beyond) = split(tail, |byte| byte.is_ascii_digit());
        let (tag, behind) = split(tail, |byte| byte != b'$' && continues_word(byte));
        if !digits.is_empty() {
            let skipped = whole.len().saturating_sub(beyond.len());
            self.rest = whole.get(skipped..).unwrap_or_default();
            return Token::Parameter;
        }
        let mark_length = tag.len().saturating_add(2);
        let mark = whole.get(..mark_length).unwrap_or_default();
        if behind.first() != Some(&b'$') {
            self.rest = whole.get(1..).unwrap_or_default();
            return Token::Punct(b'$');
        }
        let inside = whole.get(mark_length..).unwrap_or_default();
        let end = memmem::find(inside, mark).unwrap_or(inside.len());
        let (text, after) = inside.split_at_checked(end).unwrap_or((inside, &[]));
        let text = text.into();
        self.rest = after.get(mark_length..).unwrap_or_default();
        Token::Text(text)
    }
}

/// What is before and from the first byte that does not belong.
fn split(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| !belongs(*byte));
    bytes
        .split_at_checked(end.unwrap_or(bytes.len()))
        .unwrap_or((bytes, &[]))
}

fn after_comment(comment: &[u8]) -> &[u8] {
    let mut rest = comment;
    let mut depth = 1_usize;
    while depth > 0 {
        rest = match rest {
            [] => return rest,
            [b'*', b'/', tail @ ..] => {
                depth = depth.saturating_sub(1);
                tail
            }
            [b'/', b'*', tail @ ..] => {
                depth = depth.saturating_add(1);
                tail
            }
            [_, tail @ ..] => tail,
        };
    }
    rest
}
