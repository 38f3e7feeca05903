//! The adapters of SQS, DynamoDB and the parameter store on an emulator, held to the contract of what they stand for.

mod ledger;
mod parameters;
mod queues;
mod world;
