//! Records one end against a real peer at the other end of a socket, by the plainest of loops: flush, write, read.
//! Not a driver to learn from: it blocks where it likes, and sends little enough that this never hurts.

use super::record::Recorder;
use core::time::Duration;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

/// Bytes read at a time.
const READ: usize = 64 * 1024;
/// Longest silence of a peer, and of a recorder that waits for none.
const PATIENCE: Duration = Duration::from_secs(30);

/// Lets the recorder talk to `peer` until its connection is over; `answer` is given every event and makes the calls.
///
/// # Errors
/// If the socket fails, or the peer is silent for long.
pub fn converse(
    mut peer: TcpStream,
    recorder: &mut Recorder,
    mut answer: impl FnMut(&mut Recorder, &str),
) -> io::Result<()> {
    let start = Instant::now();
    let now = || u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
    peer.set_nodelay(true)?;
    let mut space = vec![0; READ];
    loop {
        while recorder.owes() {
            let emitted = recorder.flush(now());
            peer.write_all(&emitted)?;
        }
        if recorder.end().fate().is_some() {
            return Ok(());
        }
        let wait = recorder.end().deadline().map(|at| Duration::from_micros(at.saturating_sub(now()).max(1000)));
        peer.set_read_timeout(Some(wait.unwrap_or(PATIENCE).min(PATIENCE)))?;
        match peer.read(&mut space) {
            Ok(0) => {
                let _ = recorder.call("hung-up");
                return Ok(());
            }
            Ok(count) => {
                recorder.receive(now(), &space[..count]);
                while let Some(event) = recorder.next_event() {
                    answer(recorder, &event);
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if wait.is_none_or(|wait| wait >= PATIENCE) {
                    return Err(error);
                }
                let _ = recorder.call(&format!("tick {}", now()));
            }
            Err(error) => return Err(error),
        }
    }
}
