//! A listing is complete only if the store said so, and every page moved on.

use std::sync::Arc;

use longhaul::{
    copy::Silent,
    limits::{RequestPolicy, RetryPolicy},
    scan::Lister,
    store::{ErrorKind, StoreError},
};
use longhaul_aws::SystemClock;

use crate::answers::{
    bucket,
    canned::{Answer, Canned},
    operations::ask,
};

/// The four operations that answer in pages: name, root, a line, the name of the next marker, and the query's name of it.
const PAGED: [(&str, &str, &str, &str); 4] = [
    ("ListObjectsV2", "ListBucketResult", "<Contents><Key>@</Key><Size>1</Size></Contents>", "NextContinuationToken"),
    (
        "ListObjectVersions",
        "ListVersionsResult",
        "<Version><Key>@</Key><VersionId>v</VersionId><IsLatest>true</IsLatest><Size>1</Size></Version>",
        "NextKeyMarker",
    ),
    (
        "ListMultipartUploads",
        "ListMultipartUploadsResult",
        "<Upload><Key>@</Key><UploadId>@</UploadId></Upload>",
        "NextKeyMarker",
    ),
    (
        "ListParts",
        "ListPartsResult",
        "<Part><PartNumber>@</PartNumber><ETag>e</ETag><Size>1</Size></Part>",
        "NextPartNumberMarker",
    ),
];

/// How a page tells of the next one.
#[derive(Clone, Copy, Debug)]
struct Told {
    mark_of_more: &'static str,
    mark_of_end: &'static str,
    marker_of_more: bool,
    marker_of_end: bool,
}

