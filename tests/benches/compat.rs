//! The documented API of libssh2 beside libssh2 itself, in one run, at Debian's sshd: files by SFTP and SCP and a command's
//! output, in seconds of processor and of the clock; a login, and a command on a session that is open.
//!
//! `SANSSH_CONTENDERS="libssh2=PROGRAM"` names the other: a program on libssh2 that takes the command line of
//! `benches/contender.rs`, with `get`, `put`, `scp-get`, `scp-put`, `cat-get`, `exec` and `handshake`; `--count 0` with
//! `exec` logs in and does nothing. Samples alternate, and medians are given with the medians of the ratios.
//! `cargo bench -p sanssh-tests --bench compat`; `-- files` or `-- logins` runs one part. `SANSSH_BENCH_MIB` is the size of
//! the file (1024), `SANSSH_BENCH_ROUNDS` the number of samples (5).

#[path = "files/cost.rs"]
mod cost;

use sanssh_tests::bench::{Cost, build, contenders, median, side_by_side};
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::openssh::Sshd;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, ExitCode};
use tempfile::TempDir;

const CIPHERS: [&str; 2] = ["aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com"];
const LOGINS: usize = 20;
const COMMANDS: usize = 300;

fn main() -> ExitCode {
    if let Some(status) = cost::launched() {
        return status;
    }
    let chosen: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let wanted = |name: &str| chosen.is_empty() || chosen.iter().any(|arg| arg == name);
    let [(name, words), ..] = &contenders()[..] else {
        eprintln!("SANSSH_CONTENDERS names nobody to be compared with");
        return ExitCode::FAILURE;
    };
    let ours = vec![build("sanssh-tests", "--example", "compat_contender").display().to_string()];
    println!("{name} first, sanssh-compat second; the ratio is the second's share of the first's");
    let bench = Bench::new([words.clone(), ours]);
    if wanted("files") {
        bench.files();
    }
    if wanted("logins") {
        bench.logins();
    }
    ExitCode::SUCCESS
}

/// The server, the files, and both programs.
struct Bench {
    sshd: Sshd,
    directory: TempDir,
    programs: [Vec<String>; 2],
    rounds: usize,
}

/// A number from the environment.
fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

impl Bench {
    fn new(programs: [Vec<String>; 2]) -> Self {
        let memory = ["/dev/shm", "/tmp"].into_iter().find(|path| Path::new(path).is_dir()).expect("a directory");
        Self {
            sshd: Sshd::start(&[]),
            directory: tempfile::tempdir_in(memory).expect("a directory"),
            programs,
            rounds: number("SANSSH_BENCH_ROUNDS", 5),
        }
    }

    fn files(&self) {
        let mib = number("SANSSH_BENCH_MIB", 1024);
        let (from, to) = (self.directory.path().join("source"), self.directory.path().join("target"));
        let mut random = File::open("/dev/urandom").expect("noise").take((mib as u64) << 20);
        io::copy(&mut random, &mut File::create(&from).expect("a file")).expect("room for the file");
        for cipher in CIPHERS {
            for what in ["get", "put", "scp-get", "scp-put", "cat-get"] {
                let (local, remote) = if what.ends_with("put") { (&from, &to) } else { (&to, &from) };
                let rounds = self.rounds(|words| {
                    let mut command = self.command(words, what, cipher, 1);
                    let taken = self.run(command.arg("--local").arg(local).arg("--remote").arg(remote));
                    let same = Command::new("cmp").arg(&from).arg(&to).status();
                    assert!(same.is_ok_and(|status| status.success()), "{words:?} {what}: the files differ");
                    std::fs::remove_file(&to).expect("the file that was made");
                    taken
                });
                side_by_side(&format!("{what}, {mib} MiB, {cipher}"), &rounds);
            }
        }
    }

    /// A login alone, and a login with a command, in CPU time of one; then a command on a session that is open.
    fn logins(&self) {
        let cipher = CIPHERS[0];
        let logins = self.rounds(|words| self.share(words, "handshake", cipher, LOGINS));
        let commands = self.rounds(|words| self.share(words, "exec", cipher, COMMANDS));
        let both: Vec<[Cost; 2]> =
            logins.iter().zip(&commands).map(|(login, command)| [0, 1].map(|at| sum(login[at], command[at]))).collect();
        side_by_side("connect, login by key, exec, close", &both);
        side_by_side("exec on an open session", &commands);
        let cpu = |at: usize| median(commands.iter().map(|round| round[at].cpu * 1e3));
        println!("exec on an open session: {:.3} and {:.3} ms of processor", cpu(0), cpu(1));
    }

    fn rounds(&self, one: impl Fn(&[String]) -> Cost) -> Vec<[Cost; 2]> {
        (0..self.rounds).map(|_| [0, 1].map(|at| one(&self.programs[at]))).collect()
    }

    /// One of many, without what the program needs to begin.
    fn share(&self, words: &[String], what: &str, cipher: &str, count: usize) -> Cost {
        let many = self.run(&self.command(words, what, cipher, count));
        let none = self.run(&self.command(words, what, cipher, 0));
        let of = |many: f64, none: f64| (many - none) / count as f64;
        Cost { wall: of(many.wall, none.wall), cpu: of(many.cpu, none.cpu) }
    }

    fn command(&self, words: &[String], what: &str, cipher: &str, count: usize) -> Command {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args([what, "--host", "127.0.0.1", "--cipher", cipher]);
        command.args(["--port", &self.sshd.port().to_string(), "--count", &count.to_string()]);
        command.args(["--user", self.sshd.user(), "--key"]).arg(Keys::shared().client(Kind::Ed25519));
        command
    }

    fn run(&self, command: &Command) -> Cost {
        let taken = cost::run(command).expect("a program that can do this");
        // Whoever comes next has the machine to itself.
        cost::server(self.sshd.id());
        Cost { wall: taken.wall, cpu: taken.cpu }
    }
}

fn sum(one: Cost, other: Cost) -> Cost {
    Cost { wall: one.wall + other.wall, cpu: one.cpu + other.cpu }
}
