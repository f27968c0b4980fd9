//! Forwards: a client asks, a server answers (RFC 4254 §7.1, OpenSSH PROTOCOL §2.4).

use super::Connection;
use crate::Output;
use crate::channel::{self, Forward, ForwardId, Mark, Slot};
use crate::crypto::{Digest, Provider};
use crate::error::Refused;
use crate::event::{Ask, ForwardRequest};
use crate::role::{Client, Server};
use crate::transport::Sender;

/// By what an address or a path is known again.
pub(super) fn mark_of<P: Provider>(name: &[u8]) -> Mark {
    let mut digest = P::Digest::sha256();
    digest.update(name);
    channel::mark(&digest.finish())
}

const fn name<'a>(what: &Forward<'a>) -> &'a [u8] {
    match *what {
        Forward::Tcpip { address, .. } => address,
        Forward::Streamlocal(path) => path,
    }
}

impl<P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>> Connection<Client, P, T> {
    /// Asks the server to listen for us; [`Event::Forward`](crate::Event::Forward) tells what becomes of it. From then on
    /// the server may open channels for connections that come in there. Takes a slot of the table. [`Refused::Busy`] also
    /// if eight questions are unanswered.
    pub fn forward(&mut self, what: Forward<'_>, output: &mut Output<'_>) -> Result<ForwardId, Refused> {
        self.settle(output)?;
        let mark = mark_of::<P>(name(&what));
        let mut sender = Sender { transport: &mut self.transport, random: &mut self.random, output };
        self.channels.forward(&mut sender, what, mark)
    }

    /// Tells the server to listen no more; channels that are open stay so. `what` is what was asked for;
    /// [`Refused::Moot`] if not, [`Refused::NotYet`] before it was granted.
    pub fn cancel(&mut self, id: ForwardId, what: Forward<'_>, output: &mut Output<'_>) -> Result<(), Refused> {
        self.settle(output)?;
        let mark = mark_of::<P>(name(&what));
        let mut sender = Sender { transport: &mut self.transport, random: &mut self.random, output };
        self.channels.cancel(&mut sender, id, what, mark)
    }

    /// Promises that no more sessions will be opened (OpenSSH PROTOCOL §2.2), so that who gets hold of the connection
    /// later cannot start programs by it.
    pub fn forgo_sessions(&mut self, output: &mut Output<'_>) -> Result<(), Refused> {
        self.settle(output)?;
        let mut sender = Sender { transport: &mut self.transport, random: &mut self.random, output };
        self.channels.forgo_sessions(&mut sender)
    }
}

impl<P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>> Connection<Server, P, T> {
    /// We listen, at this port, which matters only where the client left it to us.
    pub fn listen(&mut self, ask: Ask<ForwardRequest>, port: u16) -> Result<ForwardId, Refused> {
        self.check_owner(&ask)?;
        self.channels.listen(&ask, port)
    }

    /// We do not listen.
    pub fn refuse_forward(&mut self, ask: Ask<ForwardRequest>) {
        if self.check_owner(&ask).is_ok() {
            self.channels.refuse_forward(&ask);
        }
    }
}
