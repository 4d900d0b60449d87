//! TCP ports on loopback that nobody else uses, in this process or in another test process.

use std::fs::{File, OpenOptions, TryLockError, create_dir_all};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use anyhow::{Context, Result, bail};

/// Below the kernel's ephemeral range (32768 on Linux): an outgoing connection of another test
/// never takes one of these ports between the search and the bind.
const FIRST: u16 = 10_000;
const SPAN: u16 = 22_000;

/// Neighbouring ports that belong to the holder until this is dropped.
///
/// A file lock per port keeps test processes that run side by side apart; only programs that know
/// nothing of the locks could still take one.
#[derive(Debug)]
pub struct Ports {
    first: u16,
    _locks: Vec<File>,
}

impl Ports {
    /// Reserves `count` neighbouring ports.
    pub fn reserve(count: u16) -> Result<Self> {
        // One folder per account: locks of another one could not be opened.
        let uid = rustix::process::geteuid().as_raw();
        let folder = std::env::temp_dir().join(format!("tollgate-test-ports-{uid}"));
        create_dir_all(&folder).context("making the folder of port locks")?;
        // Test processes start their search at different places, so that they rarely meet.
        let seed = std::process::id().wrapping_mul(7_919);
        let start = u16::try_from(seed % u32::from(SPAN)).unwrap_or_default();
        for step in 0..SPAN / count.max(1) {
            let offset = (u32::from(start) + u32::from(step) * u32::from(count)) % u32::from(SPAN);
            let first = FIRST + u16::try_from(offset).unwrap_or_default();
            if let Some(locks) = lock_all(&folder, first, count)? {
                return Ok(Self {
                    first,
                    _locks: locks,
                });
            }
        }
        bail!("no {count} neighbouring free ports found")
    }

    /// The lowest of them.
    pub fn first(&self) -> u16 {
        self.first
    }
}

fn lock_all(folder: &Path, first: u16, count: u16) -> Result<Option<Vec<File>>> {
    let mut locks = Vec::with_capacity(usize::from(count));
    for port in first..first.saturating_add(count) {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join(port.to_string()))
            .context("opening a port's lock")?;
        match file.try_lock() {
            Ok(()) => locks.push(file),
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error).context("locking a port"),
        }
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err() {
            return Ok(None);
        }
    }
    Ok(Some(locks))
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    /// Tries for a while: a child that another test is starting has copies of what this process had open until it
    /// becomes another program, and with them the sockets and locks.
    fn soon(mut works: impl FnMut() -> bool) -> bool {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !works() {
            if Instant::now() > deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        true
    }

    #[test]
    fn reserved_ports_can_be_bound_and_are_given_once() {
        let held: Vec<Ports> = (0..20).map(|_| Ports::reserve(5).unwrap()).collect();
        let mut all: Vec<u16> = held.iter().flat_map(|p| p.first..p.first + 5).collect();
        for port in &all {
            assert!(soon(
                || TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()
            ));
        }
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 100, "a port was given twice");
    }

    #[test]
    fn a_dropped_reservation_is_free_again() {
        let folder = tempfile::tempdir().unwrap();
        let held = Ports::reserve(1).unwrap();
        let port = held.first();
        let locks = lock_all(folder.path(), port, 1).unwrap();
        assert!(locks.is_some());
        assert!(lock_all(folder.path(), port, 1).unwrap().is_none());
        drop(locks);
        assert!(soon(|| lock_all(folder.path(), port, 1).unwrap().is_some()));
    }
}
