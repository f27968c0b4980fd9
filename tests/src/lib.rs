//! The harness that the test suites and the benchmarks share: foreign SSH implementations on loopback, lines that
//! misbehave, and a count of allocations. The peers know nothing of the crates under test, so a fault of theirs shows as one.

#![deny(missing_docs)]

pub mod agents;
pub mod asker;
pub mod asyncssh;
pub mod bench;
pub mod capture;
pub mod certificate;
pub mod certify;
pub mod count;
pub mod delay;
pub mod dropbear;
pub mod forger;
pub mod fuzz;
pub mod keys;
pub mod mio;
pub mod names;
pub mod netns;
pub mod openssh;
pub mod packets;
pub mod pair;
pub mod peers;
pub mod port;
pub mod process;
pub mod pubkeys;
pub mod ramfs;
pub mod replay;
pub mod signing;
pub mod snapshot;
pub mod suites;
pub mod talk;
pub mod user;
pub mod wireshark;
pub mod world;
