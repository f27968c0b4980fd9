//! Single files by scp's old protocol, as `ssh2.session` has it: what comes first is said here, and the file's bytes are the
//! channel's. Paths are always quoted for the server's shell, so that none is more than a path.

use crate::Error;
use crate::channel::Channel;
use crate::exceptions::InvalidRequestError;
use crate::fileinfo::FileInfo;
use crate::session::Session;
use crate::statinfo::StatInfo;
use core::future::{Future, poll_fn};
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::Poll;
use sanssh_core::scp::command::{Command, Part};
use sanssh_core::scp::sink::{self, Rules, Sink};
use sanssh_core::scp::source::{self, Source};
use sanssh_core::scp::{self, MAX_LINE, Stamp, Times};
use sanssh_core::{Output, Refused};
use sanssh_std::{Channel as Inner, Client, Error as Below, Kind, escape};

/// As much of a server's complaint is kept.
const MOST: usize = 1024;

impl Session {
    /// Has the server send a file; what it is, and a channel to read exactly `st_size` bytes from. A zero byte follows them,
    /// which is the server's word that it could read them all.
    ///
    /// # Errors
    /// `SCPProtocolError` if the server does not send it, with its words; `BadUseError` before the login.
    pub fn scp_recv2(&self, path: impl AsRef<[u8]>) -> Result<(Channel, FileInfo), Error> {
        let path = path.as_ref();
        self.note(self.logged_in())?;
        let line = self.note(line(Part::Source, true, path))?;
        let key = path.escape_ascii().to_string();
        let name = base(path).to_vec();
        let (inner, told) = self.run(&self.pending().receiving, &key, |client| receive(client, line, name))?;
        Ok((Channel::of(self, inner), told))
    }

    /// Deprecated; as [`scp_recv2`](Self::scp_recv2).
    ///
    /// # Errors
    /// As [`scp_recv2`](Self::scp_recv2).
    #[deprecated = "use scp_recv2"]
    pub fn scp_recv(&self, path: impl AsRef<[u8]>) -> Result<(Channel, StatInfo), Error> {
        self.scp_recv2(path)
    }

    /// Has the server take a file of this mode and size, with these times unless both are 0; a channel to write exactly so
    /// many bytes to. The zero byte that ends the file follows them by itself: with the documented library the server never
    /// gets it, and so sets no times. What `wait_eof` and `close` then find, [`Channel::get_exit_status`] tells.
    ///
    /// # Errors
    /// `SCPProtocolError` if the server does not take it, with its words; `BadUseError` before the login.
    pub fn scp_send64(
        &self,
        path: impl AsRef<[u8]>,
        mode: u32,
        size: u64,
        mtime: u64,
        atime: u64,
    ) -> Result<Channel, Error> {
        let path = path.as_ref();
        self.note(self.logged_in())?;
        let stamp = |seconds| Stamp { seconds, micros: 0 };
        let times = (mtime, atime) != (0, 0);
        let times = times.then(|| Times { modified: stamp(mtime), accessed: stamp(atime) });
        let line = self.note(line(Part::Sink, times.is_some(), path))?;
        let key = format!("{mode} {size} {mtime} {atime} {}", path.escape_ascii());
        let name = base(path).to_vec();
        let offer = Offer { name, mode, size, times };
        let inner = self.run(&self.pending().sending, &key, |client| send(client, line, offer))?;
        Ok(Channel::of_scp(self, inner, size))
    }

    /// Deprecated; [`scp_send64`](Self::scp_send64) without times.
    ///
    /// # Errors
    /// As [`scp_send64`](Self::scp_send64).
    #[deprecated = "use scp_send64"]
    pub fn scp_send(&self, path: impl AsRef<[u8]>, mode: u32, size: u64) -> Result<Channel, Error> {
        self.scp_send64(path, mode, size, 0, 0)
    }
}

/// What is sent.
struct Offer {
    name: Vec<u8>,
    mode: u32,
    size: u64,
    times: Option<Times>,
}

