//! The world as it is: this process's user, files and shell.

use super::error::Why;
use super::world::{LONGEST, Trust, World};
use crate::glob::{self, Here};
use core::net::IpAddr;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::unistd::{User, gethostname, getuid};
use rustix::fs::OFlags;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// This process's world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Local;

impl World for Local {
    fn read(&mut self, file: &Path, trust: Trust) -> Result<Option<Vec<u8>>, Why> {
        // Opening a pipe or a device must not wait for anybody.
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let open = match OpenOptions::new().read(true).custom_flags(flags).open(file) {
            Ok(open) => open,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let meta = open.metadata()?;
        if trust == Trust::Owner && !is_own(&meta) {
            return Err(Why::Exposed);
        }
        if meta.file_type().is_fifo() && trust == Trust::Anybody {
            // What a shell gives as a file, `<(command)`, is one.
            return contents(File::open(file)?).map(Some);
        }
        if !meta.is_file() {
            return if file == Path::new("/dev/null") { Ok(Some(Vec::new())) } else { Err(Why::NotAFile) };
        }
        contents(open).map(Some)
    }

    fn expand(&mut self, pattern: &Path) -> Vec<PathBuf> {
        let found = glob::expand(&mut Here, pattern.as_os_str().as_bytes());
        found.into_iter().map(|path| PathBuf::from(std::ffi::OsString::from_vec(path))).collect()
    }

    fn run(&mut self, command: &str) -> Result<bool, Why> {
        let shell = std::env::var_os("SHELL").filter(|shell| !shell.is_empty()).unwrap_or_else(|| "/bin/sh".into());
        let mut shell = Command::new(shell);
        let status = shell.arg("-c").arg(command).stdin(Stdio::null()).stdout(Stdio::null()).status()?;
        let killed = || io::Error::other(format!("the command \"{}\" was killed", command.escape_debug()));
        Ok(status.code().ok_or_else(killed)? == 0)
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn home(&self, user: Option<&str>) -> Option<String> {
        let home = match user {
            None => std::env::home_dir().filter(|home| !home.as_os_str().is_empty()),
            Some(name) => User::from_name(name).ok().flatten().map(|user| user.dir),
        };
        home?.into_os_string().into_string().ok()
    }

    fn user(&self) -> String {
        User::from_uid(getuid()).ok().flatten().map(|user| user.name).unwrap_or_default()
    }

    fn uid(&self) -> u32 {
        getuid().as_raw()
    }

    fn host(&self) -> String {
        gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default()
    }

    fn addresses(&self) -> Vec<IpAddr> {
        let up = getifaddrs().into_iter().flatten().filter(|one| one.flags.contains(InterfaceFlags::IFF_UP));
        let address = |one: nix::ifaddrs::InterfaceAddress| {
            let address = one.address?;
            let v4 = address.as_sockaddr_in().map(|it| IpAddr::V4(it.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|it| IpAddr::V6(it.ip())))
        };
        up.filter_map(address).collect()
    }
}

/// Whether nobody but the user and root can have written a file.
fn is_own(meta: &fs::Metadata) -> bool {
    let own = getuid().as_raw();
    (meta.uid() == 0 || meta.uid() == own) && meta.mode() & 0o022 == 0
}

fn contents(file: File) -> Result<Vec<u8>, Why> {
    let mut text = Vec::new();
    file.take(LONGEST as u64 + 1).read_to_end(&mut text)?;
    if text.len() > LONGEST { Err(Why::TooLarge) } else { Ok(text) }
}
