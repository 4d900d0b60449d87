//! Dollar quotes: `$$..$$`, `$tag$..$tag$`, and the `$1` that only looks like one.

use memchr::memchr;

use super::{Scanner, State};
use crate::EffectSet;
use crate::name::continues_word;
use crate::statement::Token;

impl Scanner {
    /// After a `$` outside of strings and words.
    pub(super) fn dollar<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        match rest.first() {
            Some(b'0'..=b'9') => {
                self.statement.token(Token::Number);
                self.state = State::Number;
            }
            Some(b'$' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80..) => {
                self.tag.clear();
                self.word.clear();
                self.state = State::DollarTag;
            }
            _ => {
                self.statement.token(Token::Punct(b'$'));
                self.state = State::Code;
            }
        }
        rest
    }

    pub(super) fn dollar_tag<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let Some((&byte, tail)) = rest.split_first() else {
            return rest;
        };
        if byte == b'$' {
            // A tag too long to remember hides where the string ends.
            if !self.tag.is_whole() {
                self.statement.add(EffectSet::UNKNOWN);
            }
            self.state = State::DollarBody { matched: 0 };
            self.prose_starts();
            return tail;
        }
        if continues_word(byte) {
            self.tag.push(byte);
            self.word.push(byte.to_ascii_lowercase());
            return tail;
        }
        // No tag after all: the dollar stands alone, and what followed it is a word.
        self.statement.token(Token::Punct(b'$'));
        self.state = State::Word;
        rest
    }

    /// Inside the string, `matched` bytes into what may be its closing `$tag$`.
    pub(super) fn dollar_body<'a>(&mut self, rest: &'a [u8], matched: u8) -> &'a [u8] {
        if matched == 0 {
            return self.dollar_search(rest);
        }
        let Some((&byte, tail)) = rest.split_first() else {
            return rest;
        };
        self.prose(&[byte]);
        let position = usize::from(matched.saturating_sub(1));
        let wanted = self.tag.as_bytes().get(position).copied();
        match wanted {
            None if byte == b'$' && self.tag.is_whole() => {
                self.prose_ends();
                self.statement.token(Token::Text);
                self.state = State::Code;
            }
            Some(wanted) if wanted == byte => {
                let matched = matched.saturating_add(1);
                self.state = State::DollarBody { matched };
            }
            // A tag has no dollar inside, so a mismatch can only restart at this byte.
            _ => {
                let matched = u8::from(byte == b'$');
                self.state = State::DollarBody { matched };
            }
        }
        tail
    }

    fn dollar_search<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let stop = memchr(b'$', rest);
        let (inside, tail) = rest
            .split_at_checked(stop.unwrap_or(rest.len()))
            .unwrap_or((rest, &[]));
        self.prose(inside);
        let Some((_, after)) = tail.split_first() else {
            return tail;
        };
        self.prose(b"$");
        self.state = State::DollarBody { matched: 1 };
        after
    }
}
