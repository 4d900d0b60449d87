//! What to tell an operator who wants a pin to go away.

use tollgate_session::PinReason;

/// How a client avoids this pin.
pub(super) fn against(reason: PinReason) -> &'static str {
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
