//! Pins as others see them: the sessions view, sums, metrics, and log lines that tell how to avoid them.

use std::time::Duration;

use tollgate_session::{Effects, PinChange, PinReason};

use super::Relay;
use crate::clock;
use crate::engine::Engine;
use crate::pins::{self, HeldPin};
use crate::pooled::History;

impl<E: Engine> Relay<E> {
    /// Keeps everything that shows pins in step with the machine.
    pub(super) fn show_pins(&mut self, effects: &Effects) {
        if effects.pin_changes().is_empty() {
            return;
        }
        let was_pinned = self.is_pinned();
        for change in effects.pin_changes() {
            match change {
                PinChange::Pinned {
                    reason,
                    digest,
                    detail,
                } => self.pin(*reason, digest.as_deref(), detail.as_deref()),
                PinChange::Unpinned(reason) => self.unpin(*reason),
            }
        }
        let is_pinned = self.is_pinned();
        if let Some(link) = &mut self.link {
            link.lease.history = History::Reset;
            match (was_pinned, is_pinned) {
                (false, true) => {
                    self.pinned = Some(self.metrics.pinned_clients.hold());
                    link.pool.mark_pinned(&link.lease);
                }
                (true, false) => {
                    self.pinned = None;
                    link.pool.mark_unpinned(&link.lease);
                }
                (true, true) | (false, false) => {}
            }
        }
    }

    /// The session is over, and its pins with it.
    pub(super) fn end_pins(&mut self) {
        let held = self.registered.control.pins.take();
        for pin in held {
            self.over(&pin);
        }
        self.pinned = None;
    }

    fn is_pinned(&self) -> bool {
        !self.registered.control.pins.borrow().is_empty()
    }

    fn pin(&self, reason: PinReason, digest: Option<&str>, detail: Option<&str>) {
        // It cannot be in force twice; if it were said twice, the newer one counts.
        self.unpin(reason);
        let control = &self.registered.control;
        let statement = digest.map(pins::statement);
        let since_unix = clock::unix_seconds();
        let pin = HeldPin {
            reason,
            statement,
            detail: detail.map(pins::statement),
            since: self.shard.clock.exact(),
            since_unix,
            _counted: self.metrics.pinned(reason),
        };
        self.shard.pins_of(&control.proxy).began(&pin);
        tracing::info!(
            session.id = %control.id, proxy.id = %control.proxy, pin.reason = reason.code(),
            pin.detail = pin.detail.as_deref(), db.statement = pin.statement.as_deref(),
            "client pinned to its server connection; {}", E::advice(reason)
        );
        control.pins.borrow_mut().push(pin);
    }

    fn unpin(&self, reason: PinReason) {
        let mut pins = self.registered.control.pins.borrow_mut();
        let place = pins.iter().position(|pin| pin.reason == reason);
        let ended = place.map(|place| pins.remove(place));
        drop(pins);
        if let Some(pin) = ended {
            self.over(&pin);
        }
    }

    fn over(&self, pin: &HeldPin) {
        let control = &self.registered.control;
        let held = self.shard.clock.exact().saturating_sub(pin.since);
        self.shard
            .pins_of(&control.proxy)
            .ended(pin, held, clock::unix_seconds());
        self.metrics
            .unpinned(pin.reason, Duration::from_millis(held.as_u64()));
        tracing::info!(
            session.id = %control.id, proxy.id = %control.proxy, pin.reason = pin.reason.code(),
            db.statement = pin.statement.as_deref(), pin.held_ms = held.as_u64(), "pin is over"
        );
    }
}
