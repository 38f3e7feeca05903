use proptest::prelude::*;

use super::*;
use crate::scan::key_list::{columns::Encoding, csv::MAX_PASSED_OVER};

fn read_in(chunks: &[&[u8]], form: Form) -> (Vec<ListedKey>, Option<BrokenRow>, Passed) {
    let (mut rows, mut all) = (Rows::new(form, "b"), Vec::new());
    for mut chunk in chunks.iter().copied() {
        loop {
            match rows.take(&mut chunk) {
                Ok(Some(entry)) => all.push(entry),
                Ok(None) => break,
                Err(error) => return (all, Some(error), rows.passed()),
            }
        }
    }
    match rows.finish() {
        Ok(last) => all.extend(last),
        Err(error) => return (all, Some(error), rows.passed()),
    }
    (all, None, rows.passed())
}

fn keys(text: &str, form: Form) -> Vec<String> {
    let (entries, error, _) = read_in(&[text.as_bytes()], form);
    assert_eq!(error, None);
    entries.into_iter().map(|entry| entry.key.into()).collect()
}

fn error(text: &str, form: Form) -> String {
    read_in(&[text.as_bytes()], form).1.expect("an error").to_string()
}

#[test]
fn a_plain_list_has_one_key_a_line_and_no_comments() {
    assert_eq!(keys("a/b\r\n\n#c\n d,e \nlast", Form::Lines), ["a/b", "#c", " d,e ", "last"]);
    assert_eq!(keys("\u{feff}a\n\u{feff}b\n", Form::Lines), ["a", "\u{feff}b"]);
    assert_eq!(keys("", Form::Lines), Vec::<String>::new());
}

#[test]
fn a_mark_at_the_beginning_belongs_to_no_key_and_hides_no_quote() {
    assert_eq!(keys("\u{feff}\"key\"\n\"a,b\"\n", Form::Csv), ["a,b"]);
    assert_eq!(keys("\u{feff}\u{feff}a\n", Form::Csv), ["\u{feff}a"]);
    assert_eq!(keys("\"\u{feff}a\"\n", Form::Csv), ["\u{feff}a"]);
    assert_eq!(keys("\u{fee0}\n", Form::Lines), ["\u{fee0}"]);
    assert_eq!(keys("\u{feff}", Form::Lines), Vec::<String>::new());
}

#[test]
fn a_broken_line_is_named_and_nothing_before_is_lost() {
    let long = format!("a\nb\n{}\nc\n", "k".repeat(2000));
    let (entries, error, _) = read_in(&[long.as_bytes()], Form::Lines);
    assert_eq!(entries.len(), 2);
    assert_eq!(error.unwrap().to_string(), "line 3: a key has 1 to 1024 bytes, this one has 2000");
}

#[test]
fn a_line_without_end_is_an_error_and_is_not_kept_in_memory() {
    let endless = "k".repeat(MAX_ROW + 1);
    assert_eq!(error(&format!("a\n{endless}"), Form::Lines), "line 2: it is longer than 16384 bytes");
    assert_eq!(error(&format!("a\n\"{endless}"), Form::Csv), "line 2: it is longer than 16384 bytes");
    assert_eq!(error(&format!("a\n{}", ",".repeat(200)), Form::Csv), "line 2: it has more than 128 columns");
}

#[test]
fn names_in_the_first_row_say_what_stands_where() {
    let (entries, error, _) = read_in(&[b"Size,KEY,note\r\n12,\"a,b\",x\r\n,c%20d,\r\n"], Form::Csv);
    assert_eq!(error, None);
    let sizes: Vec<_> = entries.iter().map(|entry| (entry.key.as_str(), entry.size)).collect();
    assert_eq!(sizes, [("a,b", Some(12)), ("c%20d", None)]);
}

#[test]
fn without_names_a_row_is_a_key_as_it_is_and_nothing_else() {
    assert_eq!(keys("a%20b\n\"c\"\"d\"\n\"e,f\"", Form::Csv), ["a%20b", "c\"d", "e,f"]);
    let words = error("a\nb,12\n", Form::Csv);
    assert!(words.starts_with("line 2: it has several columns, and no first row says what they are"), "{words}");
    // The first column is a bucket, and not the one that is read.
    assert!(error("other,one\nother,two\n", Form::Csv).contains("bucket,key,size"));
}

