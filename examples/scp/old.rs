//! The old form: an scp there, and its protocol. A path is quoted for the shell there, unless `-T` leaves it to that.

use crate::{Copying, is_directory};
use sanssh_core::scp::sink::Rules;
use sanssh_examples::files::shown;
use sanssh_std::scp::{Copy, Event, Scp, ScpSink};
use sanssh_std::{Client, Error, escape};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A path that leaves out the home, where every scp begins.
fn home(path: &[u8]) -> &[u8] {
    match path {
        b"" | b"~" | b"~/" => b".",
        _ => path.strip_prefix(b"~/").unwrap_or(path),
    }
}

fn named(path: &[u8], error: &Error) -> String {
    // An scp there names the file itself.
    if matches!(error, Error::ScpRefused(_)) { error.to_string() } else { format!("{}: {error}", escape(path, false)) }
}

pub(crate) fn put(copying: &mut Copying, client: &Client, from: &Path, to: &[u8]) -> Result<(), String> {
    let copy = copying.copy();
    let plain = |error: Error| named(to, &error);
    let mut source = client.scp_source(home(to), &copy).map_err(plain)?;
    copying.meter.begin(is_directory(from));
    let outcome = source.send(from, &copy, &mut |event| copying.tell(event));
    copying.meter.end();
    outcome.and_then(|_| source.finish()).and_then(close).map_err(plain)
}

pub(crate) fn get(copying: &mut Copying, client: &Client, from: &[u8], to: &Path) -> Result<(), String> {
    let copy = Copy { follow: false, ..copying.copy() };
    let plain = |error: Error| named(from, &error);
    let mut sink = sink(copying, client, from, &copy).map_err(plain)?;
    copying.meter.begin(copy.recursive);
    let outcome = sink.store(to, &copy, &mut |event| copying.tell(event));
    copying.meter.end();
    outcome.and_then(|_| close(sink.into_stream())).map_err(plain)
}

pub(crate) fn relay(copying: &mut Copying, from: (&Client, &[u8]), to: (&Client, &[u8])) -> Result<(), String> {
    let copy = copying.copy();
    let plain = |error: Error| named(from.1, &error);
    let mut sink = sink(copying, from.0, from.1, &copy).map_err(plain)?;
    let mut source = to.0.scp_source(home(to.1), &copy).map_err(plain)?;
    copying.meter.begin(copy.recursive);
    let outcome = sink.relay(&mut source, &mut |event| copying.tell(event));
    copying.meter.end();
    let outcome = outcome.and_then(|_| source.finish()).and_then(close);
    outcome.and_then(|()| close(sink.into_stream())).map_err(plain)
}

fn sink(copying: &Copying, client: &Client, from: &[u8], copy: &Copy) -> Result<ScpSink<Scp>, Error> {
    if !copying.flags.raw {
        return client.scp_sink(home(from), copy);
    }
    let flags = [if copy.recursive { " -r" } else { "" }, if copy.preserve { " -p" } else { "" }].concat();
    let line = [b"scp", flags.as_bytes(), b" -f ", from].concat();
    let rules = Rules { recursive: copy.recursive, preserve: copy.preserve, ..Rules::default() };
    Ok(ScpSink::new(client.scp_command(line)?, rules))
}

/// Waits until the scp there has ended, so that there may be another.
fn close(scp: Scp) -> Result<(), Error> {
    scp.channel().finish();
    scp.channel().close();
    scp.channel().wait_close()
}

impl Copying {
    fn copy(&self) -> Copy {
        let crate::Flags { recursive, preserve, .. } = self.flags;
        // What a link here leads to is what is meant, as with cp.
        Copy { recursive, preserve, directory: self.many, follow: true }
    }

    fn tell(&mut self, event: Event<'_>) {
        match event {
            Event::Progress { path, done, size } => self.meter.tell(path.as_os_str().as_bytes(), done, Some(size)),
            Event::Failed { why: why @ Error::ScpRefused(_), .. } => self.fail(why),
            Event::Failed { path, why } => self.fail(format_args!("{}: {why}", shown(path))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::home;

    #[test]
    fn paths_begin_at_home() {
        for (path, there) in [("", "."), ("~", "."), ("~/a", "a"), ("a~/b", "a~/b"), ("/a", "/a"), ("~me", "~me")] {
            assert_eq!(home(path.as_bytes()), there.as_bytes(), "{path}");
        }
    }
}
