//! The Redis of tests.

use std::net::TcpStream;

use embedded::{Install, Redis};

#[test]
fn two_redis_run_side_by_side_and_end_when_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let one = Redis::start(&dir.path().join("one"), Install::Never, &|_| {}).unwrap();
    let two = Redis::start(&dir.path().join("two"), Install::Never, &|_| {}).unwrap();
    assert_ne!(one.url(), two.url());
    let address = one.address();
    assert!(TcpStream::connect(address).is_ok());
    drop(one);
    assert!(TcpStream::connect(address).is_err());
    assert!(TcpStream::connect(two.address()).is_ok());
}
