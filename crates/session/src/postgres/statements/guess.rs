//! Names while replies cannot be told apart: what was known is still found, the rest is taken as sent.
//!
//! The session keeps its connection to its end then, so a wrong guess harms nobody else.

use super::carried::NOWHERE;
use super::names::{Named, Place, What, cut};
use super::wire::PREFIX;
use crate::Effects;
use crate::postgres::client::Step;
use crate::postgres::head::{Head, Message, head, kind_byte, two_names};
use crate::postgres::link::{Entry, Link};
use crate::postgres::queue::Meaning;
use crate::postgres::{Session, Want};
use tollgate_wire_postgres::tag::frontend as tag;

impl Session {
    /// Passes a message on, under the name its statement has here as far as that is known.
    pub(in crate::postgres) fn guess(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let statement = kind_byte(message) == Some(b'S');
        let name = match message.header.tag {
            tag::PARSE => head(message, 0),
            tag::DESCRIBE | tag::CLOSE if statement => head(message, 1),
            tag::BIND => match two_names(message) {
                Ok((_, name)) => Head::Name { name, rest: &[] },
                Err(head) => head,
            },
            _ => Head::Malformed,
        };
        let name = match name {
            Head::Name { name, .. } if !name.is_empty() => name,
            Head::Short => return Step::Wait(Want::More),
            Head::TooLong => return Step::Wait(self.name_too_long(out)),
            Head::Name { .. } | Head::Malformed => b"",
        };
        let number = self.guessed_number(message.header.tag, name);
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        link.pass(message.header, Entry::None);
        if let Some(number) = number {
            link.rename(message, number, out);
        }
        Step::Taken
    }

    fn guessed_number(&mut self, message_tag: u8, name: &[u8]) -> Option<u32> {
        let link = self.link.as_mut()?;
        if name.is_empty() || link.takes_copy_data() {
            return None;
        }
        let known = self.names.get(name).and_then(|named| number_here(named, link));
        if known.is_none() && message_tag == tag::PARSE {
            let number = link.carried.fresh_number();
            let meaning = Meaning::NOTHING;
            let place = Place::Number(number);
            self.names.add(cut(name).into(), What::Stuck { place, meaning });
            return Some(number);
        }
        if message_tag == tag::CLOSE {
            self.names.remove(name);
        }
        known.or_else(|| name.starts_with(PREFIX).then_some(NOWHERE))
    }
}

fn number_here(named: &Named, link: &mut Link) -> Option<u32> {
    match &named.what {
        What::Shared(statement) => link.carried.used(statement.id),
        What::Stuck { place, .. } => match place {
            Place::Number(number) => Some(*number),
            Place::OwnName => None,
        },
    }
}
