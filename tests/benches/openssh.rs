//! The `ssh` program of the examples against OpenSSH's client, side by side in one run, both talking to Debian's sshd:
//! a stream of 1 GiB under each kind of cipher, short sessions one after another, and the first byte over a slow line.
//!
//! Samples alternate between the programs and medians are given, since the machine is shared; trust the ratios.
//! `cargo bench -p sanssh-tests --bench openssh` builds what it needs; `-- stream`, `-- login` or `-- latency` runs one.

use core::time::Duration;
use sanssh_tests::bench::{Cost, build, median, side_by_side};
use sanssh_tests::delay::{Line, Proxy};
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::openssh::{EVERY_CIPHER, Sshd};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

const ROUNDS: usize = 5;
const LOGINS: usize = 200;
const GIB: usize = 1 << 30;
/// What a stream goes through, and the options that say so.
const SUITES: [(&str, &[&str]); 9] = [
    ("each program's default cipher", &[]),
    ("aes128-gcm", &["-c", "aes128-gcm@openssh.com"]),
    ("aes256-gcm", &["-c", "aes256-gcm@openssh.com"]),
    ("chacha20-poly1305", &["-c", "chacha20-poly1305@openssh.com"]),
    ("aes128-ctr, umac-64-etm", &["-c", "aes128-ctr", "-m", "umac-64-etm@openssh.com"]),
    ("aes128-ctr, umac-128-etm", &["-c", "aes128-ctr", "-m", "umac-128-etm@openssh.com"]),
    ("aes128-ctr, hmac-sha2-256-etm", &["-c", "aes128-ctr", "-m", "hmac-sha2-256-etm@openssh.com"]),
    ("aes128-ctr, hmac-sha1-etm", &["-c", "aes128-ctr", "-m", "hmac-sha1-etm@openssh.com"]),
    ("aes128-cbc, hmac-sha1", &["-c", "aes128-cbc", "-m", "hmac-sha1"]),
];

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let wanted = |name: &str| chosen.is_empty() || chosen.iter().any(|arg| arg == name);
    let programs = [("OpenSSH", PathBuf::from("ssh")), ("sanssh", build("sanssh-examples", "--bin", "ssh"))];
    let sshd = Sshd::start(&["MaxStartups 100", "LoginGraceTime 20", EVERY_CIPHER]);
    if wanted("stream") {
        stream(&sshd, &programs);
    }
    if wanted("login") {
        logins(&sshd, &programs);
    }
    if wanted("latency") {
        latency(&sshd, &programs);
    }
}

type Programs = [(&'static str, PathBuf); 2];

/// The arguments that both programs understand, up to the host.
fn arguments(sshd: &Sshd, port: u16, options: &[&str]) -> Vec<String> {
    let mut arguments: Vec<String> = options.iter().map(|option| (*option).into()).collect();
    let key = Keys::shared().client(Kind::Ed25519);
    arguments.extend(["-i".into(), key.display().to_string(), "-p".into(), port.to_string()]);
    let hosts = format!("UserKnownHostsFile={}", sshd.known_hosts().display());
    let alias = format!("HostKeyAlias=[127.0.0.1]:{}", sshd.port());
    for option in [&hosts, &alias, "BatchMode=yes", "IdentitiesOnly=yes", "StrictHostKeyChecking=yes"] {
        arguments.extend(["-o".into(), option.into()]);
    }
    arguments.push("127.0.0.1".into());
    arguments
}

/// Runs a program with its output thrown away, timed by the shell that waits for it.
fn timed(program: &Path, arguments: &[String], command: &str, repeat: usize) -> Cost {
    let script = format!("TIMEFORMAT='%R %U %S'; time for i in $(seq {repeat}); do \"$@\" >/dev/null || exit 1; done");
    let shell = Command::new("bash")
        .args(["-c", &script, "bash"])
        .arg(program)
        .args(arguments)
        .arg(command)
        .stdin(Stdio::null())
        .output()
        .expect("bash runs");
    let said = String::from_utf8_lossy(&shell.stderr);
    assert!(shell.status.success(), "{}: {said}", program.display());
    let last = said.lines().last().unwrap_or_default();
    let numbers: Vec<f64> = last.split(' ').filter_map(|number| number.parse().ok()).collect();
    let [wall, user, system] = numbers[..] else { panic!("the shell says {said}") };
    Cost { wall, cpu: user + system }
}

/// Takes samples in turn.
fn compare(title: &str, programs: &Programs, mut sample: impl FnMut(&Path) -> Cost) {
    let rounds: Vec<_> = (0..ROUNDS).map(|_| [sample(&programs[0].1), sample(&programs[1].1)]).collect();
    side_by_side(title, &rounds);
}

/// `ssh host 'cat 1GiB-file' > /dev/null`.
fn stream(sshd: &Sshd, programs: &Programs) {
    println!("1 GiB from sshd; OpenSSH, sanssh, sanssh/OpenSSH");
    let directory = ["/dev/shm", "/tmp"].into_iter().find(|path| Path::new(path).is_dir()).expect("a directory");
    let path = Path::new(directory).join(format!("sanssh-bench-{}", std::process::id()));
    let mut file = fs::File::create(&path).expect("a file");
    let block: Vec<u8> = (0..1 << 20).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for _ in 0..GIB / block.len() {
        file.write_all(&block).expect("room for 1 GiB");
    }
    let command = format!("cat {}", path.display());
    for (title, options) in SUITES {
        let arguments = arguments(sshd, sshd.port(), options);
        compare(title, programs, |program| timed(program, &arguments, &command, 1));
    }
    let _ = fs::remove_file(&path);
}

/// Connect, log in with a key, run `true`, disconnect; one after another.
fn logins(sshd: &Sshd, programs: &Programs) {
    println!("{LOGINS} sessions of `true`, one after another, in {ROUNDS} rounds; OpenSSH, sanssh, sanssh/OpenSSH");
    let arguments = arguments(sshd, sshd.port(), &[]);
    compare("key login and `true`", programs, |program| {
        let Cost { wall, cpu } = timed(program, &arguments, "true", LOGINS / ROUNDS);
        Cost { wall: wall / (LOGINS / ROUNDS) as f64, cpu: cpu / (LOGINS / ROUNDS) as f64 }
    });
}

/// From TCP established to the first byte of `echo x`, with 100 ms each way: in round trips beyond the undelayed time.
/// The line's near end accepts at once, so TCP's own round trip is not in it.
fn latency(sshd: &Sshd, programs: &Programs) {
    const DELAY: Duration = Duration::from_millis(100);
    println!("first byte of `echo x`, 100 ms each way, in round trips above the undelayed time");
    let slow = Proxy::start(sshd.address(), Line { delay: DELAY, ..Line::default() }).expect("a slow line");
    let fast = Proxy::start(sshd.address(), Line::default()).expect("a plain line");
    for (name, program) in programs {
        let first = |port: u16| first_byte(program, &arguments(sshd, port, &[]));
        let pairs: Vec<f64> =
            (0..ROUNDS).map(|_| (first(slow.port()) - first(fast.port())) / (2.0 * DELAY.as_secs_f64())).collect();
        println!("{name:<36} {:.2}", median(pairs));
    }
}

fn first_byte(program: &Path, arguments: &[String]) -> f64 {
    let started = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .arg("echo x")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut byte = [0];
    child.stdout.take().expect("its output").read_exact(&mut byte).expect("its first byte");
    let taken = started.elapsed().as_secs_f64();
    assert!(child.wait().is_ok_and(|status| status.success()));
    taken
}
