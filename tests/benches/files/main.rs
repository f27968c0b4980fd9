//! Files by SFTP: OpenSSH's `sftp`, ours and whoever the environment names, side by side in one run, from and to Debian's
//! sshd: large files, a line of 50 ms, many small files here and far away; and both ends ours against both ends OpenSSH's.
//!
//! Samples alternate and medians are given, since the machine is shared; trust the ratios, and the processor's seconds.
//! `cargo bench -p sanssh-tests --bench files` builds what it needs; `-- large`, `-- far`, `-- small` or `-- served` runs
//! one. `SANSSH_BENCH_MIB` is the size of the large file (1024), `SANSSH_BENCH_ROUNDS` the number of samples (5).

mod contest;
mod cost;

use contest::{Contender, Task, What, everyone};
use core::time::Duration;
use cost::Cost;
use sanssh_tests::bench::{build, median};
use sanssh_tests::delay::{Line, Proxy};
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::openssh::Sshd;
use sanssh_tests::port;
use sanssh_tests::process::Daemon;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use tempfile::TempDir;

/// What large files go through.
const CIPHERS: [&str; 2] = ["aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com"];
/// What small files go through: a cipher that everybody has, for it is round trips that they cost.
const COMMON: &str = "aes128-ctr";
const SMALL_FILES: usize = 1000;
const SMALL: usize = 1024;
/// Half of the round trip of a line that is slow enough to count nothing but round trips, and files that are enough then.
const SMALL_DELAY: Duration = Duration::from_millis(10);
const FAR_FILES: usize = 50;
const FAR_NOTE: &str = ", round trip of 20 ms";
const GIB: f64 = 1073741824.0;
/// Half of the round trip.
const DELAY: Duration = Duration::from_millis(25);

fn main() -> ExitCode {
    if let Some(status) = cost::launched() {
        return status;
    }
    let chosen: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let wanted = |name: &str| chosen.is_empty() || chosen.iter().any(|arg| arg == name);
    let bench = Bench::new();
    if wanted("large") {
        bench.large();
    }
    if wanted("far") {
        bench.far();
    }
    if wanted("small") {
        bench.small();
    }
    if wanted("served") {
        bench.served();
    }
    ExitCode::SUCCESS
}

/// A number from the environment.
fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

/// One line of a table: a client, and the server it talks to.
struct Pairing<'a> {
    name: String,
    client: &'a Contender,
    port: u16,
    /// The server's process.
    server: u32,
}

/// What a sample took: the client, and the server's seconds of processor.
type Sample = (Cost, f64);

/// The files and who moves them.
struct Bench {
    sshd: Sshd,
    directory: TempDir,
    contenders: Vec<Contender>,
    mib: usize,
    rounds: usize,
}

impl Bench {
    fn new() -> Self {
        let memory = ["/dev/shm", "/tmp"].into_iter().find(|path| Path::new(path).is_dir()).expect("a directory");
        Self {
            sshd: Sshd::start(&[]),
            directory: tempfile::tempdir_in(memory).expect("a directory"),
            contenders: everyone(),
            mib: number("SANSSH_BENCH_MIB", 1024),
            rounds: number("SANSSH_BENCH_ROUNDS", 5),
        }
    }

    /// A file of so many MiB that no compression makes smaller.
    fn source(&self) -> PathBuf {
        let path = self.directory.path().join("source");
        if !path.exists() {
            let mut file = fs::File::create(&path).expect("a file");
            let mut word = 1_u64;
            for _ in 0..self.mib << 4 {
                let block: Vec<u8> = (0..1 << 13).flat_map(|_| next(&mut word).to_le_bytes()).collect();
                file.write_all(&block).expect("room for the file");
            }
        }
        path
    }

