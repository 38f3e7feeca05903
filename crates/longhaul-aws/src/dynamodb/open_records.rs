//! What operators ask of the table: records that are not done.
//!
//! The index `open` holds only those, in `SHARDS` partitions a state. It follows the table within moments, so a
//! record that has just changed may be shown as it was.

use aws_sdk_dynamodb::{operation::query::builders::QueryFluentBuilder, types::Select};
use futures_util::{StreamExt, TryStreamExt, stream};
use longhaul::{
    ledger::{LedgerError, Record, State},
    store::{PageEnd, Paging, PagingError},
};

use crate::dynamodb::{
    item::{Item, OPEN, OPEN_STATES, SHARDS, open_key, read, text},
    ledger::DynamoLedger,
};

/// The index of open records.
const INDEX: &str = "open";

/// Partitions that are read at once.
const AT_ONCE: usize = 8;

/// In which order records are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// What was saved last comes first.
    #[default]
    NewestFirst,
    /// What was saved longest ago comes first.
    OldestFirst,
}

/// Which open records to show, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenRecords {
    /// Only those in this state; of a state that is not open there are none.
    pub state: Option<State>,
    /// Their order.
    pub order: Order,
}

impl DynamoLedger {
    /// The first `limit` records that are copying, completing, restarting or parked.
    pub async fn open_records(&self, asked: &OpenRecords, limit: usize) -> Result<Vec<Record>, LedgerError> {
        let states = OPEN_STATES.into_iter().filter(|state| asked.state.is_none_or(|only| only == *state));
        let partitions = states.flat_map(|state| (0..SHARDS).map(move |shard| open_key(state, shard)));
        let reads: Vec<_> = partitions.map(|partition| self.partition(partition, asked.order, limit)).collect();
        let found: Vec<Vec<Record>> = stream::iter(reads).buffer_unordered(AT_ONCE).try_collect().await?;
        let mut records = found.concat();
        records.sort_by(|one, other| match asked.order {
            Order::NewestFirst => other.updated.cmp(&one.updated),
            Order::OldestFirst => one.updated.cmp(&other.updated),
        });
        records.truncate(limit);
        Ok(records)
    }

    /// How many records are in each state that is not done.
    pub async fn open_counts(&self) -> Result<Vec<(State, u64)>, LedgerError> {
        let partitions = OPEN_STATES.into_iter().flat_map(|state| (0..SHARDS).map(move |shard| (state, shard)));
        let counts: Vec<_> = partitions.map(|(state, shard)| self.count(state, shard)).collect();
        let counts: Vec<(State, u64)> = stream::iter(counts).buffer_unordered(AT_ONCE).try_collect().await?;
        let of_state = |state: State| counts.iter().filter(move |(counted, _)| *counted == state);
        let sum = |state: State| of_state(state).map(|(_, count)| count).sum::<u64>();
        Ok(OPEN_STATES.into_iter().map(|state| (state, sum(state))).collect())
    }

    async fn partition(&self, partition: String, order: Order, limit: usize) -> Result<Vec<Record>, LedgerError> {
        let mut records = Vec::new();
        let mut paging = Paging::from(None);
        while records.len() < limit {
            let most = i32::try_from(limit - records.len()).unwrap_or(i32::MAX);
            let request =
                self.query(&partition, paging.asked()).scan_index_forward(order == Order::OldestFirst).limit(most);
            let answer = request.send().await.map_err(|error| self.failed("Query", error))?;
            let items = answer.items.unwrap_or_default();
            let lines = items.len();
            for item in items {
                records.push(read(item)?.0);
            }
            if !has_more(&mut paging, answer.last_evaluated_key, lines)? {
                break;
            }
        }
        Ok(records)
    }

    async fn count(&self, state: State, shard: u64) -> Result<(State, u64), LedgerError> {
        let partition = open_key(state, shard);
        let (mut count, mut paging) = (0, Paging::from(None));
        loop {
            let request = self.query(&partition, paging.asked()).select(Select::Count);
            let answer = request.send().await.map_err(|error| self.failed("Query", error))?;
            let lines = usize::try_from(answer.count).unwrap_or(0);
            count += lines as u64;
            if !has_more(&mut paging, answer.last_evaluated_key, lines)? {
                return Ok((state, count));
            }
        }
    }

    /// A page of one partition of the index, behind the last row of the page before.
    fn query(&self, partition: &str, behind: Option<&Item>) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&*self.table)
            .index_name(INDEX)
            .key_condition_expression("#open = :open")
            .expression_attribute_names("#open", OPEN)
            .expression_attribute_values(":open", text(partition))
            .set_exclusive_start_key(behind.cloned())
    }
}

/// A query ends where no key is named to go on behind. Pages may be empty, and none may lead back.
fn has_more(paging: &mut Paging<Item>, next: Option<Item>, lines: usize) -> Result<bool, LedgerError> {
    let end = PageEnd {
        truncated: None,
        next: next.filter(|key| !key.is_empty()),
        behind_last: None,
        lines,
        most_lines: usize::MAX,
        names_what_was_asked: true,
    };
    let wrong = |error: PagingError| LedgerError {
        message: format!("Query: {error}"),
        retryable: error.is_retryable(),
        source: None,
    };
    paging.has_more(end).map_err(wrong)
}
