//! Runs a private Postgres in the folder given, prints where it is, and holds it until the
//! standard input ends: `cargo run -p embedded --example private_postgres data`.
#![expect(clippy::print_stdout, reason = "what a command-line example is for")]

use std::io::Read as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("which folder?")?;
    let postgres = embedded::start(&embedded::Settings::new("example", folder))?;
    println!("{}", postgres.url());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    postgres.stop()?;
    Ok(())
}
