//! Tests of the parser from outside: the letter of RFC 8259, and parity with `serde_json`.

#[cfg(test)]
mod duplicates;
#[cfg(test)]
mod looking;
#[cfg(test)]
mod parity;
#[cfg(test)]
mod strictness;
