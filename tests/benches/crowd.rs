//! Many connections on one thread: handshakes a second at the mio server and at OpenSSH's, each with one processor to
//! itself, side by side in one run; what an idle connection takes of memory; and how long small commands take while one
//! connection streams as fast as it can.
//!
//! Rounds are interleaved and medians given, since the machine is shared; trust the ratios. The load is the program
//! `mio_many`, on another processor. `-- handshakes`, `-- memory` or `-- latency` runs one part.

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_setaffinity};
use sanssh_tests::bench::{build, median};
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::openssh::{self, Sshd};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const KEX: &str = "curve25519-sha256";
const ROUNDS: usize = 5;
/// The clock by which the system counts the time of processes, on every machine that Linux runs on today.
const TICKS: f64 = 100.0;

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let wanted = |name: &str| chosen.is_empty() || chosen.iter().any(|arg| arg == name);
    let program = build("sanssh-examples", "--bin", "mio_many");
    if wanted("handshakes") {
        handshakes(&program);
    }
    for (name, flags) in
        [("memory", &["-n", "5000", "-m", "1"][..]), ("latency", &["-n", "1000", "-m", "20", "-j", "10", "-b"])]
    {
        if wanted(name) {
            println!("{name}, mio_many {}:", flags.join(" "));
            let served = Served::start(&program, &[]);
            let mut load = load(&program, &served.address, &public(), "user");
            let told = load.args(flags).output().expect("the load");
            print!("{}{}", String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
        }
    }
}

/// The server of the program, with a processor to itself.
struct Served {
    child: Child,
    address: String,
}

impl Served {
    fn start(program: &Path, flags: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(["serve", "-k"]).arg(Keys::shared().host(Kind::Ed25519));
        command.arg("-a").arg(Keys::shared().client(Kind::Ed25519).with_extension("pub")).args(flags);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the server");
        pin(child.id(), 0);
        let mut address = String::new();
        let stdout = child.stdout.take().expect("its output");
        BufReader::new(stdout).read_line(&mut address).expect("its address");
        Self { child, address: address.trim_end().to_owned() }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It ends with its standard input.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn public() -> PathBuf {
    Keys::shared().host(Kind::Ed25519).with_extension("pub")
}

fn load(program: &Path, address: &str, host_key: &Path, user: &str) -> Command {
    let mut command = Command::new(program);
    command.arg("load").arg("-k").arg(host_key).arg("-i").arg(Keys::shared().client(Kind::Ed25519));
    command.args(["-u", user, address]);
    command
}

/// Keeps a process, and those it will start, to one processor; where there is but one it makes no difference.
fn pin(process: u32, processor: usize) {
    let mut set = CpuSet::new();
    set.set(processor);
    let _ = sched_setaffinity(Pid::from_raw(process.cast_signed()), &set);
}

/// Seconds of processors that a process has used, and those of its children that are gone.
fn cpu(process: u32) -> f64 {
    let told = fs::read_to_string(format!("/proc/{process}/stat")).expect("the system's account of the process");
    // The name, in brackets, may hold blanks.
    let fields = told.rsplit(')').next().unwrap_or_default().split_ascii_whitespace().skip(11).take(4);
    fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS
}

/// One server's figures: handshakes a second, and milliseconds of its processor each.
fn round(program: &Path, address: &str, server: u32, count: usize) -> [f64; 2] {
    let before = cpu(server);
    let mut load = load(program, address, &public(), "user");
    load.args(["--exchange", "-x", KEX, "-w", "50", "-n", &count.to_string()]);
    let child = load.stdout(Stdio::piped()).spawn().expect("the load");
    pin(child.id(), 1);
    let told = child.wait_with_output().expect("the load");
    let text = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success(), "{text}");
    let rate = text.lines().find_map(|line| line.split_once(" exchanges, ")?.1.strip_suffix(" a second"));
    let rate = rate.and_then(|rate| rate.parse().ok()).unwrap_or_else(|| panic!("no rate in {text}"));
    [rate, (cpu(server) - before) * 1e3 / count as f64]
}

/// X25519 and Ed25519, connections that end with the keys.
fn handshakes(program: &Path) {
    let options = [&format!("KexAlgorithms {KEX}"), "MaxStartups 10000", "PerSourcePenalties no", "LogLevel INFO"];
    let mut config = openssh::Config { options: &options, host_keys: &[Kind::Ed25519], ..openssh::Config::default() };
    // Older versions do not know penalties, and do without.
    if !knows_penalties() {
        config.options = &options[..2];
    }
    let sshd = Sshd::with(config);
    pin(sshd.id(), 0);
    let ours = Served::start(program, &["-x", KEX]);
    let address = sshd.address().to_string();
    let rounds: Vec<_> = (0..ROUNDS)
        .map(|_| [round(program, &address, sshd.id(), 200), round(program, &ours.address, ours.child.id(), 3000)])
        .collect();
    let of = |pick: &dyn Fn(&[[f64; 2]; 2]) -> f64| median(rounds.iter().map(pick));
    println!("handshakes a second, {KEX} and Ed25519, one processor for the server and one for the load:");
    let [theirs, ours] = [of(&|round| round[0][0]), of(&|round| round[1][0])];
    println!("  OpenSSH {theirs:.0}, sanssh {ours:.0}, ratio {:.1}", of(&|round| round[1][0] / round[0][0]));
    println!("handshakes a second of the server's processor, whatever else the machine does:");
    let [theirs, ours] = [of(&|round| 1e3 / round[0][1]), of(&|round| 1e3 / round[1][1])];
    println!("  OpenSSH {theirs:.0}, sanssh {ours:.0}, ratio {:.1}", of(&|round| round[0][1] / round[1][1]));
}

/// Whether this sshd may be told not to punish who connects again and again.
fn knows_penalties() -> bool {
    let told = Command::new(sanssh_tests::peers::path("sshd")).args(["-T", "-o", "PerSourcePenalties=no"]).output();
    told.is_ok_and(|told| !String::from_utf8_lossy(&told.stderr).contains("Bad configuration option"))
}
