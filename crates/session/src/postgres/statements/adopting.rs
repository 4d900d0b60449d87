//! Statements that SQL has made: taken over from what the text said, or from what the server says there is.

use std::collections::BTreeMap;
use std::sync::Arc;

use tollgate_sql::{Deed, Dialect, EffectSet, StringStyle, classify};

use super::names::{Named, Others, Place, What};
use super::own::NAMING;
use super::rereading::Read;
use super::study::{Listed, Untold};
use super::table::{Prepared, Recipe, Shape};
use crate::postgres::Session;
use crate::postgres::meaning::meaning_of;
use crate::postgres::queue::Meaning;
use crate::postgres::settings::{Reading, depends_on_scanning};

impl Session {
    /// A `PREPARE` ran. What it gives, and how it was read if that matters, is to be asked.
    pub(super) fn prepared(
        &mut self,
        name: Box<[u8]>,
        (text, reading): (Option<Box<[u8]>>, Option<Arc<Reading>>),
        meaning: Meaning,
    ) {
        let text = text.filter(|text| self.names.have_room(text.len()));
        let (Some(text), Some(link)) = (text, &self.link) else {
            self.prepared_here(name, meaning);
            return;
        };
        let in_time = link.study.is_in_time();
        let mut meaning = self
            .meaning_of_prepare(&text, reading.as_deref())
            .unwrap_or(meaning);
        meaning.effects = meaning.effects.without(NAMING);
        let read = match (self.reads(&text), reading) {
            (Read::Under(_) | Read::AsAnswered | Read::Unknown, Some(foreseen)) => {
                Read::Under(foreseen)
            }
            (Read::Unknown, None) if in_time => Read::AsAnswered,
            (read @ (Read::Alike | Read::Under(_) | Read::AsAnswered | Read::Unknown), _) => read,
        };
        self.names
            .may_do(meaning.effects, meaning.touched.as_deref());
        self.prepared_here(name.clone(), meaning.clone());
        if let Some(link) = &mut self.link {
            link.study.add(Untold {
                name,
                text,
                meaning,
                read,
            });
        }
    }

    /// It exists, but only here.
    fn prepared_here(&mut self, name: Box<[u8]>, mut meaning: Meaning) {
        meaning.effects = meaning.effects.without(NAMING);
        meaning.name = None;
        let place = Place::OwnName;
        self.names.add(name, What::Stuck { place, meaning });
    }

    /// What the statement in this `PREPARE` means, which may have come with others in one text, and was read
    /// like this if that is known.
    fn meaning_of_prepare(&mut self, text: &[u8], reading: Option<&Reading>) -> Option<Meaning> {
        let link = self.link.as_mut()?;
        let style = reading.map_or(link.parameters.style(), Reading::style);
        let summary = classify(Dialect::PostgreSql, style, text);
        let mut meaning = meaning_of(&summary, link, self.names.possible(), Some(text));
        if !link.parameters.backslash_is_ambiguous() {
            // Settings that are on their way now came too late for this text.
            let known = summary.effects.intersection(EffectSet::UNKNOWN);
            meaning.effects = meaning.effects.without(EffectSet::UNKNOWN).union(known);
        }
        meaning.name = None;
        Some(meaning)
    }

    /// The server has said what the oldest statement that is studied gives, or will not say.
    pub(super) fn studied(&mut self, shape: Option<Shape>) {
        let Some(link) = &mut self.link else {
            return;
        };
        let answered = link.answered_reading.take();
        let reported = link.parameters.climate();
        let Some(untold) = link.study.told() else {
            return;
        };
        let is_here = |named: &Arc<Named>| matches!(named.what, What::Stuck { .. });
        if !self.names.get(&untold.name).is_some_and(is_here) {
            return;
        }
        let reading: Option<Arc<Reading>> = match untold.read {
            Read::Alike => None,
            Read::Under(reading) => Some(reading),
            Read::AsAnswered if answered.is_some() => answered,
            // Nobody knows how it was read: it stays where it is.
            Read::AsAnswered | Read::Unknown => return,
        };
        let climate = self.climate(reported);
        let recipe = Recipe::Sql(Prepared {
            text: untold.text,
            shape: shape.unwrap_or(Shape::Any),
            climate,
        });
        let statement = self.table.intern(recipe, untold.meaning, reading);
        if let Some(link) = &mut self.link {
            link.carried.has_own(untold.name.clone(), statement.id);
        }
        self.names.add(untold.name, What::Shared(statement));
    }

