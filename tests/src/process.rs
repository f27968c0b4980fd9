//! A foreign server as a child process: its log is kept and can be waited on, and it ends with its owner, children
//! included. Waiting is for what the process says, with a deadline; nothing here sleeps and hopes.

use core::fmt;
use core::time::Duration;
use std::fs;
use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

/// Far above what a start or a reply takes on a loaded machine; reached only when something is wrong.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A running server whose standard error is its log.
pub struct Daemon {
    name: String,
    child: Child,
    log: Arc<Log>,
}

impl Daemon {
    /// Starts `command` with its standard error collected. Its standard input and output are closed.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let log = Arc::new(Log::default());
        if let Some(stderr) = child.stderr.take() {
            let log = Arc::clone(&log);
            thread::spawn(move || log.collect(stderr));
        }
        Ok(Self { name, child, log })
    }

    /// The process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has said so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().text()
    }

    /// Waits until the log contains `text`; `false` if the log ends or [`DEADLINE`] passes first.
    #[must_use]
    pub fn says(&self, text: &str) -> bool {
        self.log.wait(text, DEADLINE)
    }

    fn kill(&mut self) {
        // Read first: once the parent is gone, its children are nobody's.
        let children = descendants(self.child.id());
        let _ = self.child.kill();
        let _ = self.child.wait();
        for child in children.into_iter().filter_map(|id| Pid::from_raw(id.cast_signed())) {
            let _ = kill_process(child, Signal::KILL);
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("---- log of {} ----\n{}----", self.name, self.log());
        }
    }
}

impl fmt::Debug for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Daemon").field("name", &self.name).field("id", &self.child.id()).finish_non_exhaustive()
    }
}

/// Runs a tool to its end and gives what it printed.
///
/// # Panics
/// If it fails, with what it said.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The children of a process, theirs after them; sessions of their own do not hide them.
fn descendants(id: u32) -> Vec<u32> {
    let listed = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    let children = listed.split_whitespace().filter_map(|child| child.parse().ok());
    children.flat_map(|child| [vec![child], descendants(child)].concat()).collect()
}

/// Text that grows until its writer is gone.
#[derive(Default)]
struct Log {
    written: Mutex<Written>,
    grew: Condvar,
}

#[derive(Default)]
struct Written {
    bytes: Vec<u8>,
    ended: bool,
}

impl Written {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn collect(&self, mut from: impl Read) {
        let mut chunk = [0; 4096];
        while let Ok(n @ 1..) = from.read(&mut chunk) {
            self.lock().bytes.extend_from_slice(&chunk[..n]);
            self.grew.notify_all();
        }
        self.lock().ended = true;
        self.grew.notify_all();
    }

    fn wait(&self, text: &str, span: Duration) -> bool {
        let until = Instant::now() + span;
        let mut written = self.lock();
        while !written.text().contains(text) {
            let left = until.saturating_duration_since(Instant::now());
            if written.ended || left.is_zero() {
                return false;
            }
            written = self.grew.wait_timeout(written, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Daemon {
        Daemon::spawn(Command::new("sh").args(["-c", script])).unwrap()
    }

    fn alive(id: u32) -> bool {
        fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    }

    #[test]
    fn a_log_is_waited_for_and_kept() {
        let daemon = shell("echo ready >&2; exec sleep 1000");
        assert!(daemon.says("ready"));
        assert_eq!(daemon.log(), "ready\n");
    }

    #[test]
    fn the_end_of_a_log_ends_the_wait() {
        assert!(!shell("echo gone >&2").says("ready"));
    }

    #[test]
    fn children_in_sessions_of_their_own_end_with_it() {
        let daemon = shell("setsid sh -c 'echo child >&2; sleep 1000' & wait");
        assert!(daemon.says("child"));
        let ids = descendants(daemon.id());
        assert!(!ids.is_empty());
        drop(daemon);
        // A killed process may take a moment to leave the table.
        let until = Instant::now() + DEADLINE;
        while ids.iter().any(|&id| alive(id)) {
            assert!(Instant::now() < until, "a child outlived its server");
            thread::yield_now();
        }
    }
}
