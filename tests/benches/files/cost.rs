//! What a program takes: wall time, CPU time and the most memory, of itself and of every process it waited for.
//!
//! Each is started by a fresh copy of this program, because the system tells these of all of a process's children at
//! once, and keeps the largest memory of any of them.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use std::fs;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// The first argument of a copy that starts the program named after it.
const LAUNCH: &str = "--launch";

/// What one run took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cost {
    /// Seconds: what the program says of its work alone if it does, otherwise of the whole run.
    pub(crate) wall: f64,
    /// Seconds of processor, user and system.
    pub(crate) cpu: f64,
    /// MiB resident at most, in the largest of the processes.
    pub(crate) peak: f64,
}

/// Runs a program to its end; `None` if it says by its status that it has no such cipher or mode.
///
/// # Panics
/// If it fails otherwise, with what it said.
pub(crate) fn run(command: &Command) -> Option<Cost> {
    let mut launcher = Command::new(std::env::current_exe().expect("this program"));
    launcher.arg(LAUNCH).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        launcher.env(name, value.unwrap_or_default());
    }
    let output = launcher.stdin(Stdio::null()).output().expect("a copy of this program");
    if output.status.code().is_some_and(|code| UNSUPPORTED.contains(&code)) {
        return None;
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}{complaint}");
    let numbers: Vec<f64> = said.lines().last()?.split(' ').filter_map(|number| number.parse().ok()).collect();
    let [wall, cpu, peak] = numbers[..] else { panic!("the copy says {said}") };
    Some(Cost { wall: seconds(&said).unwrap_or(wall), cpu, peak })
}

/// The statuses of a program that lacks what it is asked for, or does not know the word.
const UNSUPPORTED: [i32; 2] = [2, 3];

/// The number after `"seconds":`.
fn seconds(said: &str) -> Option<f64> {
    let rest = said.split("\"seconds\":").nth(1)?.trim_start();
    let end = rest.find(|c: char| !(c.is_ascii_digit() || ".e-+".contains(c))).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// What `main` has to do first: if this is a copy that starts a program, does that and gives its status.
pub(crate) fn launched() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    arguments.next().filter(|first| first == LAUNCH)?;
    let started = Instant::now();
    let status = Command::new(arguments.next()?).args(arguments).status().expect("the program starts");
    let wall = started.elapsed().as_secs_f64();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("what children took");
    let cpu = usage.user_time() + usage.system_time();
    println!("{wall} {} {}", cpu.num_microseconds() as f64 / 1e6, usage.max_rss() as f64 / 1024.0);
    Some(ExitCode::from(u8::try_from(status.code().unwrap_or(255)).unwrap_or(255)))
}

/// Seconds of processor that a server has taken so far, with the children it has waited for. Returns when it has none.
pub(crate) fn server(id: u32) -> f64 {
    while fs::read_to_string(format!("/proc/{id}/task/{id}/children")).is_ok_and(|children| !children.is_empty()) {
        std::thread::sleep(core::time::Duration::from_millis(5));
    }
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).expect("a server that runs");
    // The name before the parenthesis may hold anything.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: f64 = fields.skip(11).take(4).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / rustix::param::clock_ticks_per_second() as f64
}
