//! What every queue must do: messages come at least once, as they were sent, until they are deleted.

use std::{collections::BTreeSet, time::Duration};

use longhaul::{
    ledger::Reason,
    queue::{Depth, JobQueue, MAX_BATCH, QueueError, QueueMessage},
};

/// What a check waits for a message that must come.
const PATIENCE: Duration = Duration::from_secs(2);

/// The whole suite for a queue. It must be empty, have a queue for parked messages, and hide received messages for 30
/// seconds or longer.
pub async fn queue<Q: JobQueue>(queue: &Q) {
    an_empty_queue_gives_nothing(queue).await;
    each_entry_of_a_batch_is_answered_and_comes(queue).await;
    bodies_come_as_they_were_sent(queue).await;
    a_message_is_hidden_while_it_is_held(queue).await;
    a_message_that_is_given_back_comes_again_and_counts(queue).await;
    a_message_that_is_put_off_stays_away(queue).await;
    a_deleted_message_does_not_come_again(queue).await;
    a_queue_knows_how_many_messages_it_holds(queue).await;
    a_message_is_parked_with_any_reason(queue).await;
    an_empty_queue_gives_nothing(queue).await;
}

fn done<T>(step: &str, answer: Result<T, QueueError>) -> T {
    answer.unwrap_or_else(|error| panic!("{step}: {error}"))
}

async fn send<Q: JobQueue>(queue: &Q, bodies: &[&str]) {
    let bodies: Vec<_> = bodies.iter().map(|body| (*body).to_owned()).collect();
    let answers = done("send a batch", queue.send_batch(&bodies).await);
    assert_eq!(answers.len(), bodies.len(), "one answer an entry");
    for (answer, body) in answers.into_iter().zip(bodies) {
        done(&format!("send {body:?}"), answer);
    }
}

async fn receive_now<Q: JobQueue>(queue: &Q) -> Vec<QueueMessage> {
    done("receive", queue.receive(MAX_BATCH, Duration::ZERO).await)
}

/// Receives until so many messages have come; a request may bring fewer than there are.
async fn receive_all<Q: JobQueue>(queue: &Q, count: usize) -> Vec<QueueMessage> {
    let mut messages = Vec::new();
    for _ in 0..20 {
        if messages.len() >= count {
            break;
        }
        messages.extend(done("receive", queue.receive(MAX_BATCH, PATIENCE).await));
    }
    assert_eq!(messages.len(), count, "the number of messages: {messages:?}");
    messages
}

async fn receive_one<Q: JobQueue>(queue: &Q) -> QueueMessage {
    receive_all(queue, 1).await.remove(0)
}

async fn delete_all<Q: JobQueue>(queue: &Q, messages: &[QueueMessage]) {
    for message in messages {
        done("delete", queue.delete(&message.receipt).await);
    }
}

/// No messages, no count, and no error.
pub async fn an_empty_queue_gives_nothing<Q: JobQueue>(queue: &Q) {
    assert_eq!(receive_now(queue).await, []);
    assert_eq!(done("depth", queue.depth().await), Depth::default());
}

