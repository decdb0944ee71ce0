//! The demo server, over real HTTP on loopback, in both protocol eras.

mod client;
mod legacy;
mod modern;