/// Five pages of two lines, numbered through; which page is meant is how often was asked.
async fn five_pages(
    paged: (&'static str, &'static str, &'static str, &'static str),
    told: Told,
) -> (Canned, Result<usize, StoreError>) {
    let (operation, root, line, marker) = paged;
    let server = Canned::start(move |_, earlier| {
        let is_last = earlier >= 4;
        let lines: String = [2 * earlier + 1, 2 * earlier + 2].map(|at| line.replace('@', &at.to_string())).concat();
        let mark = if is_last { told.mark_of_end } else { told.mark_of_more };
        let marks = if mark.is_empty() { String::new() } else { format!("<IsTruncated>{mark}</IsTruncated>") };
        let has_marker = if is_last { told.marker_of_end } else { told.marker_of_more };
        let next = if has_marker { format!("<{marker}>{}</{marker}>", 2 * earlier + 2) } else { String::new() };
        Answer::ok(format!("<{root}><Name>bucket</Name><Bucket>bucket</Bucket>{marks}{next}{lines}</{root}>"))
    })
    .await;
    let asked = ask(&bucket(&server.endpoint).await, operation).await;
    (server, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_announce_more_is_followed_by_every_listing() {
    let plain = Told { mark_of_more: "true", mark_of_end: "false", marker_of_more: true, marker_of_end: false };
    let ways = [
        ("with mark and marker", plain),
        ("without a mark", Told { mark_of_more: "", mark_of_end: "", ..plain }),
        ("without a mark, until one ends it", Told { mark_of_more: "", ..plain }),
        ("without a marker", Told { marker_of_more: false, ..plain }),
        ("with a marker on the last page too", Told { marker_of_end: true, ..plain }),
    ];
    let mut wrong = Vec::new();
    for paged in PAGED {
        for (way, told) in ways {
            let (server, asked) = five_pages(paged, told).await;
            if !matches!(asked, Ok(10)) || server.requests().len() != 5 {
                wrong.push(format!("{} {way}: {asked:?} lines of 10, {} pages of 5", paged.0, server.requests().len()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_without_a_marker_is_asked_for_behind_the_last_line() {
    let told = Told { mark_of_more: "true", mark_of_end: "false", marker_of_more: false, marker_of_end: false };
    let behind = ["start-after=2", "key-marker=2", "key-marker=2", "part-number-marker=2"];
    for (paged, behind) in PAGED.into_iter().zip(behind) {
        let (server, _) = five_pages(paged, told).await;
        let requests = server.requests();
        assert!(requests.get(1).is_some_and(|request| request.contains(behind)), "{}: {requests:?}", paged.0);
    }
}

/// A server that answers always the same.
async fn always(operation: &str, page: String) -> (Canned, Result<usize, StoreError>) {
    let server = Canned::start(move |_, earlier| {
        assert!(earlier < 3000, "asked for ever");
        Answer::ok(page.clone())
    })
    .await;
    let asked = ask(&bucket(&server.endpoint).await, operation).await;
    (server, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_leads_back_is_an_error_at_once() {
    let mut wrong = Vec::new();
    for (operation, root, line, marker) in PAGED {
        let lines = line.replace('@', "7");
        for (what, lines) in [("with lines", lines.as_str()), ("empty", "")] {
            let next = format!("<IsTruncated>true</IsTruncated><{marker}>7</{marker}>");
            let (server, asked) = always(operation, format!("<{root}><Name>bucket</Name>{next}{lines}</{root}>")).await;
            let is_told = asked.as_ref().is_err_and(|error| error.kind() == ErrorKind::BadAnswer);
            if !is_told || server.requests().len() > 2 {
                wrong.push(format!("{operation} {what}: {asked:?} after {} pages", server.requests().len()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The tokens are new each time, and the keys are not.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_lines_behind_ever_new_tokens_are_an_error() {
    let server = Canned::start(|_, earlier| {
        assert!(earlier < 3000, "asked for ever");
        let lines = "<Contents><Key>a</Key><Size>1</Size></Contents>";
        let next = format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{earlier}</NextContinuationToken>");
        Answer::ok(format!("<ListBucketResult>{next}{lines}</ListBucketResult>"))
    })
    .await;
    let error = ask(&bucket(&server.endpoint).await, "ListObjectsV2").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadAnswer, "{error}");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_says_nothing_is_no_empty_listing() {
    let mut wrong = Vec::new();
    for (operation, root, ..) in PAGED {
        for page in [format!("<{root}/>"), format!("<{root}></{root}>"), format!("<{root} xmlns=\"x\">\n</{root}>")] {
            let (_, asked) = always(operation, page.clone()).await;
            if asked.is_ok() {
                wrong.push(format!("{operation} took {page} for an empty listing"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_page_that_only_names_what_was_asked_for_is_an_end() {
    for (operation, root, line, _) in PAGED {
        for (lines, expected) in [(String::new(), 0), (line.replace('@', "7"), 1)] {
            let named = "<Name>bucket</Name><Bucket>bucket</Bucket><Key>a</Key><UploadId>u</UploadId>";
            let (server, asked) = always(operation, format!("<{root}>{named}{lines}</{root}>")).await;
            assert_eq!(asked.ok(), Some(expected), "{operation}");
            assert_eq!(server.requests().len(), 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_page_that_says_nothing_of_more_is_looked_behind() {
    let server = Canned::start(|request, _| {
        let lines =
            if request.contains("start-after") { "" } else { "<Contents><Key>a</Key><Size>1</Size></Contents>" };
        Answer::ok(format!("<ListBucketResult><Name>bucket</Name><MaxKeys>1</MaxKeys>{lines}</ListBucketResult>"))
    })
    .await;
    assert_eq!(ask(&bucket(&server.endpoint).await, "ListObjectsV2").await.ok(), Some(1));
    assert_eq!(server.requests().len(), 2);
}

/// Five lines, of which the first answer is cut; once, or each time.
async fn lines_with_cuts(cuts: usize) -> (usize, Result<usize, StoreError>) {
    let server = Canned::start(move |request, earlier| {
        let behind = request.split("start-after=").nth(1).map_or("", |rest| &rest[..1]);
        let lines: String = ["a", "b", "c", "d", "e"]
            .into_iter()
            .filter(|key| *key > behind)
            .map(|key| format!("<Contents><Key>{key}</Key><Size>1</Size></Contents>"))
            .collect();
        let whole = format!("<ListBucketResult><IsTruncated>false</IsTruncated>{lines}</ListBucketResult>");
        let second = whole.match_indices("</Contents>").nth(1).unwrap().0 + "</Contents>".len();
        Answer::ok(if earlier < cuts { &whole[..second] } else { &whole })
    })
    .await;
    let bucket = bucket(&server.endpoint).await;
    let policy = RetryPolicy { max_retries: 2, base: std::time::Duration::ZERO, ..RetryPolicy::default() };
    let minute = std::time::Duration::from_secs(60);
    let patience = RequestPolicy::new(SystemClock::new(), policy, minute, 7, Arc::new(Silent));
    let mut lister = Lister::new(&bucket, &patience, "");
    let mut lines = 0;
    let end = loop {
        match lister.next().await {
            Ok(Some(_)) => lines += 1,
            Ok(None) => break Ok(lines),
            Err(error) => break Err(error),
        }
    };
    (server.requests().len(), end)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_page_is_asked_for_again_and_then_fails_by_name() {
    let (asked, lines) = lines_with_cuts(1).await;
    assert_eq!((asked, lines.ok()), (2, Some(5)), "cut once");
    let (asked, lines) = lines_with_cuts(usize::MAX).await;
    let error = lines.expect_err("the rest was lost in silence");
    assert_eq!(asked, 3, "{error}");
    assert!(error.to_string().contains("ListObjectsV2") && error.to_string().contains("ended early"), "{error}");
}
