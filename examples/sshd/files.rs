//! Files that this program serves itself: what a session gets instead of a process, from which directory, and whether for
//! reading alone.

use crate::House;
use sanssh_std::{Directory, Session, Share, Start};
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

/// What a session is given.
pub(crate) enum Given<'a> {
    /// Files, from where and with more or less rights.
    Files(Flags<'a>),
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

/// Serves files until the session is over.
pub(crate) fn serve(session: &Session, house: &House, flags: &Flags<'_>) {
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
    let directory = match Directory::open(root, &share) {
        Ok(directory) => directory,
        Err(error) => return refuse(session, &format!("cannot serve files: {error}")),
    };
    match directory.serve_sftp(session) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            // Whoever read the log may have left.
            let _ = writeln!(io::stderr(), "sshd: a client of files was sent away: {error}");
        }
        // Many clients end with the connection, and not before it.
        Ok(()) | Err(_) => {}
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
    use super::{Flags, flags};

    #[test]
    fn the_server_in_this_program_and_its_flags() {
        let found = |read_only, start| Some(Ok(Flags { read_only, start }));
        assert_eq!(flags(b"internal-sftp"), found(false, None));
        assert_eq!(flags(b" internal-sftp  -R -d /some/where"), found(true, Some(&b"/some/where"[..])));
        assert!(matches!(flags(b"internal-sftp -f AUTH"), Some(Err(_))));
        for other in [&b"internal-sftpd"[..], b"/usr/lib/sftp-server", b"", b"echo internal-sftp"] {
            assert_eq!(flags(other), None);
        }
    }
}
