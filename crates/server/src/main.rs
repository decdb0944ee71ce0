//! The binary `drawbridge`: configuration, wiring, listeners, shutdown and commands. No rules of
//! the product live here; start at [`product`] for what is wired to what.

mod audit;
mod bus;
mod cli;
mod config;
mod counters;
mod database;
mod feed;
mod keys;
mod listener;
mod product;
mod rates;
mod segments;
mod source;
mod stop;
mod telemetry;
mod traces;

use std::process::ExitCode;

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
