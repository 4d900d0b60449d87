//! A thousand clients share twenty server connections: who waits how long, and what waiting costs.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use rustix::{
    buffer::spare_capacity,
    event::{
        Timespec,
        epoll::{self, EventData, EventFlags},
    },
    fd::OwnedFd,
};

use super::{Scene, process, proxy_door};
use crate::{
    door::{Door, Entry, Tls},
    process::Process,
    reading::Metric,
    stage::POOL,
    statistic::{mean, quantile},
    system::System,
    wire::{Client, query_message},
};

const WAITERS: usize = 1_000;
/// A turn takes this long at the server, so that the order of turns is what makes the waits.
const TURN: &str = "SELECT pg_sleep(0.01)";
/// Turns that everybody has; the first does not count, all begin it at the same time.
const TURNS: usize = 4;
/// While it runs on every server connection, everybody else only waits.
const STANDSTILL: &str = "SELECT pg_sleep(3)";
/// How long waiting is watched meanwhile.
const WATCHED: Duration = Duration::from_secs(1);
const READY: &[u8] = b"Z\0\0\0\x05I";
const PATIENCE: Timespec = Timespec {
    tv_sec: 30,
    tv_nsec: 0,
};

struct Crowd {
    epoll: OwnedFd,
    clients: Vec<Waiter>,
}

struct Waiter {
    socket: TcpStream,
    asked: Instant,
    turns: usize,
}

/// The 99th percentile of the waits over their mean, and the part of one processor that waiting takes.
pub(super) fn measure(scene: &Scene<'_>, system: System) -> Result<Vec<(Metric, f64)>> {
    let entry = Entry::Cheap(Tls::Off);
    let door = proxy_door(scene.stage, system, entry).context("no door")?;
    let mut crowd = Crowd::gather(&door)?;
    let waits = crowd.take_turns()?;
    let spread = quantile(&waits, 99).context("no waits")? / mean(&waits).context("no waits")?;
    let percent = crowd.stand_still(process(&door)?)?;
    Ok(vec![
        (Metric::WaitSpread, spread),
        (Metric::WaitCpu, percent),
    ])
}

impl Crowd {
    fn gather(door: &Door) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut clients = Vec::with_capacity(WAITERS);
        for place in 0..WAITERS {
            let socket = Client::connect(door)?.into_socket()?;
            epoll::add(
                &epoll,
                &socket,
                EventData::new_u64(place as u64),
                EventFlags::IN,
            )?;
            clients.push(Waiter {
                socket,
                asked: Instant::now(),
                turns: 0,
            });
        }
        Ok(Self { epoll, clients })
    }

    /// Everybody asks again as soon as there is an answer; returns seconds from question to answer.
    fn take_turns(&mut self) -> Result<Vec<f64>> {
        let question = query_message(TURN);
        for client in &mut self.clients {
            client.ask(&question)?;
        }
        let mut waits = Vec::with_capacity(WAITERS * TURNS);
        let mut done = 0;
        let mut events = Vec::with_capacity(256);
        while done < WAITERS {
            epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&PATIENCE))?;
            ensure!(!events.is_empty(), "nobody was answered");
            for event in events.drain(..) {
                let client = &mut self.clients[usize::try_from(event.data.u64())?];
                client.hear()?;
                if client.turns > 0 && client.turns < TURNS {
                    waits.push(client.asked.elapsed().as_secs_f64());
                }
                client.turns += 1;
                if client.turns <= TURNS {
                    client.ask(&question)?;
                } else {
                    done += 1;
                }
            }
        }
        Ok(waits)
    }

    /// Percent of one processor while nobody's turn ends.
    fn stand_still(&mut self, process: Process) -> Result<f64> {
        let question = query_message(STANDSTILL);
        let share = usize::try_from(POOL)?;
        for client in &mut self.clients[..share] {
            client.ask(&question)?;
        }
        thread::sleep(Duration::from_millis(300));
        let question = query_message(TURN);
        for client in &mut self.clients[share..] {
            client.ask(&question)?;
        }
        thread::sleep(Duration::from_millis(300));
        let watch = || {
            thread::sleep(WATCHED);
            Ok(())
        };
        let (used, ()) = process.cpu_of(watch)?;
        for client in &mut self.clients {
            client.hear()?;
        }
        Ok(used.as_secs_f64() / WATCHED.as_secs_f64() * 100.0)
    }
}

impl Waiter {
    fn ask(&mut self, question: &[u8]) -> Result<()> {
        self.asked = Instant::now();
        self.socket.write_all(question).context("asking")
    }

    /// Reads one whole answer; the rest of it follows at once when a part is here.
    fn hear(&mut self) -> Result<()> {
        let mut answer = Vec::new();
        let mut chunk = [0; 1024];
        while !answer.ends_with(READY) {
            let count = self.socket.read(&mut chunk).context("waiting")?;
            ensure!(count > 0, "a waiter was sent away");
            answer.extend_from_slice(&chunk[..count]);
        }
        Ok(())
    }
}
