//! Messages of many megabytes in both directions.

use anyhow::Result;

use super::messages::{bind, copy_data, copy_done, execute, parse, query, sync};
use super::{Bench, Cut};

const MANY: usize = 20 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn huge_messages_pass_unchanged() -> Result<()> {
    let bench = Bench::start(1).await?;
    let mut pair = bench.pair();
    let long = "x".repeat(5 * 1024 * 1024);
    let row = format!("1\t{}\n", "y".repeat(MANY));
    let rows = format!("select repeat('z', {MANY}), 1 union all select 'z', 2");
    let batches = [
        vec![
            query(&format!("select length('{long}')")),
            query("select 1"),
        ],
        vec![query(&format!("select '{long}'"))],
        vec![query(&rows)],
        vec![
            parse("", &rows),
            bind("", "", &[]),
            execute("", 1),
            execute("", 0),
            sync(),
        ],
        vec![
            query("copy t1 from stdin"),
            copy_data(&row),
            copy_data(&row),
            copy_done(),
        ],
        vec![
            query("select count(*), sum(length(x)) from t1"),
            query("copy t1 to stdout"),
        ],
        // Longer than what is remembered of an unnamed statement.
        vec![
            parse("", &format!("select length('{}')", "w".repeat(200_000))),
            sync(),
        ],
        vec![bind("", "", &[]), execute("", 0), sync()],
        vec![parse("", "select length($1)"), sync()],
        vec![bind("", "", &[&long]), execute("", 0), sync()],
        vec![query("truncate t1")],
    ];
    for batch in &batches {
        pair.messages(batch, Cut::Messages).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_requests_wait_behind_a_slow_one() -> Result<()> {
    let bench = Bench::start(1).await?;
    let mut pair = bench.pair();
    let slow = [
        parse("", "select pg_sleep(1)"),
        bind("", "", &[]),
        execute("", 0),
        sync(),
    ];
    let mut batch = vec![slow.concat()];
    // More than are kept track of at once, and more bytes than are read ahead.
    for number in 0..60_000 {
        batch.push(query(&format!("select {number} as a_column_with_a_name")));
    }
    pair.messages(&batch, Cut::Whole).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_words_of_a_server_are_heard_while_much_is_being_sent() -> Result<()> {
    let bench = Bench::start(1).await?;
    let mut pair = bench.pair();
    let data = copy_data(&"1\tone\n".repeat(100_000));
    for _ in 0..5 {
        let mut batch = vec![query("copy t1 from stdin"), query("select 1")];
        batch.extend(std::iter::repeat_n(data.clone(), 20));
        pair.messages(&batch, Cut::Whole).await?;
    }
    Ok(())
}
