//! Opening channels: sessions, and tunnels to where the server connects (RFC 4254 §6.1 and §7.2, OpenSSH PROTOCOL §2.4).

use super::Session;
use crate::Error;
use crate::channel::Channel;
use core::future::Future;
use sanssh_std::{Client, Endpoint, Error as Below};

impl Session {
    /// Opens a channel for one command, shell or subsystem.
    ///
    /// # Errors
    /// `BadUseError` before the login, at once; `ChannelFailure` if the server does not open it, with its words.
    pub fn open_session(&self) -> Result<Channel, Error> {
        self.open("session", |client| client.begin_session())
    }

    /// Opens a channel to a port that the server connects to, in the name of 127.0.0.1 port 22.
    ///
    /// # Errors
    /// As [`open_session`](Self::open_session).
    pub fn direct_tcpip(&self, host: &str, port: u16) -> Result<Channel, Error> {
        self.direct_tcpip_ex(host, port, "127.0.0.1", 22)
    }

    /// The same in the name of somebody at `shost` and `sport`, as the server is told.
    ///
    /// # Errors
    /// As [`open_session`](Self::open_session).
    pub fn direct_tcpip_ex(&self, host: &str, port: u16, shost: &str, sport: u16) -> Result<Channel, Error> {
        let key = format!("tcp {host} {port} {shost} {sport}");
        self.open(&key, |client| tunnel(client, (host, port).into(), shost, sport))
    }

    /// Opens a channel to a Unix socket that the server connects to. Who asks, is not told to it.
    ///
    /// # Errors
    /// As [`open_session`](Self::open_session).
    pub fn direct_streamlocal_ex(&self, path: &str, shost: &str, sport: u16) -> Result<Channel, Error> {
        let key = format!("unix {path} {shost} {sport}");
        self.open(&key, |client| tunnel(client, Endpoint::Unix(path.into()), shost, sport))
    }

    fn open<F>(&self, key: &str, begin: impl FnOnce(&Client) -> F) -> Result<Channel, Error>
    where
        F: Future<Output = Result<sanssh_std::Channel, Below>> + Send + 'static,
    {
        self.note(self.logged_in())?;
        let channel = self.run(&self.pending().opening, key, begin)?;
        Ok(Channel::of(self, channel))
    }
}

fn tunnel(
    client: &Client,
    to: Endpoint,
    shost: &str,
    sport: u16,
) -> impl Future<Output = Result<sanssh_std::Channel, Below>> + Send + use<> {
    let opening = client.begin_direct(to, shost, sport);
    async { Ok(opening.await?.into()) }
}
