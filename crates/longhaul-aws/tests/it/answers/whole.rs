//! An answer that ends early is never an end.

use futures_util::StreamExt;
use longhaul::{
    object::ObjectKey,
    store::{Destination, Effect, ErrorKind, Source},
};

use crate::answers::{
    bucket,
    canned::{Answer, Canned, Framing},
    operations::{OPERATIONS, ask},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_answer_is_taken_in_every_framing() {
    for framing in [Framing::Length, Framing::Chunked, Framing::UntilClose] {
        for operation in &OPERATIONS {
            for around in [["", ""], ["", "\n"], [" \n\n  ", "\n"]] {
                let body = format!("{}{}{}", around[0], operation.answer, around[1]);
                let server = Canned::start(move |_, _| Answer { framing, ..Answer::ok(body.clone()) }).await;
                let asked = ask(&bucket(&server.endpoint).await, operation.name).await;
                assert!(asked.is_ok_and(|lines| lines > 0), "{} {framing:?} {around:?}", operation.name);
            }
        }
    }
}

/// Asks for an operation whose answer is cut at each of these places. What was taken for whole comes back.
async fn taken_for_whole(
    operation: &crate::answers::operations::Operation,
    framing: Framing,
    cuts: Vec<usize>,
) -> Vec<usize> {
    let (bodies, places) = (operation.answer.as_bytes(), cuts.clone());
    let server = Canned::start(move |_, earlier| Answer { framing, ..Answer::ok(&bodies[..places[earlier]]) }).await;
    let bucket = bucket(&server.endpoint).await;
    let mut taken = Vec::new();
    for cut in cuts {
        match ask(&bucket, operation.name).await {
            Ok(_) => taken.push(cut),
            Err(error) => {
                assert!(error.is_retryable(), "{}, cut at {cut}: {error:?}", operation.name);
                let effect = error.effect();
                assert!(
                    !operation.is_write || effect == Effect::MayHaveHappened,
                    "{} at {cut}: {error}",
                    operation.name
                );
                assert!(framing == Framing::Broken || error.to_string().contains("ended early"), "at {cut}: {error}");
            }
        }
    }
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_cut_behind_any_byte_is_an_error_in_every_operation() {
    let mut wrong = Vec::new();
    for operation in &OPERATIONS {
        let taken = taken_for_whole(operation, Framing::Length, (0..operation.answer.len()).collect()).await;
        if !taken.is_empty() {
            wrong.push(format!(
                "{}: taken for whole behind {taken:?} of {} bytes",
                operation.name,
                operation.answer.len()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_cut_behind_any_tag_is_an_error_however_its_end_is_told() {
    let mut wrong = Vec::new();
    for framing in [Framing::Chunked, Framing::UntilClose, Framing::Broken] {
        for operation in &OPERATIONS {
            let tags = operation.answer.match_indices('>').map(|(at, _)| at + 1);
            let cuts = tags.filter(|cut| *cut < operation.answer.len()).collect();
            let taken = taken_for_whole(operation, framing, cuts).await;
            if !taken.is_empty() {
                wrong.push(format!("{} {framing:?}: taken for whole behind {taken:?}", operation.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_another_kind_is_no_success() {
    let bodies =
        ["", "no such place", "<html><p>Sign in<br></html>", "<a/><b/>", "<Other/>", "{}", "<ListBucketResult/>x"];
    for body in bodies {
        for operation in &OPERATIONS {
            let server = Canned::start(move |_, _| Answer::ok(body)).await;
            let asked = ask(&bucket(&server.endpoint).await, operation.name).await;
            assert!(asked.is_err(), "{} took {body:?}", operation.name);
        }
    }
}

/// An error whose words are cut is still an error; what it says is believed only when all of it came.
#[tokio::test(flavor = "multi_thread")]
async fn a_cut_error_says_nothing_of_what_is_there() {
    let told = "<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code><Message>none</Message></Error>";
    let server = Canned::start(move |_, earlier| {
        let cut = (earlier + 1).min(told.len());
        Answer { status: 404, ..Answer::ok(&told.as_bytes()[..cut]) }
    })
    .await;
    let bucket = bucket(&server.endpoint).await;
    let key = ObjectKey::new("a").unwrap();
    let mut believed = Vec::new();
    for cut in 1..told.len() {
        let error = bucket.get_object(&key, None, None).await.err().unwrap();
        if error.kind() == ErrorKind::NotFound {
            believed.push(cut);
        }
    }
    assert!(believed.is_empty(), "a missing object was concluded from the first {believed:?} of {} bytes", told.len());
    let whole = bucket.get_object(&key, None, None).await.err().unwrap();
    assert_eq!(whole.kind(), ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_without_xml_is_told_by_its_status() {
    for body in ["", "no such place", "<html><br>Not Found</html>", "<!DOCTYPE html><p>gone"] {
        let server = Canned::start(move |_, _| Answer { status: 403, ..Answer::ok(body) }).await;
        let asked = bucket(&server.endpoint).await;
        let error = asked.get_object(&ObjectKey::new("a").unwrap(), None, None).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::AccessDenied, "{body:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_behind_keep_alive_spaces_and_status_200_is_an_error() {
    let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n   \n  \n<Error><Code>InternalError</Code><Message>x</Message></Error>";
    for before in ["", "\n\n   \n"] {
        let server = Canned::start(move |_, _| Answer::ok(format!("{before}{body}"))).await;
        let error = ask(&bucket(&server.endpoint).await, "CompleteMultipartUpload").await.unwrap_err();
        assert!(error.to_string().contains("InternalError"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_without_words_need_none() {
    let server = Canned::start(|_, _| Answer { status: 204, ..Answer::ok("") }).await;
    let bucket = bucket(&server.endpoint).await;
    bucket.delete_object(&ObjectKey::new("a").unwrap()).await.unwrap();
    let upload = longhaul::store::Upload { key: ObjectKey::new("a").unwrap(), id: "u".into() };
    bucket.abort_multipart_upload(&upload).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_is_cut_goes_no_further() {
    let answer = OPERATIONS[0].answer;
    let cut = answer.find("</Contents>").unwrap() + "</Contents>".len();
    let server = Canned::start(move |_, _| Answer::ok(&answer.as_bytes()[..cut])).await;
    let bucket = bucket(&server.endpoint).await;
    // Whoever goes on behind an error asks for the same page again.
    let pages: Vec<_> = bucket.list(Default::default()).take(3).collect().await;
    assert!(pages.iter().all(Result::is_err), "{pages:?}");
}
