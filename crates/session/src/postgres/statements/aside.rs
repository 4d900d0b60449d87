//! Commands of ours between the client's messages.

use super::wire;
use crate::Effects;
use crate::postgres::link::Link;
use crate::postgres::queue::{Kind, Work};

/// The portal that runs a command of ours.
const PORTAL: &[u8] = b"tollgate_aside";

impl Link {
    /// Runs a command in the open segment without touching the client's unnamed statement and portal.
    pub(in crate::postgres) fn run_aside(&mut self, text: &[u8], work: Work, out: &mut Effects) {
        let number = self.carried.fresh_number();
        let name = self.carried.name(number);
        out.server_lane().inject(|bytes| {
            wire::parse_plain(bytes, name.as_bytes(), text);
            wire::bind_plain(bytes, PORTAL, name.as_bytes());
            wire::execute(bytes, PORTAL);
            wire::target(bytes, b'C', b'P', PORTAL);
            wire::target(bytes, b'C', b'S', name.as_bytes());
        });
        self.expect_work(Kind::Make, Work::Number(number));
        self.expect_work(Kind::OwnBind, Work::None);
        self.expect_work(Kind::OwnExecute, work);
        self.expect_work(Kind::Drop, Work::None);
        self.expect_work(Kind::Drop, Work::Number(number));
    }

    /// Drops what a command that failed has left: its portal lasts as long as the failed transaction.
    /// Source: PostgreSQL 15 `portalmem.c`, `AtAbort_Portals`.
    pub(super) fn drop_aside(&mut self, out: &mut Effects) {
        out.server_lane()
            .inject(|bytes| wire::target(bytes, b'C', b'P', PORTAL));
        self.expect_work(Kind::Drop, Work::None);
    }
}
