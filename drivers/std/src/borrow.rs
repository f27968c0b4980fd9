//! What a session of a server borrows from its client: the agent, by a Unix socket of its own (RFC 9987 §6), and the display,
//! by a port of this machine (RFC 4254 §6.3). Permissions and the handler decide; what is granted goes with the session.

use crate::display::FIRST_PORT;
use crate::handler::{Handler, Wish};
use crate::relay::{Leads, Listener};
use crate::serve::Conversation;
use crate::trace::Trace;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use sanssh_core::channel::Request;
use sanssh_core::event::ChannelRequest;
use sanssh_core::wire::connection::X11Req;
use sanssh_core::{Ask, ChannelId};
use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Displays that are tried.
const MOST_DISPLAYS: u16 = 1000;
/// The longest name of an authentication protocol, and the longest cookie, in digits.
const LONGEST: usize = 256;

/// What a client lends to a session.
#[derive(Debug)]
pub(crate) enum Loan {
    /// Its agent; whether by the standard's name.
    Agent(bool),
    /// Its display.
    Display(Wanted),
}

/// A display as a client describes it.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Only one connection may come.
    single: bool,
    protocol: String,
    cookie: Zeroizing<String>,
    screen: u32,
}

/// What a session has borrowed, for its programs to find.
#[derive(Debug, Clone)]
pub(crate) struct Borrowed {
    /// What was asked for; each is asked for once.
    asked: (bool, bool),
    pub(crate) agent: Option<PathBuf>,
    pub(crate) display: Option<BorrowedDisplay>,
}

/// A display of a client's, as programs of its session find it.
#[derive(Clone)]
pub struct BorrowedDisplay {
    /// Its number, to which 6000 is added for the port.
    pub number: u16,
    /// The screen that programs use if they say nothing else.
    pub screen: u32,
    /// The authentication protocol: letters, digits and `-`.
    pub protocol: String,
    /// The cookie that programs have to show: hexadecimal digits.
    pub cookie: Zeroizing<String>,
}

impl BorrowedDisplay {
    /// The value of `DISPLAY`.
    pub fn name(&self) -> String {
        format!("localhost:{}.{}", self.number, self.screen)
    }

    /// What xauth(1) calls it; the protocol and the cookie go with it.
    pub fn entry(&self) -> String {
        format!("unix:{}.{}", self.number, self.screen)
    }
}

impl core::fmt::Debug for BorrowedDisplay {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("BorrowedDisplay").field(&self.name()).finish()
    }
}

impl Loan {
    /// What is asked for; `None` if it is no loan, or none that is well formed: protocol and cookie become words of a
    /// command.
    pub(crate) fn read(what: Request<'_>) -> Option<Self> {
        let Request::X11(X11Req { single_connection: single, protocol, cookie, screen }) = what else {
            return match what.name() {
                b"agent-req" => Some(Self::Agent(true)),
                b"auth-agent-req@openssh.com" => Some(Self::Agent(false)),
                _ => None,
            };
        };
        let protocol = word(protocol, |byte| byte.is_ascii_alphanumeric() || byte == b'-')?;
        let cookie = Zeroizing::new(word(cookie, |byte| byte.is_ascii_hexdigit())?);
        // As an argument it would be a flag.
        (!protocol.starts_with('-')).then_some(Self::Display(Wanted { single, protocol, cookie, screen }))
    }
}

fn word(text: &[u8], lawful: impl Fn(u8) -> bool) -> Option<String> {
    let fits = !text.is_empty() && text.len() <= LONGEST && text.iter().all(|byte| lawful(*byte));
    fits.then(|| String::from_utf8_lossy(text).into_owned())
}

impl Borrowed {
    pub(crate) const fn new() -> Self {
        Self { asked: (false, false), agent: None, display: None }
    }

    /// Notes that a loan is asked for; whether it is the first of its kind.
    pub(crate) const fn ask(&mut self, loan: &Loan) -> bool {
        let asked = match loan {
            Loan::Agent(_) => &mut self.asked.0,
            Loan::Display(_) => &mut self.asked.1,
        };
        !core::mem::replace(asked, true)
    }
}

/// Listeners for a loan, and how programs find it.
struct Opened {
    doors: Vec<(Listener, Leads, Option<Trace>)>,
    found: Found,
}

enum Found {
    Agent(PathBuf),
    Display(BorrowedDisplay),
}

