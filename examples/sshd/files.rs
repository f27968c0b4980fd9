//! Files that this program serves itself: what a session gets instead of a process, from which directory, and whether for
//! reading alone.

use crate::House;
use sanssh_core::scp::command::Command;
use sanssh_std::{Directory, Error, Session, Share, Start};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The command that stands for the server in this program, as sshd_config(5) has it.
pub(crate) const INTERNAL: &str = "internal-sftp";

/// How files are served.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// Sessions get these files and nothing else; without it, files are those of the system.
    pub(crate) root: Option<PathBuf>,
    pub(crate) read_only: bool,
}

impl Files {
    /// Where sessions get nothing but files, a subsystem for reading alone means all of them: neither by the server's name as
    /// a command nor by scp does a client get more.
    pub(crate) fn confine(&mut self, subsystems: &[(String, String)]) {
        let reads = |command: &str| matches!(flags(command.as_bytes()), Some(Ok(flags)) if flags.read_only);
        self.read_only |= self.root.is_some() && subsystems.iter().any(|(_, command)| reads(command));
    }
}

/// What a session is given.
pub(crate) enum Given<'a> {
    /// Files, from where and with more or less rights.
    Files(Flags<'a>),
    /// Files by scp's old protocol; the client's command.
    Scp(&'a [u8]),
    /// A process with this command, or a shell.
    Process(Option<&'a [u8]>),
    /// Nothing; why not.
    Nothing(&'static str),
}

/// What may follow the server's name: `-R` for reading alone, `-d DIRECTORY` to begin there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags<'a> {
    read_only: bool,
    start: Option<&'a [u8]>,
}

/// What a session is given for what it wants, or for what its key or this server runs instead.
pub(crate) fn given<'a>(session: &'a Session, house: &'a House) -> Given<'a> {
    let command = match session.start() {
        Start::Shell => None,
        Start::Exec(command) => Some(&command[..]),
        Start::Subsystem(name) => {
            let known = house.subsystems.iter().find(|(known, _)| known == name);
            Some(known.map_or(&b"false"[..], |(_, command)| command.as_bytes()))
        }
    };
    match command.map(|command| (command, flags(command))) {
        Some((_, Some(Ok(flags)))) => Given::Files(flags),
        Some((_, Some(Err(why)))) => Given::Nothing(why),
        Some((command, None)) if house.files.root.is_some() && is_scp(command) => Given::Scp(command),
        _ if house.files.root.is_some() => Given::Nothing("this server has files alone"),
        command => Given::Process(command.map(|(command, _)| command)),
    }
}

/// The flags of the server in this program, if that is the command.
fn flags(command: &[u8]) -> Option<Result<Flags<'_>, &'static str>> {
    let mut words = command.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.next().filter(|word| *word == INTERNAL.as_bytes())?;
    let mut flags = Flags::default();
    while let Some(word) = words.next() {
        match word {
            b"-R" => flags.read_only = true,
            b"-d" => flags.start = words.next(),
            _ => return Some(Err("internal-sftp has only the flags -R and -d DIRECTORY here")),
        }
    }
    Some(Ok(flags))
}

/// Whether that is what clients run for scp's old protocol, and nothing that a shell would do more with.
fn is_scp(command: &[u8]) -> bool {
    Command::read(command, &mut vec![0; command.len()]).is_ok()
}

/// Serves files by scp's old protocol until the session is over.
pub(crate) fn serve_scp(session: &Session, house: &House, line: &[u8]) {
    let mut memory = vec![0; line.len()];
    let (Some(directory), Ok(command)) =
        (directory(session, house, &Flags::default()), Command::read(line, &mut memory))
    else {
        return;
    };
    log(directory.serve_scp(session, &command));
}

/// Serves files until the session is over.
pub(crate) fn serve(session: &Session, house: &House, flags: &Flags<'_>) {
    if let Some(directory) = directory(session, house, flags) {
        log(directory.serve_sftp(session));
    }
}

/// What is served; without it the session is told why, and over.
fn directory(session: &Session, house: &House, flags: &Flags<'_>) -> Option<Directory> {
    let Files { root, read_only } = &house.files;
    let (root, home) = match root {
        Some(root) => (&**root, &b"/"[..]),
        None => (Path::new("/"), house.user.home.as_os_str().as_bytes()),
    };
    let home = match flags.start {
        Some(start) if start.starts_with(b"/") => start.to_vec(),
        start => [home, b"/", start.unwrap_or_default()].concat(),
    };
    let share = Share { home, read_only: *read_only || flags.read_only };
    let opened = Directory::open(root, &share);
    opened.map_err(|error| refuse(session, &format!("cannot serve files: {error}"))).ok()
}

/// Tells of clients that broke the protocol. Many end with the connection, and not before it.
fn log(outcome: Result<(), Error>) {
    if let Err(error) = outcome
        && error.kind() == io::ErrorKind::InvalidData
    {
        // Whoever read the log may have left.
        let _ = writeln!(io::stderr(), "sshd: a client of files was sent away: {error}");
    }
}

/// Ends a session that gets nothing.
pub(crate) fn refuse(session: &Session, why: &str) {
    // Whoever is refused may have left.
    let _ = writeln!(session.stderr(), "{why}");
    let _ = session.exit(1);
}

#[cfg(test)]
mod tests {
    use super::{Files, Flags, flags, is_scp};

    #[test]
    fn the_server_in_this_program_and_its_flags() {
        let found = |read_only, start| Some(Ok(Flags { read_only, start }));
        assert_eq!(flags(b"internal-sftp"), found(false, None));
        assert_eq!(flags(b" internal-sftp  -R -d /some/where"), found(true, Some(&b"/some/where"[..])));
        assert!(matches!(flags(b"internal-sftp -f AUTH"), Some(Err(_))));
        for other in [&b"internal-sftpd"[..], b"/usr/lib/sftp-server", b"", b"echo internal-sftp"] {
            assert_eq!(flags(other), None);
        }
        for (root, command, read_only) in [
            (Some("/srv".into()), "internal-sftp -R", true),
            (Some("/srv".into()), "internal-sftp", false),
            (None, "internal-sftp -R", false),
        ] {
            let mut files = Files { root, read_only: false };
            files.confine(&[("sftp".to_owned(), command.to_owned())]);
            assert_eq!(files.read_only, read_only, "{files:?} {command}");
        }
        assert!(is_scp(b"scp -t 'a b'") && !is_scp(b"scp -t a; id") && !is_scp(b"id"));
    }
}
