//! Many rude clients on few server connections: nobody ever meets what another one left behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;
use tollgate_testkit::scripted::{Message, cancel_request};
use tollgate_types::{IamAuth, PoolPolicy};

use crate::dice::{Dice, seed};
use crate::differential::messages::{bind, close, execute, parse, query, sync};
use crate::fixture::Fixture;
use crate::raw::{Door, Raw, describe, first_error, first_value};

const CLIENTS: usize = 40;
const STRESS_FOR: Duration = Duration::from_secs(12);

/// What a client has made on its connection and expects to find there.
#[derive(Default)]
struct Made {
    setting: Option<String>,
    table: Option<String>,
    named: Option<String>,
    unnamed: Option<String>,
    lock: Option<usize>,
    in_transaction: bool,
}

/// How a visit ends.
enum End {
    /// The server or the proxy ended it, as they may.
    Cut,
    Left,
}

struct Client {
    number: usize,
    dice: Dice,
    door: Door,
    /// Only these may ever be told that their statement was cancelled.
    cancels: Cancels,
    rounds: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, PartialEq)]
enum Cancels {
    Never,
    Sometimes,
}

impl Client {
    async fn stay(mut self, until: Instant) -> Result<()> {
        while Instant::now() < until {
            let raw = match Raw::login(&self.door).await {
                Ok(raw) => raw,
                // Its server connection may have been shot while it was greeted.
                Err(_) => continue,
            };
            let visit = self.visit(raw, until).await;
            visit.with_context(|| format!("client {}", self.number))?;
        }
        Ok(())
    }

    async fn visit(&mut self, mut raw: Raw, until: Instant) -> Result<()> {
        let mut made = Made::default();
        for _ in 0..=self.dice.below(12) {
            if Instant::now() > until {
                break;
            }
            match self.act(&mut raw, &mut made).await? {
                End::Left => {}
                End::Cut => return Ok(()),
            }
            self.rounds.fetch_add(1, Ordering::Relaxed);
        }
        self.leave(raw).await
    }

    /// One statement or a few, and what their answer must be.
    async fn act(&mut self, raw: &mut Raw, made: &mut Made) -> Result<End> {
        let tag = format!("{}.{}", self.number, self.dice.roll());
        match self.dice.below(13) {
            0 => {
                let sql = format!("select set_config('my.mark', '{tag}', false)");
                if !made.in_transaction && self.went_well(raw, &query(&sql)).await?.is_some() {
                    made.setting = Some(tag);
                }
            }
            1 => {
                let sql = format!("drop table if exists mine; create temp table mine as select '{tag}'::text as mark");
                if !made.in_transaction && self.went_well(raw, &query(&sql)).await?.is_some() {
                    made.table = Some(tag);
                }
            }
            2 if made.named.is_none() => {
                let sent = [parse("named", &format!("select '{tag}'")), sync()].concat();
                if self.went_well(raw, &sent).await?.is_some() {
                    made.named = Some(tag);
                }
            }
            3 => {
                let sent = [parse("", &format!("select '{tag}'")), sync()].concat();
                made.unnamed = None;
                if self.went_well(raw, &sent).await?.is_some() {
                    made.unnamed = Some(tag);
                }
                return Ok(End::Left);
            }
            4 => {
                let sql = format!("select pg_try_advisory_lock({})", self.number);
                if let Some(got) = self.went_well(raw, &query(&sql)).await? {
                    ensure!(got == "t", "somebody else holds the lock of {}", self.number);
                    made.lock = Some(self.number);
                }
            }
            5 => {
                let sql = if made.in_transaction { "rollback" } else { "begin" };
                if self.went_well(raw, &query(sql)).await?.is_some() {
                    made.in_transaction = !made.in_transaction;
                }
            }
            6 if !made.in_transaction => {
                if self.went_well(raw, &query("discard all")).await?.is_some() {
                    *made = Made::default();
                }
            }
            7 if self.cancels == Cancels::Sometimes && !made.in_transaction => {
                raw.send(&query("select pg_sleep(0.05)")).await?;
                let late = self.dice.below(80);
                let cancel = cancel(self.door.port, raw.key.clone(), late);
                let (answer, ()) = tokio::join!(raw.until_ready(), cancel);
                if !self.judge(answer, made)? {
                    return Ok(End::Cut);
                }
            }
            _ => return self.look(raw, made, &tag).await,
        }
        // A simple query has dropped the unnamed statement; other requests may have.
        made.unnamed = None;
        if self.broken {
            return Ok(End::Cut);
        }
        Ok(End::Left)
    }
}
