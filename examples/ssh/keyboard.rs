//! What a person types, on its way to the session: text goes there, and what is meant for this program is done here.

use crate::escape::{Command, Escapes, Typed};
use crate::forwards::Forwards;
use core::sync::atomic::{AtomicBool, Ordering};
use sanssh_examples::terminal;
use sanssh_std::{Channel, Client};
use std::io::{self, Write};
use std::sync::Arc;

/// How long a break lasts that nobody gave a length, in milliseconds.
const BREAK: u32 = 1000;

/// Somebody's keyboard.
#[derive(Debug)]
pub(crate) struct Keyboard {
    /// None where nobody types.
    escapes: Option<Escapes>,
    client: Client,
    channel: Arc<Channel>,
    forwards: Arc<Forwards>,
    left: Arc<AtomicBool>,
}

impl Keyboard {
    /// `escape` is what begins an escape; `left` becomes true when the person ends the connection.
    pub(crate) fn new(
        escape: Option<u8>,
        client: &Client,
        channel: &Arc<Channel>,
        forwards: &Arc<Forwards>,
        left: &Arc<AtomicBool>,
    ) -> Self {
        Self {
            escapes: escape.map(|escape| Escapes::new(Some(escape))),
            client: client.clone(),
            channel: Arc::clone(channel),
            forwards: Arc::clone(forwards),
            left: Arc::clone(left),
        }
    }

    /// Deals with what was typed. Whether it goes on.
    pub(crate) fn take(&mut self, mut typed: &[u8]) -> bool {
        while !typed.is_empty() {
            let Some(escapes) = &mut self.escapes else { return (&*self.channel).write_all(typed).is_ok() };
            let Typed { text, command, taken } = escapes.take(typed);
            typed = &typed[taken..];
            let goes_on = (&*self.channel).write_all(&text).is_ok() && command.is_none_or(|command| self.obey(command));
            if !goes_on {
                return false;
            }
        }
        true
    }

    fn obey(&self, command: Command) -> bool {
        match command {
            Command::End => {
                self.left.store(true, Ordering::Release);
                self.client.disconnect();
                return false;
            }
            Command::Suspend => return terminal::suspend().is_ok(),
            Command::Break => return self.channel.send_break(BREAK).is_ok(),
            Command::Rekey => self.client.rekey(),
            Command::List => say(&self.forwards.list()),
            Command::Help => say(&self.escapes.as_ref().map(Escapes::help).unwrap_or_default()),
        }
        true
    }
}

/// The person asked for it, so no verbosity counts.
fn say(text: &str) {
    let _ = write!(io::stderr(), "\r\n{text}");
}
