//! What to tell an operator who wants a pin to go away.

use tollgate_session::PinReason;

/// How a client of PostgreSQL avoids this pin.
pub(super) fn postgres(reason: PinReason) -> &'static str {
    match reason {
        PinReason::SessionSetting => {
            "name the setting in the text: set_config('name', .., ..); where code executes texts, \
             fill them in with format() and %I and %L"
        }
        PinReason::PreparedStatement => {
            "prepare and deallocate by SQL one statement at a time, and keep prepared texts below 256 KiB"
        }
        PinReason::TemporaryObject => {
            "create temporary tables ON COMMIT DROP, or drop them when they are no longer needed"
        }
        PinReason::HoldCursor => "declare the cursor without WITH HOLD, or close it",
        PinReason::AdvisoryLock => "use pg_advisory_xact_lock instead of the session-level lock",
        PinReason::Listen => "keep LISTEN on a connection of its own, and run UNLISTEN when done",
        PinReason::LoadedLibrary => "load libraries with session_preload_libraries on the server",
        PinReason::RandomSeed => "pass the random numbers as parameters instead of calling setseed",
        PinReason::Sequence => "use INSERT ... RETURNING instead of currval and lastval",
        PinReason::CopyInDoubt => {
            "check the data before COPY: it failed in the middle of a pipeline"
        }
        PinReason::UnnamedStatement => {
            "send shorter statements, or parse and execute in one round trip"
        }
        PinReason::ProceduralBody => "keep session settings out of DO blocks and procedures",
        PinReason::UserVariable => {
            "pass values as parameters instead of keeping them in user variables"
        }
        PinReason::LockedTables => "run UNLOCK TABLES as soon as the lock is not needed",
        PinReason::Handler => "run HANDLER .. CLOSE when done",
        PinReason::Unknown => "avoid functions that keep state in the server process",
    }
}

/// How a client of MySQL or MariaDB avoids this pin.
pub(super) fn mysql(reason: PinReason) -> &'static str {
    match reason {
        PinReason::SessionSetting => {
            "set session variables by name and with values, outside of procedures; EXCLUDE_VARIABLE_SETS of the target \
             group keeps them from pinning"
        }
        PinReason::PreparedStatement => {
            "prepare by the protocol instead of by SQL PREPARE, and keep prepared texts below 256 KiB"
        }
        PinReason::TemporaryObject => {
            "drop temporary tables when they are no longer needed, or use a common table expression"
        }
        PinReason::HoldCursor => "read cursors to their end, or close their statements",
        PinReason::AdvisoryLock => {
            "run RELEASE_LOCK as soon as the lock is not needed, or use SELECT .. FOR UPDATE"
        }
        PinReason::Sequence => "use INSERT .. RETURNING instead of LASTVAL",
        PinReason::ProceduralBody => "keep session state out of procedures, functions and triggers",
        PinReason::UserVariable => {
            "pass values as parameters instead of keeping them in user variables"
        }
        PinReason::LockedTables => "run UNLOCK TABLES as soon as the lock is not needed",
        PinReason::Handler => "run HANDLER .. CLOSE when done",
        PinReason::Listen
        | PinReason::LoadedLibrary
        | PinReason::RandomSeed
        | PinReason::CopyInDoubt
        | PinReason::UnnamedStatement
        | PinReason::Unknown => "avoid statements that keep state in the server's session",
    }
}
