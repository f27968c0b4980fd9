//! Standard input and output as the two ends of a tunnel through the server (ssh(1), `-W`). Each way ends by itself, and
//! the program with both.

use crate::streams::{self, Ended};
use sanssh_examples::client;
use sanssh_std::{Client, Endpoint, Kind};
use std::io::{Read, Write};
use std::sync::Arc;
use std::thread;

/// Carries both ways until both have ended. `silent`: nothing is said from here.
pub(crate) fn run(client: &Client, to: Endpoint, silent: bool) -> Result<u8, String> {
    let place = to.to_string();
    let tunnel = client.direct(to).map_err(|error| format!("{place}: {error}"))?;
    let tunnel = Arc::new(tunnel);
    client::tend(client);
    if silent {
        tunnel.finish();
    } else {
        let tunnel = Arc::clone(&tunnel);
        thread::spawn(move || {
            if streams::input(|bytes| (&*tunnel).write_all(bytes).is_ok()) {
                tunnel.finish();
            }
        });
    }
    let read = |space: &mut [u8]| (&*tunnel).read(space).map(|n| (Kind::Data, n)).map_err(|error| error.to_string());
    if let Ended::AtEnd = streams::output(read)? {
        streams::end_output();
        tunnel.wait_close().map_err(|error| error.to_string())?;
    }
    Ok(0)
}