    /// The server has said which statements there are under names of clients.
    pub(super) fn roster_is_complete(&mut self) {
        let Some(link) = &mut self.link else {
            return;
        };
        let listed = link.study.take_roster().into_iter();
        let mut listed: BTreeMap<Box<[u8]>, Listed> =
            listed.map(|one| (one.name.clone(), one)).collect();
        let gone: Vec<Box<[u8]>> = link
            .carried
            .owns()
            .map(|(name, _)| name.into())
            .filter(|name| !listed.contains_key(name))
            .collect();
        for name in gone {
            link.carried.has_own_no_more(&name);
        }
        let strangers: Vec<Box<[u8]>> = link.carried.owns().map(|(name, _)| name.into()).collect();
        let known: Vec<Arc<Named>> = self.names.iter().map(Arc::clone).collect();
        for named in known {
            let found = listed.remove(&named.name);
            self.is_listed(&named, found.as_ref());
        }
        for name in strangers {
            listed.remove(&name);
        }
        self.names.others_are(Others::None);
        for (name, found) in listed {
            self.adopt(name, found.text.as_deref());
        }
        if let Some(link) = &mut self.link {
            link.study.all_are_adopted();
        }
    }

    /// A statement may still be there: this is what has its name now.
    fn is_listed(&mut self, named: &Arc<Named>, found: Option<&Listed>) {
        let statement = match &named.what {
            What::Shared(_)
            | What::Stuck {
                place: Place::Number(_),
                ..
            } => return,
            What::Stuck {
                place: Place::OwnName,
                ..
            } => None,
            What::Uncertain(statement) => Some(statement),
        };
        let name = named.name.clone();
        let (Some(found), Some(statement)) = (found, statement) else {
            if found.is_none() {
                self.gone(&name);
            }
            return;
        };
        let replaced = found
            .text
            .as_deref()
            .is_some_and(|text| match &statement.recipe {
                Recipe::Parse(_) => true,
                Recipe::Sql(prepared) => {
                    let style = statement.reading.as_deref().map(Reading::style);
                    self.cut(text, &name, style) != Some(&*prepared.text)
                }
            });
        if replaced {
            self.adopt(name, found.text.as_deref());
        } else {
            self.names.add(name, What::Shared(Arc::clone(statement)));
        }
    }

    /// A statement of the client's is gone.
    pub(super) fn gone(&mut self, name: &[u8]) {
        self.names.remove(name);
        if let Some(link) = &mut self.link {
            link.carried.has_own_no_more(name);
            link.study.forget(name);
        }
    }

    /// The server has a statement with this name that code has made, by this text.
    fn adopt(&mut self, name: Box<[u8]>, text: Option<&[u8]>) {
        let older = self.link.as_ref();
        let older = older.is_some_and(|link| link.study.adopts_older_texts());
        let cut = text.and_then(|text| self.cut(text, &name, None));
        let cut = cut.filter(|text| !older || !depends_on_scanning(text));
        match cut {
            Some(text) => {
                let text: Box<[u8]> = text.into();
                self.prepared(name, (Some(text), None), Meaning::NOTHING);
            }
            None => self.prepared_here(name, Meaning::of_effects(self.names.possible().effects)),
        }
    }

    /// The one `PREPARE` of this name in a text, which was read in this style or that of now.
    fn cut<'a>(&self, text: &'a [u8], name: &[u8], style: Option<StringStyle>) -> Option<&'a [u8]> {
        let style = style.unwrap_or(self.link.as_ref()?.parameters.style());
        let summary = classify(Dialect::PostgreSql, style, text);
        let mut prepares = summary
            .namings
            .all()?
            .iter()
            .filter(|naming| naming.deed == Deed::Prepare && naming.name.as_bytes() == name);
        let (Some(only), None) = (prepares.next(), prepares.next()) else {
            return None;
        };
        if summary.statements == 1 {
            return Some(text);
        }
        text.get(only.span.clone()).map(<[u8]>::trim_ascii)
    }
}
