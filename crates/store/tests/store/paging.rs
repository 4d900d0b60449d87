//! Lists in pages: every row once, in byte order, whatever is inserted meanwhile.

use tollgate_store::Page;

use crate::rig::{Rig, database};

on_both_engines!(
    pages_cover_the_list,
    inserts_between_pages_repeat_and_hide_nothing,
    both_engines_sort_by_bytes,
    a_page_of_none_is_a_page_of_one,
);

async fn fill(rig: &Rig, names: &[&str]) {
    let write = rig.write().await;
    for name in names {
        write.database_create(database(name)).await.unwrap();
    }
    write.commit().await.unwrap();
}

async fn names(rig: &Rig, page: &Page) -> (Vec<String>, Option<String>) {
    let listed = rig.store.database_list(page).await.unwrap();
    let names = listed.items.into_iter().map(|row| row.name).collect();
    (names, listed.next)
}

async fn pages_cover_the_list(rig: Rig) {
    fill(&rig, &["d", "b", "e", "a", "c"]).await;
    let mut page = Page::first(2);
    let mut seen = Vec::new();
    loop {
        let (names, next) = names(&rig, &page).await;
        assert!(names.len() <= 2);
        seen.extend(names);
        match next {
            Some(next) => page = page.after(next),
            None => break,
        }
    }
    assert_eq!(seen, ["a", "b", "c", "d", "e"]);
}

async fn inserts_between_pages_repeat_and_hide_nothing(rig: Rig) {
    fill(&rig, &["b", "d", "f", "h"]).await;
    let (first, next) = names(&rig, &Page::first(2)).await;
    assert_eq!(first, ["b", "d"]);
    // One before the page, one on its edge, one after.
    fill(&rig, &["a", "c", "g"]).await;
    let (rest, next) = names(&rig, &Page::first(10).after(next.unwrap())).await;
    assert_eq!(
        (rest, next),
        (["f", "g", "h"].map(str::to_owned).to_vec(), None)
    );
}

async fn both_engines_sort_by_bytes(rig: Rig) {
    fill(&rig, &["a-b", "B", "aa", "a", "A1", "ab"]).await;
    let (names, _) = names(&rig, &Page::first(10)).await;
    assert_eq!(names, ["A1", "B", "a", "a-b", "aa", "ab"]);
}

async fn a_page_of_none_is_a_page_of_one(rig: Rig) {
    fill(&rig, &["a", "b"]).await;
    let (names, next) = names(&rig, &Page::first(0)).await;
    assert_eq!((names, next), (vec!["a".to_owned()], Some("a".to_owned())));
}
