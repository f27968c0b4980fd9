//! The user's X11 display: where its name leads (X(7)), and the cookie that it wants to be shown, which xauth(1) knows, or
//! makes for programs that are not to have all rights.

use crate::relay::Endpoint;
use crate::trace::Trace;
use crate::{Error, escape};
use core::time::Duration;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sanssh_core::Random;
use sanssh_core::forward::x11::{COOKIE, PROTOCOL};
use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use zeroize::Zeroizing;

/// The port of the first display.
pub(crate) const FIRST_PORT: u16 = 6000;
/// How long xauth may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much longer a cookie lasts than new programs may come by it, so that the last ones find it good.
const SLACK: Duration = Duration::from_secs(60);
/// What is read of xauth's answer.
const MOST_OUTPUT: usize = 64 * 1024;

/// A display, and its cookie.
#[derive(Clone)]
pub struct Display {
    place: Endpoint,
    screen: u32,
    cookie: Zeroizing<[u8; COOKIE]>,
    /// Until when new programs may come.
    until: Option<Instant>,
}

/// What programs may do that show windows on a display.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Everything: **they can see all windows, and type into them.**
    Full,
    /// Only what harms no other program, by the display's SECURITY extension. New ones may come for so long; zero: for as
    /// long as the display lets them.
    Restricted(Duration),
}

impl Display {
    /// The display of this name, as `DISPLAY` has it, shown this cookie: a Unix socket for `:N` and `unix:N`, a port for
    /// `host:N`, and what begins with a slash is the socket itself.
    ///
    /// # Errors
    /// [`Error::Display`] if there is no such name.
    pub fn new(name: &str, cookie: [u8; COOKIE]) -> Result<Self, Error> {
        let (place, screen) = read(name).ok_or_else(|| wrong(name, "not the name of a display"))?;
        Ok(Self { place, screen, cookie: Zeroizing::new(cookie), until: None })
    }

    /// The display of this name with the cookie that this xauth(1) gives. A trusted one without any is shown a random one:
    /// there are displays that want none.
    ///
    /// # Errors
    /// [`Error::Display`] if there is no such name, or no cookie is made.
    pub fn find(name: &str, xauth: &Path, trust: Trust) -> Result<Self, Error> {
        let mut display = Self::new(name, Random::new(&crate::seed()?).array())?;
        // As the entries of this machine are called.
        let entry = name.strip_prefix("localhost:").map_or_else(|| name.to_owned(), |rest| format!("unix:{rest}"));
        let failed = |error: io::Error| wrong(name, &format!("{}: {error}", xauth.display()));
        match trust {
            Trust::Full => {
                let said = run(Command::new(xauth).args(["list", &entry])).map_err(failed)?;
                if let Some(cookie) = cookie(&said) {
                    display.cookie = cookie;
                }
            }
            Trust::Restricted(span) => {
                let begin = Instant::now();
                let directory = Trace::directory().map_err(failed)?;
                let said = generate(xauth, &directory.path().join("cookies"), &entry, span).map_err(failed)?;
                display.cookie =
                    cookie(&said).ok_or_else(|| wrong(name, "xauth makes no cookie without all rights"))?;
                display.until = if span.is_zero() { None } else { begin.checked_add(span) };
            }
        }
        Ok(display)
    }

    /// The screen that programs use if they say nothing else.
    pub const fn screen(&self) -> u32 {
        self.screen
    }

    pub(crate) const fn place(&self) -> &Endpoint {
        &self.place
    }

    pub(crate) fn cookie(&self) -> &[u8; COOKIE] {
        &self.cookie
    }

    /// Whether it is the same display with the same rights.
    pub(crate) fn leads_as(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq;
        self.place == other.place && bool::from(self.cookie.ct_eq(&*other.cookie))
    }

    /// Whether new programs may come.
    pub(crate) fn is_open(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
    }
}

impl core::fmt::Debug for Display {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Display").field("place", &self.place).field("screen", &self.screen).finish_non_exhaustive()
    }
}

fn wrong(name: &str, why: &str) -> Error {
    Error::Display { name: escape(name.as_bytes(), false), why: why.to_owned() }
}