/// The line that starts the scp at the server.
fn line(part: Part, preserve: bool, path: &[u8]) -> Result<Vec<u8>, Error> {
    let path = if path.is_empty() { b"." } else { path };
    let command = Command { part, recursive: false, preserve, directory: false, path };
    // Each quote of the path becomes four bytes.
    let mut line = vec![0; path.len().saturating_mul(4).saturating_add(64)];
    let mut output = Output::new(&mut line);
    let written = command.write(&mut output);
    written.map_err(|_| Error::new(InvalidRequestError, "there is a zero byte in the path"))?;
    let filled = output.filled();
    line.truncate(filled);
    Ok(line)
}

/// The last part of a path, which is what it is called.
fn base(path: &[u8]) -> &[u8] {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    path.iter().rposition(|byte| *byte == b'/').map_or(path, |slash| &path[slash + 1..])
}

fn receive(
    client: &Client,
    line: Vec<u8>,
    name: Vec<u8>,
) -> impl Future<Output = Result<(Inner, FileInfo), Below>> + Send + use<> {
    let opening = client.begin_session();
    async move {
        let mut talk = Talk::start(opening.await?, &line).await?;
        let mut sink = Sink::new(Rules { name: Some(name), preserve: true, ..Rules::default() });
        let mut gather = vec![0; MAX_LINE];
        talk.say(|output| sink.flush(output)).await?;
        loop {
            let byte = [talk.hear().await?];
            let told = match sink.recv(&mut gather, &mut &byte[..])? {
                Some(sink::Event::File { mode, size, times, .. }) => told(mode, size, times),
                Some(sink::Event::Warning(text)) => return Err(refused(text)),
                Some(
                    sink::Event::Body(_)
                    | sink::Event::End { .. }
                    | sink::Event::Directory { .. }
                    | sink::Event::Leave
                    | sink::Event::Abort(_),
                ) => return Err(Below::Scp(scp::Error::NotAsked)),
                None if byte == *b"\n" => {
                    talk.say(|output| sink.flush(output)).await?;
                    continue;
                }
                None => continue,
            };
            sink.accept()?;
            talk.say(|output| sink.flush(output)).await?;
            return Ok((talk.channel, told));
        }
    }
}

fn told(mode: u32, size: u64, times: Option<Times>) -> FileInfo {
    let seconds = |stamp: Stamp| i64::try_from(stamp.seconds).unwrap_or(i64::MAX);
    let (mtime, atime) = times.map_or((0, 0), |times| (seconds(times.modified), seconds(times.accessed)));
    FileInfo { st_size: size, st_mode: mode & 0o7777, st_mtime: mtime, st_atime: atime, ..FileInfo::default() }
}

fn refused(text: &[u8]) -> Below {
    Below::ScpRefused(escape(text.trim_ascii(), false))
}

fn send(client: &Client, line: Vec<u8>, offer: Offer) -> impl Future<Output = Result<Inner, Below>> + Send + use<> {
    let opening = client.begin_session();
    async move {
        let mut talk = Talk::start(opening.await?, &line).await?;
        let (mut source, mut gather) = (Source::new(), vec![0; MAX_LINE]);
        talk.agree(&mut source, &mut gather).await?;
        if let Some(times) = offer.times {
            talk.say(|output| source.times(&times, output)).await?;
            talk.agree(&mut source, &mut gather).await?;
        }
        talk.say(|output| source.file(&offer.name, offer.mode, offer.size, output)).await?;
        talk.agree(&mut source, &mut gather).await?;
        if offer.size == 0 {
            talk.say(|output| source.done(output)).await?;
        }
        Ok(talk.channel)
    }
}

/// A talk with the scp at the server, and what that complained of besides.
struct Talk {
    channel: Inner,
    complaint: Vec<u8>,
}

impl Talk {
    async fn start(channel: Inner, line: &[u8]) -> Result<Self, Below> {
        channel.begin_exec(line).await?;
        Ok(Self { channel, complaint: Vec::new() })
    }