#[test]
fn a_quote_too_many_makes_no_key_of_several_rows() {
    let words = |text| error(text, Form::Csv);
    assert_eq!(words("a\n\nb\n\"c\nd\ne\n"), "line 4: a quote is not closed");
    assert_eq!(words("a\n\"b"), "line 2: a quote is not closed");
    assert_eq!(words("a\r\n\"b\r\nc\r\n"), "line 2: a quote is not closed");
    let closed = "line 2: its key goes on over a line's end: a quote too many, or not closed";
    assert_eq!(words("a\n\"b\nc\nd\"\ne\n"), closed);
    assert_eq!(words("key,size\n\"b\nc\",3\n"), closed);
    // A form-encoded key says by itself that it has a line feed.
    assert_eq!(keys("b,c%0Ad,v1\n", Form::Csv), ["c\nd"]);
}

#[test]
fn a_long_column_that_nobody_asks_for_is_passed_over() {
    let grants = "Z3JhbnRz".repeat(10_000);
    let text = format!("acl,key,owner,size\n{grants},a,{grants},7\n,b,,8\n\"{grants}\",c,\"{grants}\",9\n");
    let (entries, error, _) = read_in(&text.as_bytes().chunks(5000).collect::<Vec<_>>(), Form::Csv);
    assert_eq!(error, None);
    let sizes: Vec<_> = entries.iter().map(|entry| (entry.key.as_str(), entry.size)).collect();
    assert_eq!(sizes, [("a", Some(7)), ("b", Some(8)), ("c", Some(9))]);
    let endless = format!("key,acl\na,{}", "x".repeat(MAX_PASSED_OVER + MAX_ROW));
    assert_eq!(self::error(&endless, Form::Csv), "line 2: it is longer than 16384 bytes");
}

#[test]
fn a_manifest_of_batch_operations_names_the_bucket_first() {
    assert_eq!(keys("b,a%20key,v1\nb,photos/a%2Bb,v2\n", Form::Csv), ["a key", "photos/a+b"]);
    let words = error("b,one\r\nother,two\r\n", Form::Csv);
    assert_eq!(words, "line 2: it names another bucket, and objects are read from \"b\"");
}

#[test]
fn an_inventory_tells_what_is_not_current() {
    let names = ["Bucket", "Key", "VersionId", "IsLatest", "IsDeleteMarker", "Size"];
    let columns = Columns::named(names.into_iter(), Encoding::Form).unwrap().of_exact_width();
    let text = br#""b","a","v3","true","false","7"
"b","a","v2","false","false","6"
"b","gone","v4","true","true",""
"#;
    let (entries, error, passed) = read_in(&[text], Form::Known(columns));
    assert_eq!((entries.len(), error), (1, None));
    assert_eq!(passed, Passed { not_current: 1, delete_markers: 1 });
}

#[test]
fn the_name_of_a_file_tells_its_form() {
    assert_eq!(Form::of_name("lists/KEYS.CSV.gz"), Form::Csv);
    assert_eq!(Form::of_name("keys.csv"), Form::Csv);
    assert_eq!(Form::of_name("keys.txt.gz"), Form::Lines);
    assert_eq!(Form::of_name("csv"), Form::Lines);
}

proptest! {
    #[test]
    fn where_chunks_end_makes_no_difference(
        text in "\u{feff}{0,2}[ab,\"\r\n%2é]{0,60}",
        cuts in proptest::collection::vec(0_usize..80, 0..6),
        is_csv in any::<bool>(),
    ) {
        let form = if is_csv { Form::Csv } else { Form::Lines };
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.sort_unstable();
        let mut chunks = Vec::new();
        let mut start = 0;
        for cut in cuts.into_iter().chain([text.len()]) {
            chunks.push(&text.as_bytes()[start..cut]);
            start = cut;
        }
        prop_assert_eq!(read_in(&chunks, form.clone()), read_in(&[text.as_bytes()], form));
    }

    #[test]
    fn any_key_can_be_listed_in_csv(key in "\\PC{1,40}", size in any::<u64>()) {
        let text = format!("key,size\n\"{}\",{size}\n", key.replace('"', "\"\""));
        let (entries, error, _) = read_in(&[text.as_bytes()], Form::Csv);
        prop_assert_eq!(error, None);
        prop_assert_eq!((entries[0].key.as_str(), entries[0].size), (key.as_str(), Some(size)));
    }
}
