//! TCP ports on loopback that nobody uses right now.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result, bail};

/// A port that was free a moment ago.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("asking for a free port")?;
    Ok(listener.local_addr().context("reading the port")?.port())
}

/// The first of `count` neighbouring ports that were free a moment ago.
///
/// Looked for below the kernel's ephemeral range (32768 on Linux), so that outgoing connections of
/// other tests do not take one of them meanwhile. The search starts at a place that depends on the
/// process and on the kernel's next free port, so that tests running side by side rarely meet.
pub fn free_ports(count: u16) -> Result<u16> {
    const FIRST: u32 = 10_000;
    const SPAN: u32 = 22_000;
    let seed = std::process::id().wrapping_mul(7_919) ^ u32::from(free_port()?).wrapping_mul(31);
    for attempt in 0..200_u32 {
        let offset = seed.wrapping_add(attempt.wrapping_mul(u32::from(count))) % SPAN;
        let Ok(first) = u16::try_from(FIRST + offset) else {
            continue;
        };
        if (first..first.saturating_add(count)).all(port_is_free) {
            return Ok(first);
        }
    }
    bail!("no {count} neighbouring free ports found")
}

fn port_is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_neighbouring_ports_that_can_be_bound() {
        let first = free_ports(5).unwrap();
        assert!((first..first + 5).all(port_is_free));
    }
}
