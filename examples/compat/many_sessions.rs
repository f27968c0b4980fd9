//! Many sessions that wait for nothing, in one thread and one poll loop, each running a command:
//! `many_sessions KNOWN_HOSTS KEY USER HOST PORT COUNT COMMAND`.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use rustix::event::{PollFd, PollFlags, poll};
use sanssh_compat::Error;
use sanssh_compat::knownhost::{LIBSSH2_KNOWNHOST_KEYENC_RAW, LIBSSH2_KNOWNHOST_TYPE_PLAIN};
use sanssh_compat::session::{LIBSSH2_SESSION_BLOCK_INBOUND, LIBSSH2_SESSION_BLOCK_OUTBOUND, Session};
use std::env;
use std::net::TcpStream;

type Job<'a> = (Session, Pin<Box<dyn Future<Output = Result<Vec<u8>, Error>> + 'a>>);

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let words: Vec<_> = env::args().skip(1).collect();
    let [known, key, user, host, port, count, command] = &words[..] else { return Err("seven words".into()) };
    let port = port.parse()?;
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for _ in 0..count.parse()? {
        let (session, socket) = (Session::new(), TcpStream::connect((host.as_str(), port))?);
        session.set_blocking(false);
        jobs.push((session.clone(), Box::pin(run(session, socket, [known, key, user, host, command], port))));
    }
    let mut context = Context::from_waker(Waker::noop());
    let mut ready = vec![true; jobs.len()];
    while !jobs.is_empty() {
        let mut ready_now = ready.iter();
        jobs.retain_mut(|(_, job)| {
            let polled = if ready_now.next() == Some(&true) { job.as_mut().poll(&mut context) } else { Poll::Pending };
            match polled {
                Poll::Pending => return true,
                Poll::Ready(Ok(said)) => print!("{}", String::from_utf8_lossy(&said)),
                Poll::Ready(Err(error)) => eprintln!("{error}"),
            }
            false
        });
        ready = wait(&jobs)?;
    }
    Ok(())
}

/// Sleeps until a socket is ready for what its session waits for; which ones are.
fn wait(jobs: &[Job<'_>]) -> Result<Vec<bool>, Box<dyn core::error::Error>> {
    let sockets: Vec<_> = jobs.iter().filter_map(|(session, _)| session.sock()).collect();
    let mut fds: Vec<PollFd<'_>> = Vec::new();
    for ((session, _), socket) in jobs.iter().zip(&sockets) {
        let (directions, mut wanted) = (session.block_directions(), PollFlags::empty());
        wanted.set(PollFlags::IN, directions & LIBSSH2_SESSION_BLOCK_INBOUND != 0);
        wanted.set(PollFlags::OUT, directions & LIBSSH2_SESSION_BLOCK_OUTBOUND != 0);
        fds.push(PollFd::new(socket, wanted));
    }
    if !fds.is_empty() {
        poll(&mut fds, None)?;
    }
    Ok(fds.iter().map(|fd| !fd.revents().is_empty()).collect())
}

/// One session, from the handshake to the end.
async fn run(session: Session, socket: TcpStream, words: [&String; 5], port: u16) -> Result<Vec<u8>, Error> {
    let [known, key, user, host, command] = words;
    again(|| session.handshake(&socket)).await?;
    let (hosts, blob) = (session.knownhost_init(), session.hostkey()?.0);
    hosts.readfile(known)?;
    hosts.checkp(host, Some(port), &blob, LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_RAW)?;
    again(|| session.userauth_publickey_fromfile(user, key, "", None)).await?;
    let channel = again(|| session.open_session()).await?;
    again(|| channel.execute(command)).await?;
    let (mut said, mut space) = (Vec::new(), [0; 4096]);
    while let n @ 1.. = again(|| channel.read(&mut space)).await? {
        said.extend_from_slice(&space[..n]);
    }
    again(|| channel.close()).await?;
    Ok(said)
}

/// A call, made again as long as it says so.
async fn again<T>(mut call: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    poll_fn(|_| Some(call()).filter(|outcome| !matches!(outcome, Err(Error::Again))).map_or(Poll::Pending, Poll::Ready))
        .await
}
