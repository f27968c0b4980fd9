//! The terminal here: raw while a shell elsewhere has it, and as it was on every way out.
//! Its settings are kept in one place, from which a signal, a panic or the end of `main` puts them back.

use core::sync::atomic::{AtomicBool, Ordering};
use rustix::stdio::{stdin, stdout};
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, Winsize, isatty, tcgetattr, tcgetwinsize,
    tcsetattr,
};
use sanssh_examples::modes;
use sanssh_std::Pty;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH};
use signal_hook::iterator::Signals;
use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, PoisonError};
use std::{env, io, panic, process, thread};

/// Terminals whose settings may have changed, with those that they had.
static SAVED: Mutex<Vec<(OwnedFd, Termios)>> = Mutex::new(Vec::new());
static RAW: AtomicBool = AtomicBool::new(false);

/// From now on a panic or a signal that ends the program puts the terminal back first.
pub(crate) fn guard() {
    let earlier = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        restore();
        earlier(panic);
    }));
    // What was ignored when the program began, as under nohup, stays ignored.
    let ignored = ignored();
    let deadly = [SIGHUP, SIGINT, SIGQUIT, SIGTERM].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    if let Ok(mut signals) = Signals::new(deadly) {
        thread::spawn(move || {
            if signals.forever().next().is_some() {
                restore();
                process::exit(i32::from(crate::FAILED));
            }
        });
    }
}

/// The signals that this process ignores, a bit each; none where the system does not say.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0)
}

/// Puts every terminal back as it was.
pub(crate) fn restore() {
    for (terminal, settings) in SAVED.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        // A terminal that is gone needs no settings.
        let _ = tcsetattr(terminal, OptionalActions::Drain, &settings);
    }
    RAW.store(false, Ordering::Relaxed);
}

/// From now until [`restore`] the person's terminal does not show what is typed: before they are asked, not after.
pub(crate) fn hide() -> io::Result<()> {
    let terminal = File::options().read(true).write(true).open("/dev/tty")?;
    let mut settings = tcgetattr(&terminal)?;
    let own = terminal.try_clone()?;
    SAVED.lock().unwrap_or_else(PoisonError::into_inner).push((own.into(), settings.clone()));
    settings.local_modes.remove(LocalModes::ECHO);
    Ok(tcsetattr(&terminal, OptionalActions::Drain, &settings)?)
}

/// Whether there is a terminal on standard input.
pub(crate) fn is_here() -> bool {
    isatty(stdin())
}

/// Whether the terminal is raw now.
pub(crate) fn is_raw() -> bool {
    RAW.load(Ordering::Relaxed)
}

/// What is typed goes elsewhere as it is, until [`restore`].
pub(crate) fn make_raw() -> io::Result<()> {
    let mut settings = tcgetattr(stdin())?;
    let terminal = stdin().try_clone_to_owned()?;
    SAVED.lock().unwrap_or_else(PoisonError::into_inner).push((terminal, settings.clone()));
    settings.make_raw();
    settings.input_modes.insert(InputModes::IGNPAR);
    settings.input_modes.remove(InputModes::IXANY | InputModes::IXOFF);
    settings.special_codes[SpecialCodeIndex::VMIN] = 1;
    settings.special_codes[SpecialCodeIndex::VTIME] = 0;
    tcsetattr(stdin(), OptionalActions::Drain, &settings)?;
    RAW.store(true, Ordering::Relaxed);
    Ok(())
}

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
