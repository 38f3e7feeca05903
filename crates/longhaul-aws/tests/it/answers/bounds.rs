//! No answer takes more memory than it may.

use longhaul::{
    object::ObjectKey,
    store::{ErrorKind, Source},
};

use crate::answers::{
    bucket,
    canned::{Answer, Canned, Framing, MOST},
    operations::{OPERATIONS, ask},
};

/// What a client may have taken of an endless answer: the bound, and what lies in the sockets.
const FAIR: u64 = 48 << 20;

fn endless(body: impl Into<Vec<u8>>) -> Answer {
    Answer { framing: Framing::Endless, ..Answer::ok(body) }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_answer_is_read_up_to_a_bound_and_no_further() {
    let mut taken = Vec::new();
    for operation in &OPERATIONS {
        let line = format!("<Contents><Key>{}</Key><Size>1</Size></Contents>", "k".repeat(1 << 16));
        let server = Canned::start(move |_, _| endless(line.clone())).await;
        let error = ask(&bucket(&server.endpoint).await, operation.name).await.unwrap_err();
        if server.sent() > FAIR {
            taken.push(format!("{}: {} MiB", operation.name, server.sent() >> 20));
            continue;
        }
        assert_eq!(error.kind(), ErrorKind::BadAnswer, "{error:?}");
        assert!(error.to_string().contains("longer than"), "{error}");
    }
    assert!(taken.is_empty(), "{} (of {} MiB)", taken.join(", "), MOST >> 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_error_is_read_up_to_a_bound_and_no_further() {
    let server = Canned::start(|_, _| Answer { status: 500, ..endless(vec![b'e'; 1 << 16]) }).await;
    let bucket = bucket(&server.endpoint).await;
    bucket.get_object(&ObjectKey::new("a").unwrap(), None, None).await.err().unwrap();
    assert!(server.sent() <= FAIR, "{} MiB were read", server.sent() >> 20);
}

/// Many tiny elements take more memory than their bytes, once they are read.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_countless_tiny_lines_is_refused() {
    let lines = "<Contents/>".repeat(1_000_000);
    let body =
        format!("<ListBucketResult><Name>bucket</Name><IsTruncated>false</IsTruncated>{lines}</ListBucketResult>");
    let server = Canned::start(move |_, _| Answer::ok(body.clone())).await;
    let error = ask(&bucket(&server.endpoint).await, "ListObjectsV2").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadAnswer, "{error}");
    assert!(error.to_string().contains("elements"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_without_end_are_an_error() {
    let server = Canned::start(|_, earlier| {
        assert!(earlier < 3000, "asked for ever");
        let number = 1 + earlier % 10_000;
        let lines: String = (0..1000)
            .map(|_| format!("<Part><PartNumber>{number}</PartNumber><ETag>e</ETag><Size>1</Size></Part>"))
            .collect();
        let next =
            format!("<IsTruncated>true</IsTruncated><NextPartNumberMarker>{}</NextPartNumberMarker>", earlier + 1);
        Answer::ok(format!("<ListPartsResult>{next}{lines}</ListPartsResult>"))
    })
    .await;
    let error = ask(&bucket(&server.endpoint).await, "ListParts").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadAnswer, "{error}");
    assert!(server.requests().len() <= 11, "{} pages were read", server.requests().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_of_one_key_without_end_are_an_error() {
    use futures_util::TryStreamExt;
    use longhaul::store::{Destination, UploadFilter};

    let server = Canned::start(|_, earlier| {
        let lines: String = (0..1000)
            .map(|line| format!("<Upload><Key>a</Key><UploadId>{earlier}-{line}</UploadId></Upload>"))
            .collect();
        let next = format!("<NextKeyMarker>a</NextKeyMarker><NextUploadIdMarker>{earlier}-999</NextUploadIdMarker>");
        let next = if earlier < 60 {
            format!("<IsTruncated>true</IsTruncated>{next}")
        } else {
            "<IsTruncated>false</IsTruncated>".into()
        };
        Answer::ok(format!("<ListMultipartUploadsResult>{next}{lines}</ListMultipartUploadsResult>"))
    })
    .await;
    let bucket = bucket(&server.endpoint).await;
    let key = ObjectKey::new("a").unwrap();
    let listed = bucket.list_multipart_uploads(UploadFilter::Key(key)).try_concat().await;
    let error = listed.expect_err("sixty thousand uploads of one key are no honest answer");
    assert_eq!(error.kind(), ErrorKind::BadAnswer, "{error}");
}
