//! The resources of docs/fencing.md, as they stand there, run against what they are to withstand.

mod client;
mod file;
mod file_faults;
mod http;
mod postgres;
mod script;
mod service;
mod service_faults;
mod service_requests;
mod sql;
mod sql_paused;
mod support;