    /// Everyone, at OpenSSH's server by this port.
    fn everyone(&self, port: u16) -> Vec<Pairing<'_>> {
        let server = self.sshd.id();
        let all = self.contenders.iter();
        all.map(|client| Pairing { name: client.name.clone(), client, port, server }).collect()
    }

    fn large(&self) {
        for cipher in CIPHERS {
            for what in [What::Get, What::Put] {
                self.file(what, cipher, "", &self.everyone(self.sshd.port()));
            }
        }
    }

    /// The line's buffers never fill, and its near end takes all at once: only the delay is in it.
    fn far(&self) {
        let line = Proxy::start(self.sshd.address(), Line { delay: DELAY, ..Line::default() }).expect("a slow line");
        let note = format!(", round trip of {} ms", 2 * DELAY.as_millis());
        self.file(What::Get, CIPHERS[0], &note, &self.everyone(line.port()));
    }

    /// Each end of one with each of the other.
    fn served(&self) {
        let (port, ours) = serve();
        let servers = [("OpenSSH", self.sshd.port(), self.sshd.id()), ("sanssh", port, ours.id())];
        let pairings: Vec<_> = self.contenders[..2]
            .iter()
            .flat_map(|client| {
                servers.map(|(name, port, server)| Pairing {
                    name: format!("{} to {name}", client.name),
                    client,
                    port,
                    server,
                })
            })
            .collect();
        for what in [What::Get, What::Put] {
            self.file(what, CIPHERS[0], "", &pairings);
        }
    }

    /// One large file.
    fn file(&self, what: What, cipher: &'static str, note: &str, pairings: &[Pairing<'_>]) {
        let task = Task { what, cipher, from: self.source(), to: self.directory.path().join("target"), count: 1 };
        println!("\n{} of {} MiB, {cipher}{note}", what.name(), self.mib);
        let bytes = (self.mib << 20) as f64;
        self.side_by_side(&task, pairings, (bytes / 1e6, "MB/s"), (bytes / GIB, "s/GiB"), || {
            check(&task.from, &task.to)
        });
    }

    fn small(&self) {
        let (from, to) = (self.directory.path().join("small"), self.directory.path().join("small-target"));
        fs::create_dir(&from).expect("a directory");
        for at in 0..SMALL_FILES {
            fs::write(from.join(format!("f{at}")), [at.to_le_bytes()[0]; SMALL]).expect("a file");
        }
        let line = Proxy::start(self.sshd.address(), Line { delay: SMALL_DELAY, ..Line::default() });
        let far = line.as_ref().expect("a slow line").port();
        let one_by_one = [What::GetSmall, What::PutSmall];
        let near = one_by_one.into_iter().chain([What::GetTree, What::PutTree]).map(|what| (what, self.sshd.port()));
        for (what, port) in near.chain(one_by_one.map(|what| (what, far))) {
            let (count, note) = if port == far { (FAR_FILES, FAR_NOTE) } else { (SMALL_FILES, "") };
            let task = Task { what, cipher: COMMON, from: from.clone(), to: to.clone(), count };
            println!("\n{} of {count} files of {SMALL} bytes{note}", what.name());
            let pairings = self.everyone(port);
            self.side_by_side(&task, &pairings, (count as f64, "files/s"), (1.0, "s"), || {
                for name in (0..count).map(|at| format!("f{at}")) {
                    check(&from.join(&name), &to.join(&name));
                }
                fs::remove_dir(&to).expect("nothing is left");
            });
        }
    }

    /// Takes samples in turn and prints medians, and the medians of the ratios to the first within each round. `rate`
    /// and `work` are what a run moves, in the units that speed and processor time are told by.
    fn side_by_side(
        &self,
        task: &Task,
        pairings: &[Pairing<'_>],
        rate: (f64, &str),
        work: (f64, &str),
        check: impl Fn(),
    ) {
        let mut rounds: Vec<Vec<Option<Sample>>> = Vec::new();
        for _ in 0..self.rounds {
            rounds.push(pairings.iter().map(|pairing| sample(task, pairing, &check)).collect());
        }
        println!(
            "{:<20} {:>8} {:>7} {:>12} {:>7} {:>14} {:>9}",
            "",
            rate.1,
            "ratio",
            format!("CPU {}", work.1),
            "ratio",
            format!("server {}", work.1),
            "peak MiB"
        );
        for (at, pairing) in pairings.iter().enumerate() {
            if rounds[0][at].is_none() {
                println!("{:<20} cannot do this", pairing.name);
                continue;
            }
            let of = |pick: &dyn Fn(&Sample, &Sample) -> f64| {
                median(rounds.iter().filter_map(|round| Some(pick(&round[at]?, &round[0]?))))
            };
            println!(
                "{:<20} {:>8.0} {:>7.2} {:>12.3} {:>7.2} {:>14.3} {:>9.1}",
                pairing.name,
                rate.0 / of(&|own, _| own.0.wall),
                of(&|own, first| first.0.wall / own.0.wall),
                of(&|own, _| own.0.cpu) / work.0,
                of(&|own, first| own.0.cpu / first.0.cpu),
                of(&|own, _| own.1) / work.0,
                of(&|own, _| own.0.peak),
            );
        }
    }
}

fn sample(task: &Task, pairing: &Pairing<'_>, check: &impl Fn()) -> Option<Sample> {
    if matches!(task.what, What::GetSmall | What::PutSmall) {
        fs::create_dir_all(&task.to).expect("a directory");
    }
    let before = cost::server(pairing.server);
    let taken = pairing.client.run(task, pairing.port)?;
    let server = cost::server(pairing.server) - before;
    check();
    Some((taken, server))
}

/// That a file is what it should be; it goes away.
fn check(from: &Path, to: &Path) {
    let [mut from, mut made] = [from, to].map(|path| BufReader::new(fs::File::open(path).expect("a file")));
    loop {
        let (left, right) = (from.fill_buf().expect("bytes"), made.fill_buf().expect("bytes"));
        let n = left.len().min(right.len());
        assert!(left[..n] == right[..n] && left.is_empty() == right.is_empty(), "{} differs", to.display());
        if n == 0 {
            break;
        }
        from.consume(n);
        made.consume(n);
    }
    fs::remove_file(to).expect("the file that was made");
}

/// The next of a row of numbers without pattern.
const fn next(word: &mut u64) -> u64 {
    *word ^= *word << 13;
    *word ^= *word >> 7;
    *word ^= *word << 17;
    *word
}

/// Our server, and its port.
fn serve() -> (u16, Daemon) {
    let port = port::free();
    let authorized = Keys::shared().client(Kind::Ed25519).with_extension("pub");
    let mut command = Command::new(build("sanssh-examples", "--bin", "sshd"));
    command.args(["-p", &port.to_string(), "-h"]).arg(Keys::shared().host(Kind::Ed25519));
    let daemon = Daemon::spawn(command.arg("-o").arg(format!("AuthorizedKeysFile={}", authorized.display())));
    let daemon = daemon.expect("our server");
    assert!(daemon.says("listening on"), "our server did not start");
    (port, daemon)
}