impl<H: Handler> Conversation<H> {
    /// Listens for what the session's programs want of the client, if they may have that.
    pub(crate) fn borrow(&self, session: ChannelId, loan: Loan, ask: Ask<ChannelRequest>) {
        let wish = match &loan {
            Loan::Agent(_) => Wish::Agent,
            Loan::Display(_) => Wish::Display,
        };
        let granted = self.handler.may_forward(self.peer, &self.user, &wish);
        let opened = granted.then(|| open(session, loan, self.first_display)).and_then(Result::ok);
        self.link.change(|state| {
            // The session may be over.
            let inbox = state.inboxes.of(session).filter(|inbox| !inbox.closed);
            let (Some(Opened { doors, found }), Some(inbox)) = (opened, inbox) else {
                return state.ssh.reply(ask, false);
            };
            match found {
                Found::Agent(path) => inbox.setup.borrowed.agent = Some(path),
                Found::Display(display) => inbox.setup.borrowed.display = Some(display),
            }
            for (listener, leads, trace) in doors {
                // What cannot be watched is closed, and nobody can connect to it.
                let _ = state.relay.open_door(listener, Some(leads), Arc::default(), trace);
            }
            state.ssh.reply(ask, true);
        });
    }
}

fn open(session: ChannelId, loan: Loan, first: u16) -> io::Result<Opened> {
    match loan {
        Loan::Agent(standard) => {
            let directory = Trace::directory()?;
            let path = directory.path().join("agent");
            let listener = UnixListener::bind(&path)?;
            let door = (listener.into(), Leads::Agent(session, standard), Some(directory));
            Ok(Opened { doors: vec![door], found: Found::Agent(path) })
        }
        Loan::Display(Wanted { single, protocol, cookie, screen }) => {
            let (number, listeners) = listen(first)?;
            let doors = listeners.into_iter().map(|one| (one.into(), Leads::Display(session, single), None)).collect();
            Ok(Opened { doors, found: Found::Display(BorrowedDisplay { number, screen, protocol, cookie }) })
        }
    }
}

/// The first display whose port is free on all of this machine's own addresses: on one that is not, somebody else would
/// see the cookie.
fn listen(first: u16) -> io::Result<(u16, Vec<TcpListener>)> {
    for number in first..MOST_DISPLAYS {
        let Some(port) = FIRST_PORT.checked_add(number) else { break };
        let mut listeners = Vec::new();
        let mut free = true;
        for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
            match TcpListener::bind((address, port)) {
                Ok(listener) => listeners.push(listener),
                Err(error) => free &= is_missing(&error),
            }
        }
        if free && !listeners.is_empty() {
            return Ok((number, listeners));
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

/// Whether the machine has no such address.
fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::{Borrowed, BorrowedDisplay, Loan, listen};
    use sanssh_core::channel::Request;
    use sanssh_core::wire::connection::X11Req;

    fn display<'a>(protocol: &'a str, cookie: &'a str) -> Request<'a> {
        let (protocol, cookie) = (protocol.as_bytes(), cookie.as_bytes());
        Request::X11(X11Req { single_connection: false, protocol, cookie, screen: 0 })
    }

    #[test]
    fn what_would_be_words_of_a_command_is_checked() {
        assert!(Loan::read(display("MIT-MAGIC-COOKIE-1", "00ffAA")).is_some());
        for (protocol, cookie) in [
            ("", "00"),
            ("MIT-MAGIC-COOKIE-1", ""),
            ("-f", "00"),
            ("MIT MAGIC", "00"),
            ("MIT;id", "00"),
            ("$(id)", "00"),
            ("MIT-MAGIC-COOKIE-1", "00\nadd :0 . 00"),
            ("MIT-MAGIC-COOKIE-1", "0g"),
            ("MIT-MAGIC-COOKIE-1", &"0".repeat(300)),
        ] {
            assert!(Loan::read(display(protocol, cookie)).is_none(), "{protocol:?} {cookie:?}");
        }
        assert!(Loan::read(Request::Shell).is_none());
    }

    #[test]
    fn each_is_asked_for_once() {
        let mut borrowed = Borrowed::new();
        let (agent, display) = (Loan::Agent(true), Loan::read(display("P", "00")).unwrap());
        assert!(borrowed.ask(&agent) && borrowed.ask(&display));
        assert!(!borrowed.ask(&Loan::Agent(false)) && !borrowed.ask(&display));
    }

    #[test]
    fn displays_are_this_machine_s_and_each_its_own() {
        let (one, listeners) = listen(200).unwrap();
        let (other, _others) = listen(200).unwrap();
        assert!(one >= 200 && other > one);
        for listener in listeners {
            let address = listener.local_addr().unwrap();
            assert!(address.ip().is_loopback() && address.port() == 6000 + one);
        }
        assert!(listen(1000).is_err());
    }

    #[test]
    fn programs_find_it_and_debug_shows_no_cookie() {
        let cookie = "c0c0".to_owned().into();
        let display = BorrowedDisplay { number: 10, screen: 1, protocol: "P".to_owned(), cookie };
        assert_eq!((display.name(), display.entry()), ("localhost:10.1".to_owned(), "unix:10.1".to_owned()));
        assert!(!format!("{display:?}").contains("c0c0"));
    }
}
