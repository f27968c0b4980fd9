//! Free ports on 127.0.0.1 for servers that must be told one. They come from below the range the system draws outgoing
//! ports from, so that a client's own port never takes a server's place.

use core::net::Ipv4Addr;
use core::sync::atomic::{AtomicU16, Ordering};
use std::net::TcpListener;
use std::process;

const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A port that nobody listens on at this moment; no two calls in one process give the same one soon.
///
/// # Panics
/// If every port of the range is taken.
#[must_use]
pub fn free() -> u16 {
    static TURN: AtomicU16 = AtomicU16::new(0);
    // Processes that run side by side start far apart.
    let start = process::id().wrapping_mul(97) % u32::from(COUNT);
    (0..COUNT)
        .map(|_| u32::from(TURN.fetch_add(1, Ordering::Relaxed)))
        .map(|turn| FIRST + u16::try_from((start + turn) % u32::from(COUNT)).unwrap_or(0))
        .find(|&port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
        .expect("a free port on 127.0.0.1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_differ_and_can_be_bound() {
        let (one, other) = (free(), free());
        assert_ne!(one, other);
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, one)).is_ok());
    }

    #[test]
    fn a_taken_port_is_passed_over() {
        let held: Vec<_> = (0..8).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, free())).unwrap()).collect();
        let port = free();
        assert!(held.iter().all(|listener| listener.local_addr().unwrap().port() != port));
    }
}
