//! What stands around the Lambdas, held to what it stands for.

mod runtime_api;