/// Where a name leads, and the screen.
fn read(name: &str) -> Option<(Endpoint, u32)> {
    let lawful = |byte: u8| byte.is_ascii_alphanumeric() || b":/.-_".contains(&byte);
    // xauth gets it as an argument.
    if name.starts_with('-') || !name.bytes().all(lawful) {
        return None;
    }
    let (host, numbers) = name.rsplit_once(':')?;
    let (number, screen) = numbers.split_once('.').unwrap_or((numbers, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(number) || !digits(screen) {
        return None;
    }
    let (number, screen) = (number.parse::<u16>().ok()?, screen.parse().ok()?);
    let place = match host {
        "" | "unix" => Endpoint::Unix(PathBuf::from(format!("/tmp/.X11-unix/X{number}"))),
        _ if host.starts_with('/') => Endpoint::Unix(PathBuf::from(name)),
        _ => Endpoint::Tcp { host: host.to_owned(), port: FIRST_PORT.checked_add(number)? },
    };
    Some((place, screen))
}

/// Has a cookie made that gives few rights, and reads it.
fn generate(xauth: &Path, file: &Path, entry: &str, span: Duration) -> io::Result<Zeroizing<Vec<u8>>> {
    let protocol = str::from_utf8(PROTOCOL).unwrap_or_default();
    let mut command = Command::new(xauth);
    command.arg("-f").arg(file).args(["generate", entry, protocol, "untrusted"]);
    if !span.is_zero() {
        command.arg("timeout").arg(span.saturating_add(SLACK).as_secs().to_string());
    }
    run(&mut command)?;
    run(Command::new(xauth).arg("-f").arg(file).args([OsStr::new("list"), OsStr::new(entry)]))
}

/// Runs xauth, without a shell and for a bounded time; what it says.
fn run(command: &mut Command) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut said = Zeroizing::new(Vec::new());
    let end = Instant::now() + PATIENCE;
    let mut outcome = Ok(());
    if let Some(mut output) = child.stdout.take() {
        outcome = loop {
            let span = Timespec::try_from(end.saturating_duration_since(Instant::now())).ok();
            match poll(&mut [PollFd::new(&output, PollFlags::IN)], span.as_ref()) {
                Ok(0) => break Err(io::ErrorKind::TimedOut.into()),
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => break Err(error.into()),
            }
            match fill(&mut output, &mut said) {
                Ok(0) => break Ok(()),
                Ok(_) if said.len() > MOST_OUTPUT => break Err(io::ErrorKind::FileTooLarge.into()),
                Ok(_) => {}
                Err(error) => break Err(error),
            }
        };
    }
    if outcome.is_err() {
        // It may have ended by itself.
        let _ = child.kill();
    }
    child.wait()?;
    outcome.map(|()| said)
}

fn fill(output: &mut impl Read, said: &mut Vec<u8>) -> io::Result<usize> {
    let mut chunk = Zeroizing::new([0; 1024]);
    let n = output.read(&mut *chunk)?;
    said.extend_from_slice(&chunk[..n]);
    Ok(n)
}

/// The first cookie of the protocol that is forwarded, of lines of entry, protocol and cookie.
fn cookie(said: &[u8]) -> Option<Zeroizing<[u8; COOKIE]>> {
    let lines = said.split(|byte| *byte == b'\n');
    lines.filter_map(|line| str::from_utf8(line).ok()).find_map(|line| {
        let [_, protocol, digits] = line.split_ascii_whitespace().collect::<Vec<_>>()[..] else { return None };
        (protocol.as_bytes() == PROTOCOL).then(|| unhex(digits)).flatten()
    })
}

fn unhex(digits: &str) -> Option<Zeroizing<[u8; COOKIE]>> {
    let mut cookie = Zeroizing::new([0; COOKIE]);
    if digits.len() != 2 * COOKIE || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in cookie.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(cookie)
}

#[cfg(test)]
mod tests {
    use super::{Display, Trust, cookie, read, run};
    use crate::Endpoint;
    use core::time::Duration;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    #[test]
    fn names_lead_to_sockets_and_ports() {
        let unix = |path: &str| Endpoint::Unix(PathBuf::from(path));
        for (name, place, screen) in [
            (":0", unix("/tmp/.X11-unix/X0"), 0),
            ("unix:12.3", unix("/tmp/.X11-unix/X12"), 3),
            ("localhost:10.0", Endpoint::from(("localhost", 6010)), 0),
            ("host.example:1", Endpoint::from(("host.example", 6001)), 0),
            ("/tmp/launch/org.x:0", unix("/tmp/launch/org.x:0"), 0),
        ] {
            assert_eq!(read(name), Some((place, screen)), "{name}");
        }
        for name in ["", "0", ":", ":x", ":+1", ":0.", ":0.x", ":70000", "h:60000", "-f:0", "h;id:0", "$(id):0", "h :0"]
        {
            assert_eq!(read(name), None, "{name}");
        }
    }

    #[test]
    fn cookies_are_read_from_lists() {
        let digits = "000102030405060708090a0b0c0D0E0F";
        let said = format!("host/unix:0  XDM-AUTHORIZATION-1  aa\nhost/unix:0  MIT-MAGIC-COOKIE-1  {digits}\n");
        let found = cookie(said.as_bytes()).unwrap();
        assert!(found.iter().enumerate().all(|(at, byte)| usize::from(*byte) == at));
        for digits in ["", "00", &"0".repeat(31), &"0".repeat(33), &"x".repeat(32), &"+0".repeat(16)] {
            assert!(cookie(format!("host:0 MIT-MAGIC-COOKIE-1 {digits}").as_bytes()).is_none(), "{digits}");
        }
    }

    #[test]
    fn without_xauth_nothing_is_shown() {
        for trust in [Trust::Full, Trust::Restricted(Duration::ZERO)] {
            let error = Display::find(":0", Path::new("/sanssh-no-such-program"), trust).unwrap_err();
            assert!(error.to_string().contains("/sanssh-no-such-program"), "{error}");
        }
        // It says nothing, which is no cookie.
        assert!(Display::find(":0", Path::new("/bin/true"), Trust::Restricted(Duration::ZERO)).is_err());
        assert!(Display::find(":0", Path::new("/bin/true"), Trust::Full).is_ok());
    }

    #[test]
    fn what_a_program_says_is_bounded() {
        assert_eq!(run(Command::new("sh").args(["-c", "echo word"])).unwrap().as_slice(), b"word\n");
        assert!(run(Command::new("sh").args(["-c", "exec cat /dev/zero"])).is_err());
    }

    #[test]
    fn debug_shows_no_cookie() {
        assert!(!format!("{:?}", Display::new(":0", [77; 16])).contains("77"));
    }
}
