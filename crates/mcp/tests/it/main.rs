//! Tests of the wire from outside, by what a client or a server would see.

#[cfg(test)]
mod discover;
#[cfg(test)]
mod era;
#[cfg(test)]
mod message;
#[cfg(test)]
mod upstream;
