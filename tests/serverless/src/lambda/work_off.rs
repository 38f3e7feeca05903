//! Deliveries until nothing is left to deliver.

use std::time::Duration;

use crate::{
    cloud::{Depth, Queue},
    lambda::{
        delivery::{Delivery, deliver},
        function::Function,
    },
    waiting::within,
};

/// Gives a function what is in a queue, up to ten messages at once, until none is left, visible or not.
///
/// # Panics
/// If messages are left after [`LIMIT`](crate::LIMIT), or as [`deliver`].
pub async fn work_off(function: &Function, queue: &Queue, deadline: Duration) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    within("the queue is empty", async {
        while queue.depth().await != (Depth { visible: 0, in_flight: 0 }) {
            // What was given back for later is waited for here: a receive waits for messages.
            deliveries.extend(deliver(function, queue, 10, deadline).await);
        }
    })
    .await;
    deliveries
}
