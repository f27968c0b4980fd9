//! What a session has of its client's, put where its programs look for it: the agent in `SSH_AUTH_SOCK`, the display in
//! `DISPLAY`, and the display's cookie with xauth(1).

use crate::House;
use sanssh_std::{BorrowedDisplay, Session};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Adds what the session has to a command.
pub(crate) fn equip(session: &Session, house: &House, command: &mut Command) {
    if let Some(socket) = session.agent() {
        command.env("SSH_AUTH_SOCK", socket);
    }
    let Some(display) = session.display() else { return };
    match keep(display, house.forwarding.xauth(), command) {
        Ok(()) => drop(command.env("DISPLAY", display.name())),
        Err(error) => {
            let _ = writeln!(session.stderr(), "the display cannot be used: {error}");
        }
    }
}

/// Has the cookie kept, in the environment that the command will have. It is said on standard input, and not for others
/// to see in a list of processes; no shell reads it, and it has no character that could mean anything.
fn keep(display: &BorrowedDisplay, xauth: &Path, like: &Command) -> io::Result<()> {
    let mut command = Command::new(xauth);
    command.args(["-q", "-"]).env_clear();
    command.envs(like.get_envs().filter_map(|(name, value)| value.map(|value| (name, value))));
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| io::Error::other(format!("{}: {error}", xauth.display())))?;
    let entry = display.entry();
    let lines = format!("remove {entry}\nadd {entry} {} {}\n", display.protocol, *display.cookie);
    let lines = zeroize::Zeroizing::new(lines);
    let told = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(lines.as_bytes()));
    let status = child.wait()?;
    told?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{}: {status}", xauth.display()))) }
}
