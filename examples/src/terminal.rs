//! The terminal here: raw while a shell elsewhere has it, silent while a secret is typed, and as it was on every way out.
//! Its settings are kept in one place, from which a signal, a panic or the end of `main` puts them back.

use core::sync::atomic::{AtomicBool, Ordering};
use rustix::stdio::{stdin, stdout};
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;
use signal_hook::low_level::raise;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::{io, panic, process, thread};
use zeroize::Zeroizing;

/// Terminals whose settings may have changed, with those that they had.
static SAVED: Mutex<Vec<(OwnedFd, Termios)>> = Mutex::new(Vec::new());
/// Files that are of no use without the program.
static FILES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
static RAW: AtomicBool = AtomicBool::new(false);
/// What an interrupt calls, instead of ending the program.
static STOP: Mutex<Option<Box<dyn FnOnce() + Send>>> = Mutex::new(None);
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// What a program ends with that a signal ends.
const ENDED: i32 = 255;

/// From now on a panic or a signal that ends the program puts the terminal back first.
pub fn guard() {
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
            let ends = |signal: &i32| *signal != SIGINT || !is_put_off();
            if signals.forever().any(|signal| ends(&signal)) {
                leave();
                process::exit(ENDED);
            }
        });
    }
}

/// Has an interrupt stop what it can stop. A second one ends the program.
fn is_put_off() -> bool {
    let Some(stop) = STOP.lock().unwrap_or_else(PoisonError::into_inner).take() else { return false };
    INTERRUPTED.store(true, Ordering::Relaxed);
    stop();
    true
}

/// Does something that an interrupt ends by `stop`, called on another thread, and not by ending the program.
pub fn stoppable<T>(stop: impl FnOnce() + Send + 'static, work: impl FnOnce() -> T) -> T {
    INTERRUPTED.store(false, Ordering::Relaxed);
    *STOP.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(stop));
    let outcome = work();
    STOP.lock().unwrap_or_else(PoisonError::into_inner).take();
    outcome
}

/// Whether what runs now was interrupted.
#[must_use]
pub fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// The signals that this process ignores, a bit each; none where the system does not say.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0)
}

/// Has [`leave`] remove a file.
pub fn removes(file: PathBuf) {
    FILES.lock().unwrap_or_else(PoisonError::into_inner).push(file);
}

/// Leaves nothing behind at the program's end: no terminal that is not as it was, and no file that was to be removed.
pub fn leave() {
    restore();
    for file in FILES.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        // Whoever removed it before was free to.
        let _ = fs::remove_file(file);
    }
}

/// Puts every terminal back as it was.
pub fn restore() {
    for (terminal, settings) in SAVED.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        // A terminal that is gone needs no settings.
        let _ = tcsetattr(terminal, OptionalActions::Drain, &settings);
    }
    RAW.store(false, Ordering::Relaxed);
}

/// From now on [`restore`] puts the terminal on standard input back as it is, whoever changes it.
///
/// # Errors
/// If standard input is no terminal.
pub fn keep() -> io::Result<()> {
    let settings = tcgetattr(stdin())?;
    let terminal = stdin().try_clone_to_owned()?;
    SAVED.lock().unwrap_or_else(PoisonError::into_inner).push((terminal, settings));
    Ok(())
}

/// Columns of the terminal on standard output, if it is one.
#[must_use]
pub fn width() -> Option<usize> {
    tcgetwinsize(stdout()).ok().map(|size| size.ws_col.into()).filter(|columns| *columns > 0)
}

/// From now until [`restore`] the person's terminal does not show what is typed: before they are asked, not after.
fn hide() -> io::Result<()> {
    let terminal = File::options().read(true).write(true).open("/dev/tty")?;
    let mut settings = tcgetattr(&terminal)?;
    let own = terminal.try_clone()?;
    SAVED.lock().unwrap_or_else(PoisonError::into_inner).push((own.into(), settings.clone()));
    settings.local_modes.remove(LocalModes::ECHO);
    Ok(tcsetattr(&terminal, OptionalActions::Drain, &settings)?)
}

/// Whether there is a terminal on standard input.
#[must_use]
pub fn is_here() -> bool {
    isatty(stdin())
}

/// Whether the terminal is raw now.
#[must_use]
pub fn is_raw() -> bool {
    RAW.load(Ordering::Relaxed)
}

/// What is typed goes elsewhere as it is, until [`restore`].
///
/// # Errors
/// If standard input is no terminal.
pub fn make_raw() -> io::Result<()> {
    keep()?;
    let mut settings = tcgetattr(stdin())?;
    settings.make_raw();
    settings.input_modes.insert(InputModes::IGNPAR);
    settings.input_modes.remove(InputModes::IXANY | InputModes::IXOFF);
    settings.special_codes[SpecialCodeIndex::VMIN] = 1;
    settings.special_codes[SpecialCodeIndex::VTIME] = 0;
    tcsetattr(stdin(), OptionalActions::Drain, &settings)?;
    RAW.store(true, Ordering::Relaxed);
    Ok(())
}

/// Suspends the program, as a key would have done, with the terminal as it was; returns when it goes on, raw again.
///
/// # Errors
/// As [`make_raw`].
pub fn suspend() -> io::Result<()> {
    restore();
    // The thread that calls is the one that gets it, so that nothing happens in between.
    raise(SIGTSTP)?;
    make_raw()
}

/// Asks on the terminal, without showing what is typed.
///
/// # Errors
/// If there is no terminal, or nobody answers.
pub fn secret(prompt: &str) -> io::Result<Zeroizing<String>> {
    hide()?;
    let answer = rpassword::prompt_password(prompt).map(Zeroizing::new);
    restore();
    answer
}