/// Each message has an id of its own, a time, and was received once.
pub async fn each_entry_of_a_batch_is_answered_and_comes<Q: JobQueue>(queue: &Q) {
    let bodies: Vec<_> = (0..MAX_BATCH).map(|number| format!("{{\"number\":{number}}}")).collect();
    send(queue, &bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let messages = receive_all(queue, MAX_BATCH).await;
    let came: BTreeSet<_> = messages.iter().map(|message| message.body.clone()).collect();
    assert_eq!(came, bodies.into_iter().collect::<BTreeSet<_>>(), "the bodies that came");
    let ids: BTreeSet<_> = messages.iter().map(|message| &message.id).collect();
    assert_eq!(ids.len(), MAX_BATCH, "two messages share an id");
    for message in &messages {
        assert_eq!(message.receives, 1, "a message that comes for the first time: {message:?}");
        assert!(message.sent.is_some_and(|sent| sent.0 > 0), "when was it sent? {message:?}");
    }
    delete_all(queue, &messages).await;
}

/// Any character that JSON may hold, also those that are escaped in it, and long ones.
pub async fn bodies_come_as_they_were_sent<Q: JobQueue>(queue: &Q) {
    let long = format!("{{\"keys\":\"{}\"}}", "日本語/😀 ".repeat(12_000));
    let bodies = [
        r#"{"key":"control \u0000\u0001\u001f, no character \uffff\ufffe"}"#,
        r#"{"key":"quotes \" ' and \\ and \/"}"#,
        "{\"key\":\"ü u\u{308} 日本語 \u{10ffff} 😀\"}",
        "{\n\t\"key\": \"a b+c%20&amp;<x>\"\r\n}",
        "  not JSON at all  ",
        long.as_str(),
    ];
    send(queue, &bodies).await;
    let messages = receive_all(queue, bodies.len()).await;
    let came: BTreeSet<_> = messages.iter().map(|message| message.body.as_str()).collect();
    for body in bodies {
        let beginning: String = body.chars().take(40).collect();
        assert!(came.contains(body), "this body did not come as it was sent: {beginning}…");
    }
    delete_all(queue, &messages).await;
}

/// From everybody.
pub async fn a_message_is_hidden_while_it_is_held<Q: JobQueue>(queue: &Q) {
    send(queue, &["held"]).await;
    let held = receive_one(queue).await;
    assert_eq!(receive_now(queue).await, []);
    let depth = done("depth", queue.depth().await);
    assert_eq!(depth, Depth { in_flight: 1, ..Depth::default() }, "while a message is held");
    delete_all(queue, &[held]).await;
}

/// At once, with the same id and body, and with one receive more each time.
pub async fn a_message_that_is_given_back_comes_again_and_counts<Q: JobQueue>(queue: &Q) {
    send(queue, &["given back"]).await;
    let first = receive_one(queue).await;
    let mut last = first.clone();
    for receives in 2..=4 {
        done("give back", queue.set_visibility(&last.receipt, Duration::ZERO).await);
        last = receive_one(queue).await;
        assert_eq!((&last.id, &last.body, last.sent), (&first.id, &first.body, first.sent), "what came again");
        assert_eq!(last.receives, receives, "how often it came");
    }
    delete_all(queue, &[last]).await;
}

/// For as long as was said, and not for the queue's own time-out.
pub async fn a_message_that_is_put_off_stays_away<Q: JobQueue>(queue: &Q) {
    send(queue, &["put off"]).await;
    let first = receive_one(queue).await;
    done("put off", queue.set_visibility(&first.receipt, Duration::from_secs(3)).await);
    assert_eq!(receive_now(queue).await, [], "before its time");
    let again = receive_one(queue).await;
    assert_eq!(again.receives, 2);
    // Nearly the twelve hours, counted from the receive, that SQS permits.
    done("put off for long", queue.set_visibility(&again.receipt, Duration::from_secs(11 * 3600)).await);
    assert_eq!(receive_now(queue).await, []);
    delete_all(queue, &[again]).await;
}

/// And another message does.
pub async fn a_deleted_message_does_not_come_again<Q: JobQueue>(queue: &Q) {
    send(queue, &["deleted", "kept"]).await;
    let messages = receive_all(queue, 2).await;
    let (deleted, kept): (Vec<_>, Vec<_>) = messages.into_iter().partition(|message| message.body == "deleted");
    delete_all(queue, &deleted).await;
    done("give back", queue.set_visibility(&kept[0].receipt, Duration::ZERO).await);
    let again = receive_one(queue).await;
    assert_eq!(again.body, "kept");
    delete_all(queue, &[again]).await;
}

/// Those that can be received, and those that are held.
pub async fn a_queue_knows_how_many_messages_it_holds<Q: JobQueue>(queue: &Q) {
    send(queue, &["one", "two", "three"]).await;
    assert_eq!(done("depth", queue.depth().await), Depth { visible: 3, ..Depth::default() });
    let mut messages = done("receive", queue.receive(1, PATIENCE).await);
    assert_eq!(messages.len(), 1, "no more than were asked for");
    assert_eq!(done("depth", queue.depth().await), Depth { visible: 2, in_flight: 1, delayed: 0 });
    messages.extend(receive_all(queue, 2).await);
    delete_all(queue, &messages).await;
}

/// A reason's words come from anywhere: they may be empty, too long, or hold what a queue does not take.
pub async fn a_message_is_parked_with_any_reason<Q: JobQueue>(queue: &Q) {
    let reasons = [
        Reason::new("access-denied", "PutObject failed on https://s3.example/b key \"a\": AccessDenied"),
        Reason::new("malformed", ""),
        Reason::new("", "control \u{0}\u{1}\u{1f}, no character \u{ffff}\u{fffe}, 日本語 😀\r\n\t"),
        Reason::new("invalid-key", "ü😀".repeat(2_000)),
    ];
    for reason in reasons {
        let body = r#"{"Src_key":"a\u0001b","versionId":"null"}"#;
        done(&format!("park with {:?}", reason.code), queue.park(body, &reason).await);
    }
    assert_eq!(receive_now(queue).await, [], "what is parked is not in the queue itself");
}
