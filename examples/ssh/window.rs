//! The window that a session elsewhere is shown in: what terminal to ask for, and each new size.

use rustix::stdio::{stdin, stdout};
use rustix::termios::{Winsize, tcgetattr, tcgetwinsize};
use sanssh_examples::modes;
use sanssh_std::Pty;
use signal_hook::consts::SIGWINCH;
use signal_hook::iterator::Signals;
use std::os::fd::AsFd;
use std::{env, io, thread};

/// The terminal to ask the server for: like the one here, if there is one.
pub(crate) fn wanted() -> Pty {
    let mut pty = Pty { term: env::var("TERM").unwrap_or_else(|_| "dumb".to_owned()), ..Pty::default() };
    if let Ok(settings) = tcgetattr(stdin()) {
        pty.modes = modes::of(&settings);
    }
    if let Some((columns, rows)) = size() {
        (pty.columns, pty.rows) = (columns, rows);
    }
    pty
}

/// Columns and rows.
pub(crate) fn size() -> Option<(u32, u32)> {
    let Winsize { ws_col, ws_row, .. } = tcgetwinsize(stdin()).or_else(|_| tcgetwinsize(stdout().as_fd())).ok()?;
    Some((ws_col.into(), ws_row.into()))
}

/// Tells every new size, from a thread of its own, until `tell` refuses one.
pub(crate) fn watch(tell: impl Fn(u32, u32) -> bool + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGWINCH])?;
    thread::spawn(move || {
        for _ in &mut signals {
            if !size().is_none_or(|(columns, rows)| tell(columns, rows)) {
                return;
            }
        }
    });
    Ok(())
}
