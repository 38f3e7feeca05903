//! The Lambdas, the commands and the template, from outside: everything that is started here is a process of its own.

mod commands;
mod deployed;
mod fakes;
mod jobsender;
mod original_defects;
mod scene;
mod stress;
mod template;
mod versions;
mod worker;