    /// Says what is composed.
    async fn say(&self, compose: impl FnOnce(&mut Output<'_>) -> Result<(), Refused>) -> Result<(), Below> {
        let mut line = vec![0; MAX_LINE];
        let mut output = Output::new(&mut line);
        compose(&mut output)?;
        let filled = output.filled();
        let mut done = 0;
        while done < filled {
            let rest = &line[done..filled];
            done += poll_fn(|_| ready(self.channel.try_write(Kind::Data, rest))).await?;
        }
        Ok(())
    }

    /// The next byte, and none behind it: what follows is the caller's.
    async fn hear(&mut self) -> Result<u8, Below> {
        let mut byte = [0];
        loop {
            match poll_fn(|_| ready(self.channel.try_read(None, &mut byte))).await? {
                (_, 0) if !self.complaint.is_empty() => return Err(refused(&self.complaint)),
                (_, 0) => return Err(Below::Scp(scp::Error::Cut)),
                (Kind::Data, _) => return Ok(byte[0]),
                (Kind::Stderr, _) if self.complaint.len() < MOST => self.complaint.push(byte[0]),
                (Kind::Stderr, _) => {}
            }
        }
    }

    /// Waits for the server's yes.
    async fn agree(&mut self, source: &mut Source, gather: &mut [u8]) -> Result<(), Below> {
        loop {
            let byte = [self.hear().await?];
            match source.recv(gather, &mut &byte[..])? {
                Some(source::Event::Accepted(_)) => return Ok(()),
                Some(source::Event::Refused(_, text) | source::Event::Abort(text)) => return Err(refused(text)),
                None => {}
            }
        }
    }
}

fn ready<T>(tried: Option<T>) -> Poll<T> {
    tried.map_or(Poll::Pending, Poll::Ready)
}

/// What is left of a file that is sent through a channel, and the zero byte behind it.
#[derive(Debug)]
pub(crate) struct Tail {
    left: AtomicU64,
}

impl Default for Tail {
    /// None: the channel is another's.
    fn default() -> Self {
        Self { left: AtomicU64::new(Self::NONE) }
    }
}

impl Tail {
    const NONE: u64 = u64::MAX;
    /// The zero byte has gone.
    const SAID: u64 = u64::MAX - 1;

    /// That of a file of this size; of one without contents it has gone already.
    pub(crate) const fn of(size: u64) -> Self {
        Self { left: AtomicU64::new(if size == 0 { Self::SAID } else { size }) }
    }

    /// So many bytes have gone.
    pub(crate) fn passed(&self, count: usize) {
        let left = self.left.load(Ordering::Relaxed);
        if left < Self::SAID {
            self.left.store(left.saturating_sub(count as u64), Ordering::Relaxed);
        }
    }

    /// Whether the zero byte is to go now.
    pub(crate) fn is_due(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    pub(crate) fn sent(&self) {
        self.left.store(Self::SAID, Ordering::Relaxed);
    }

    /// Whether this is the zero byte once more, from a caller that knows the protocol.
    pub(crate) fn is_said(&self, data: &[u8]) -> bool {
        data == b"\0" && self.left.load(Ordering::Relaxed) == Self::SAID
    }
}

#[cfg(test)]
mod tests {
    use super::{Part, Tail, base, line};

    #[test]
    fn paths_are_quoted_and_have_names() {
        let quoted = line(Part::Source, true, b"a 'b'; $(c)").unwrap();
        assert_eq!(quoted, br"scp -p -f 'a '\''b'\''; $(c)'");
        assert!(line(Part::Sink, false, b"a\0b").is_err());
        assert_eq!([base(b"/a/b"), base(b"b/"), base(b"b")], [b"b"; 3]);
    }

    #[test]
    fn the_zero_byte_is_due_once() {
        let tail = Tail::of(3);
        tail.passed(2);
        assert!(!tail.is_due());
        tail.passed(1);
        assert!(tail.is_due() && !tail.is_said(b"\0"));
        tail.sent();
        assert!(!tail.is_due() && tail.is_said(b"\0") && !tail.is_said(b"x"));
        let none = Tail::default();
        none.passed(3);
        assert!(!none.is_due());
    }
}
