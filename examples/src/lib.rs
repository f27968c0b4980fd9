//! What the programs share: how clients are aimed and log in, the terminal and its modes, the clock, and who the user is.
//! Everything that is about the protocol or the configuration of it is in the driver.

pub mod client;
pub mod clock;
pub mod files;
pub mod modes;
pub mod progress;
pub mod terminal;
pub mod user;

use sanssh_core::algorithm::Zip;
use sanssh_core::transport::{Suite, Summary};

/// What two ends agreed on, on one line.
#[must_use]
pub fn agreed(summary: &Summary) -> String {
    let Summary { kex, host_key, to_server, to_client, strict, first: _ } = summary;
    let suite = |Suite { cipher, mac, zip }: &Suite| {
        let mac = mac.map_or_else(String::new, |mac| format!(" with {mac}"));
        let zip = if *zip == Zip::None { String::new() } else { format!(" and {zip}") };
        format!("{cipher}{mac}{zip}")
    };
    let (up, down) = (suite(to_server), suite(to_client));
    let ciphers = if up == down { up } else { format!("{up} to the server, {down} back") };
    let strictly = if *strict { "" } else { ", without strict key exchange" };
    format!("{kex}, {host_key}, {ciphers}{strictly}")
}
