//! What a bucket tells of its writes.

use serde_json::{Value, json};

use crate::{
    counts::Happening,
    history::{SourceId, Version},
    queue::SimQueue,
    world::World,
};

/// What S3 tells of an object. `number` orders the events of one key.
pub fn event(name: &str, id: &SourceId, mut object: Value, number: u64) -> Value {
    object["key"] = id.key.replace('+', "%2B").replace(' ', "+").replace('é', "%C3%A9").into();
    object["sequencer"] = format!("{number:016X}").into();
    json!({"eventName": name, "s3": {"bucket": {"name": id.bucket}, "object": object}})
}

/// A version of an object is there now: those who watch know it, and a stack hears of it, late.
pub fn tell(world: &World, events: &SimQueue, id: &SourceId, version: Version) {
    let object = json!({"size": version.bytes.len(), "eTag": version.etag.as_str()});
    let number = u64::try_from(world.now().as_millis()).unwrap_or(u64::MAX);
    let record = event("ObjectCreated:Put", id, object, number);
    world.oracle().source_written(id, version);
    world.happened(Happening::ToldBack, || format!("{}/{}", id.bucket, id.key));
    events.deliver_late(json!({"Records": [record]}).to_string());
}
