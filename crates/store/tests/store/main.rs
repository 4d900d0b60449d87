//! One suite of store tests, run against SQLite and against a real PostgreSQL.
#![cfg(test)]

/// Makes two tests of every case: one per engine.
macro_rules! on_both_engines {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(crate::rig::Rig::sqlite()).await;
                }
            )*
        }

        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(crate::rig::Rig::postgres()).await;
                }
            )*
        }
    };
}

mod aws_iam;
mod concurrency;
mod idempotency;
mod identity;
mod outage;
mod paging;
mod proxies;
mod records;
mod resources;
mod rig;
mod security_groups;
