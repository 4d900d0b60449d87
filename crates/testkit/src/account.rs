//! Which account a database server runs as: never root, which PostgreSQL refuses.

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt},
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, bail};

/// An account of the machine that a server may run as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// The account the tests run as, which is not root.
    Ourselves,
    /// Another account, because the tests run as root.
    Other {
        /// Numeric user id.
        uid: u32,
        /// Numeric group id.
        gid: u32,
    },
}

impl Account {
    /// Ourselves, or for root the existing account `postgres`, else `nobody`.
    pub fn unprivileged() -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Ourselves);
        }
        let passwd = fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
        for name in ["postgres", "nobody"] {
            if let Some(account) = account_named(&passwd, name) {
                return Ok(account);
            }
        }
        bail!("running as root, and neither `postgres` nor `nobody` exists to run a server as")
    }

    /// Makes `command` run as this account, with its home folder in `home`.
    ///
    /// Groups are dropped by the standard library when root changes the user id. `HOME` matters
    /// to libpq, which looks for certificates there.
    pub fn apply(self, command: &mut Command, home: &Path) {
        command.env("HOME", home);
        if let Self::Other { uid, gid } = self {
            command.gid(gid).uid(uid);
        }
    }

    /// Hands `path` over to this account.
    pub fn own(self, path: &Path) -> Result<()> {
        match self {
            Self::Ourselves => Ok(()),
            Self::Other { uid, gid } => chown(path, Some(uid), Some(gid))
                .with_context(|| format!("changing the owner of {}", path.display())),
        }
    }
}

fn account_named(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Account::Other { uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ids_from_passwd() {
        let passwd =
            "root:x:0:0:root:/root:/bin/bash\npostgres:x:101:104::/var/lib/postgresql:/bin/bash\n";
        assert_eq!(
            account_named(passwd, "postgres"),
            Some(Account::Other { uid: 101, gid: 104 })
        );
        assert_eq!(account_named(passwd, "nobody"), None);
    }

    #[test]
    fn never_chooses_root() {
        if let Account::Other { uid, .. } = Account::unprivileged().unwrap() {
            assert_ne!(uid, 0);
        } else {
            assert!(!rustix::process::geteuid().is_root());
        }
    }
}
