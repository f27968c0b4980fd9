//! The algorithms and sizes of both images.

use core::time::Duration;
use heapless::Vec;
use sanssh_core::MIN_OUTPUT;
use sanssh_core::algorithm::{self, Cipher, HostKey, Preferences, Zip};
use sanssh_core::config::{Config, Deadlines, Keepalive, Login, PACKET_OVERHEAD};
use sanssh_core::crypto::Provider;
#[cfg(feature = "mlkem")]
use sanssh_core::crypto::lean::Hybrid as Exchange;
use sanssh_core::crypto::lean::Lean;
#[cfg(not(feature = "mlkem"))]
use sanssh_core::crypto::lean::X25519 as Exchange;

/// The cryptography: of each kind one, and of key exchanges two on a board with room.
pub type Crypto = Lean<Exchange>;

/// Whom the other end believes to talk to.
pub const SOFTWARE: &str = "sanssh_firmware";

/// Channels at a time.
pub const CHANNELS: usize = 2;

/// What a channel's program may leave lying, in bytes: its receive window.
pub const WINDOW: usize = if cfg!(feature = "sftp") { 8192 } else { 512 };

/// The largest packet taken. Clients begin with one of up to two KiB.
const LARGEST: usize = if cfg!(feature = "sftp") { 8448 } else { 2496 };

/// The receive buffer.
pub const INPUT: usize = LARGEST + PACKET_OVERHEAD;

/// Room for packets that have to be copied around the end of TCP's send buffer.
pub const SPARE: usize = 512;

/// The receive buffer of TCP. QEMU's LAN9118 loses frames of windows beyond 6 KiB.
pub const RECEIVED: usize = if cfg!(feature = "sftp") { 6144 } else { 1536 };

/// The send buffer of TCP.
pub const SENT: usize = if cfg!(feature = "sftp") { 6144 } else { MIN_OUTPUT };

/// The configuration of either end.
pub fn config() -> Config {
    Config {
        software: SOFTWARE,
        preferences: Preferences {
            kex: algorithm::list(Crypto::KEX),
            host_keys: algorithm::list(&[HostKey::Ed25519]),
            user_keys: algorithm::list(&[HostKey::Ed25519]),
            authorities: Vec::new(),
            ciphers: algorithm::list(&[Cipher::ChaCha20Poly1305]),
            macs: Vec::new(),
            zips: algorithm::list(&[Zip::None]),
        },
        max_packet: LARGEST as u32,
        window: WINDOW as u32,
        deadlines: Deadlines {
            handshake: Duration::from_secs(10),
            login: Duration::from_secs(20),
            rekey: Duration::from_secs(20),
            close: Duration::from_secs(2),
        },
        keepalive: Keepalive { interval: Duration::from_secs(15), count: 2 },
        login: Login { max_attempts: 3, max_probes: 8, ..Login::default() },
        ..Config::default()
    }
}
