//! What programs on the host may use of the user's (ssh_config(5), `ForwardAgent` and `ForwardX11`): lent to one session,
//! and where that cannot be, it is told, and the session goes on without.

use sanssh_examples::client::report::Reporter;
use sanssh_std::ssh_config::{HostConfig, Local};
use sanssh_std::{Channel, Display, Error, Trust};
use std::path::Path;

/// Asks for what the settings lend.
pub(crate) fn lend(channel: &Channel, config: &HostConfig, reporter: Reporter) -> Result<(), String> {
    if let Some(socket) = config.lent_agent(&Local) {
        let lent = channel.forward_agent(Some(&socket));
        tell("the agent", lent, reporter)?;
    }
    let settings = &config.settings;
    // Empty is as good as none.
    match std::env::var("DISPLAY").ok().filter(|name| settings.forward_x11 && !name.is_empty()) {
        Some(name) => {
            let restricted = settings.forward_x11_timeout.0.unwrap_or_default();
            let trust = if settings.forward_x11_trusted { Trust::Full } else { Trust::Restricted(restricted) };
            let found = Display::find(&name, Path::new(&settings.xauth_location), trust);
            tell("the display", found.and_then(|display| channel.forward_x11(&display, false)), reporter)
        }
        None => {
            if settings.forward_x11 {
                reporter.detail("DISPLAY is not set, so no display is lent");
            }
            Ok(())
        }
    }
}

fn tell(what: &str, lent: Result<(), Error>, reporter: Reporter) -> Result<(), String> {
    match lent {
        Ok(()) => reporter.detail(format_args!("lending {what}")),
        Err(error @ (Error::Unearned | Error::Display { .. })) => reporter.warn(error),
        Err(error) => return Err(error.to_string()),
    }
    Ok(())
}
