//! Host keys to come: a server that is trusted announces all its keys, proves those that are new, and the user's list
//! follows (OpenSSH PROTOCOL §2.5).

use crate::state::Own;
use crate::trust::Trusted;
use crate::{Client, Error, KnownHosts, lines};
use core::time::Duration;
use sanssh_core::file::PublicKeyBuf;
use sanssh_core::file::known_hosts::{KnownHosts as List, Unfit, without};
use sanssh_core::file::public::bare;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// How long a server may take over its proofs.
const PATIENCE: Duration = Duration::from_secs(10);

/// What became of the user's list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Updated {
    /// Keys that were added.
    pub added: Vec<PublicKeyBuf>,
    /// Keys that the host no longer has, and that were taken out.
    pub removed: Vec<PublicKeyBuf>,
    /// Why nothing was changed, although the server announced keys.
    pub unfit: Option<Unfit>,
}

impl KnownHosts {
    /// Makes the user's files agree with the host keys that the server has announced, which servers do right after the
    /// login, if they do: keys that it proves to hold are added, those that it no longer has taken out. Nothing is done
    /// unless this list let the client connect, and nobody with another key since, by a key in the user's own files or by
    /// the user's word, and these name the host in a way that programs do.
    ///
    /// # Errors
    /// [`Error::Unproven`], [`Error::File`], or what went wrong while it waited for the proofs.
    pub fn update(&self, client: &Client) -> Result<Updated, Error> {
        let own = self.own.as_ref().filter(|own| client.has_shown(&own.key)).zip(self.files.first());
        let Some((Trusted { host, port, .. }, first)) = own else { return Ok(Updated::default()) };
        let port = *port;
        let Some(announced) = client.announced() else { return Ok(Updated::default()) };
        let mut list = List::default();
        for file in &self.files {
            list.add(&lines::read(file).map_err(|error| failed(file, error))?);
        }
        let wanted = client.link.with(|state| state.ssh.config().preferences.host_keys.clone());
        let update = match list.update(host, port, announced.iter().map(Vec::as_slice), &wanted) {
            Ok(update) if !update.is_empty() => update,
            outcome => return Ok(Updated { unfit: outcome.err(), ..Updated::default() }),
        };
        if !update.add.is_empty() {
            client.prove(&update.add)?;
            lines::prepare(first).map_err(|error| failed(first, error))?;
        }
        for (at, file) in self.files.iter().enumerate() {
            let add = if at == 0 { &update.add[..] } else { &[] };
            let change = |text: &[u8]| self.changed(text, host, port, &update.keys, add);
            let found = lines::rewrite(file, change).map_err(|error| failed(file, error))?;
            // Nothing is taken out of the others for keys that are recorded nowhere.
            if !found && !add.is_empty() {
                return Err(failed(file, io::ErrorKind::NotFound.into()));
            }
        }
        let key = |place| list.entries().iter().find(|entry| entry.at == place).map(|entry| entry.key.clone());
        let removed = update.remove.into_iter().filter_map(key).collect();
        Ok(Updated { added: update.add, removed, unfit: None })
    }

    /// A file with only these of a host's keys, and new ones at its end, unless somebody has just added them.
    fn changed(
        &self,
        text: &[u8],
        host: &str,
        port: u16,
        keep: &[PublicKeyBuf],
        add: &[PublicKeyBuf],
    ) -> io::Result<Vec<u8>> {
        let mut text = without(text, host, port, keep).text;
        let list = List::read(&text);
        let missing = |key: &&PublicKeyBuf| !list.find(host, port).any(|entry| entry.key == **key);
        for key in add.iter().filter(missing) {
            if !text.is_empty() && !text.ends_with(b"\n") {
                text.push(b'\n');
            }
            text.extend_from_slice(self.line(host, port, key)?.as_bytes());
        }
        Ok(text)
    }
}

fn failed(file: &Path, error: io::Error) -> Error {
    Error::File { file: file.to_owned(), source: Arc::new(error) }
}

impl Client {
    /// Whether this is the host key, without its certificate, that the server has proven to hold.
    fn has_shown(&self, key: &[u8]) -> bool {
        self.link.with(|state| state.desk.proof.as_ref().is_some_and(|(shown, _)| *bare(shown) == *key))
    }

    /// The public key blobs of the host keys that the server says it has; each announcement is given once.
    fn announced(&self) -> Option<Vec<Vec<u8>>> {
        self.link.glance();
        self.link.with(|state| state.desk.announced.take())
    }

    /// Has the server prove that it holds these keys.
    fn prove(&self, keys: &[PublicKeyBuf]) -> Result<(), Error> {
        let blobs: Vec<_> = keys.iter().map(PublicKeyBuf::blob).collect();
        self.link.command(true, |ssh, output| ssh.prove(&blobs, output))?;
        let patience = self.link.patience().map_or(PATIENCE, |span| span.min(PATIENCE));
        let proofs = self.link.wait(Some(patience), &mut Own::none(), |state, _| state.desk.proofs.take())?;
        let all = proofs.len() == keys.len();
        let proven =
            self.link.with(|state| blobs.iter().zip(&proofs).all(|(key, proof)| state.ssh.is_proof(key, proof)));
        if all && proven { Ok(()) } else { Err(Error::Unproven) }
    }
}
