//! `keyscan`: the host keys of many servers, as lines for `known_hosts`. Nobody logs in, and nothing says that a key is
//! right: whoever stands between can show his own.
//! Exit status: 0 if there was a key, 1 if there was none, 255 if the command line was wrong.

#![forbid(unsafe_code)]

mod arguments;
mod print;
mod scan;

use arguments::{Asked, Job};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::io::Write;
use std::process::ExitCode;
use std::thread;

/// Hosts that are asked at a time: each costs a thread and a socket.
const AT_A_TIME: usize = 32;

fn main() -> ExitCode {
    match arguments::read() {
        Ok(Asked::Text(text)) => {
            // Whoever asked may have left.
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Ok(Asked::Job(job)) => ExitCode::from(u8::from(!run(&job))),
        Err(error) => {
            eprintln!("keyscan: {error}");
            255.into()
        }
    }
}

/// Asks every host, so many at a time, and prints what each shows as soon as it has; whether there was a key.
fn run(job: &Job) -> bool {
    let (next, found) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME.min(job.targets.len()) {
            scope.spawn(|| {
                while let Some(target) = job.targets.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let seen = scan::keys(job, target);
                    for key in seen.keys {
                        found.store(true, Ordering::Relaxed);
                        tell(print::lines(job, target, &key));
                    }
                    for fault in seen.faults {
                        eprintln!("{}: {fault}", target.addresses.join(","));
                    }
                }
            });
        }
    });
    found.into_inner()
}

/// Prints whole lines; whoever reads them may have left.
fn tell(lines: Result<String, String>) {
    match lines {
        Ok(lines) => drop(std::io::stdout().write_all(lines.as_bytes())),
        Err(error) => eprintln!("keyscan: {error}"),
    }
}
