//! File descriptors: every connection needs one, and the usual soft limit of 1,024 is soon used up.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors kept for files, the metadata store, the API and server connections.
const RESERVED: u64 = 512;

/// Raises the soft limit to the hard one, and says so when it does not suffice for `clients`.
pub(crate) fn raise(clients: usize) {
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, wanted)
    {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    let Some(available) = getrlimit(Resource::Nofile).current else {
        return;
    };
    let needed = u64::try_from(clients)
        .unwrap_or(u64::MAX)
        .saturating_add(RESERVED);
    if available < needed {
        tracing::warn!(
            files.limit = available,
            files.needed = needed,
            "max-client-connections needs more open files than the limit allows: raise it (ulimit -n, LimitNOFILE=)"
        );
    }
}
