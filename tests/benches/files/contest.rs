//! Who moves the files: OpenSSH's `sftp` and ours by a batch, and any program that follows the protocol of
//! `benches/contender.rs`, which is ours and those that the environment names.

use crate::cost::{self, Cost};
use sanssh_tests::bench::{build, contenders};
use sanssh_tests::keys::{Keys, Kind};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::NamedTempFile;

/// What has to be done.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) what: What,
    /// The one cipher to offer.
    pub(crate) cipher: &'static str,
    /// A file, or the directory of many.
    pub(crate) from: PathBuf,
    /// What it becomes.
    pub(crate) to: PathBuf,
    /// How many files.
    pub(crate) count: usize,
}

impl Task {
    /// The client's side, and the server's.
    const fn sides(&self) -> (&PathBuf, &PathBuf) {
        match self.what {
            What::Get | What::GetSmall | What::GetTree => (&self.to, &self.from),
            What::Put | What::PutSmall | What::PutTree => (&self.from, &self.to),
        }
    }
}

/// In which direction, and how many: one file, many that are named one by one, or a directory with all that is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Get,
    Put,
    GetSmall,
    PutSmall,
    GetTree,
    PutTree,
}

impl What {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Put => "put",
            Self::GetSmall => "smallget",
            Self::PutSmall => "smallput",
            Self::GetTree => "treeget",
            Self::PutTree => "treeput",
        }
    }
}

/// A program that takes part.
#[derive(Debug, Clone)]
pub(crate) struct Contender {
    pub(crate) name: String,
    program: Program,
}

#[derive(Debug, Clone)]
enum Program {
    /// With the flags of OpenSSH's `sftp`.
    Batch(PathBuf),
    /// With those of `benches/contender.rs`.
    Flags(Vec<String>),
}

/// OpenSSH first, then ours, then the others.
pub(crate) fn everyone() -> Vec<Contender> {
    let batch = |name: &str, program| Contender { name: name.into(), program: Program::Batch(program) };
    let flags = |name: &str, words| Contender { name: name.into(), program: Program::Flags(words) };
    let ours = build("sanssh-tests", "--example", "contender").display().to_string();
    let mut all = vec![batch("OpenSSH", PathBuf::from("sftp")), flags("sanssh", vec![ours])];
    all.extend(contenders().into_iter().map(|(name, words)| flags(&name, words)));
    all
}

impl Contender {
    /// Does the task once, at the server on this port; `None` if the program has no such cipher.
    pub(crate) fn run(&self, task: &Task, port: u16) -> Option<Cost> {
        match &self.program {
            Program::Batch(program) => {
                let whole = batch(program, task.cipher, port, &lines(task));
                // The login is not what is compared.
                let login = batch(program, task.cipher, port, "pwd\n");
                Some(Cost { wall: whole.wall - login.wall, ..whole })
            }
            Program::Flags(words) => cost::run(&flags(words, task, port)),
        }
    }
}

/// The task as commands of `sftp`.
fn lines(task: &Task) -> String {
    let (local, remote) = task.sides();
    let (local, remote) = (local.display(), remote.display());
    match task.what {
        What::Get => format!("get {remote} {local}\n"),
        What::Put => format!("put {local} {remote}\n"),
        What::GetTree => format!("get -r {remote} {local}\n"),
        What::PutTree => format!("put -r {local} {remote}\n"),
        What::GetSmall => (0..task.count).map(|at| format!("get {remote}/f{at} {local}/f{at}\n")).collect(),
        What::PutSmall => (0..task.count).map(|at| format!("put {local}/f{at} {remote}/f{at}\n")).collect(),
    }
}

fn batch(program: &Path, cipher: &str, port: u16, lines: &str) -> Cost {
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(lines.as_bytes()).expect("a batch");
    let mut command = Command::new(program);
    command.args(["-q", "-F", "none", "-i"]).arg(Keys::shared().client(Kind::Ed25519));
    for option in
        ["IdentitiesOnly=yes", "IdentityAgent=none", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"]
    {
        command.args(["-o", option]);
    }
    command.args(["-c", cipher, "-P", &port.to_string(), "-b"]).arg(file.path()).arg("127.0.0.1");
    cost::run(&command).expect("a cipher that both ends have")
}

fn flags(words: &[String], task: &Task, port: u16) -> Command {
    let (local, remote) = task.sides();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args([task.what.name(), "--host", "127.0.0.1", "--cipher", task.cipher]);
    command.args(["--port", &port.to_string(), "--count", &task.count.to_string()]);
    command.args(["--user", &std::env::var("USER").unwrap_or_else(|_| "root".into()), "--key"]);
    command.arg(Keys::shared().client(Kind::Ed25519)).arg("--local").arg(local).arg("--remote").arg(remote);
    command
}
