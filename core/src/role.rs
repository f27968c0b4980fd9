//! The two roles as types, so that a server's image holds no client code and neither offers the other's methods.

use crate::auth::{Login, client, server};
use crate::channel::Global;
use crate::crypto::schedule::Direction;
use crate::event::{HostKeyChoice, Prove, Serial, Serials, Sign, Trust};
use crate::transport::Question;
use crate::wire::legality::Sender;
use core::fmt;

/// Which end of the connection this is: [`Client`] or [`Server`], and no other.
#[expect(
    private_interfaces,
    private_bounds,
    reason = "what the layers need of a role stays inside, and seals the trait"
)]
pub trait Role: fmt::Debug + Sized + 'static {
    /// Events of login and of the host key, which differ by role.
    type Event<'b>: fmt::Debug;
    /// State of the authentication protocol.
    #[doc(hidden)]
    type Login: Login<Self>;
    /// The direction this end sends in.
    #[doc(hidden)]
    const SENDS: Direction;
    /// The other end.
    #[doc(hidden)]
    const PEER: Sender;

    /// Puts a question of the exchange to the embedder.
    #[doc(hidden)]
    fn question<'b>(serials: &mut Serials, question: Question<'b>) -> (Serial, Option<Self::Event<'b>>);

    /// Tells the embedder what global requests say of host keys.
    #[doc(hidden)]
    fn global<'b>(serials: &mut Serials, global: Global<'b>) -> Option<Self::Event<'b>>;
}

/// The end that connected.
#[derive(Debug)]
pub enum Client {}

/// The end that was connected to.
#[derive(Debug)]
pub enum Server {}

#[expect(private_interfaces, reason = "see the trait")]
impl Role for Client {
    type Event<'b> = client::Event<'b>;
    type Login = client::State;
    const SENDS: Direction = Direction::ToServer;
    const PEER: Sender = Sender::Server;

    fn question<'b>(serials: &mut Serials, question: Question<'b>) -> (Serial, Option<client::Event<'b>>) {
        let ask = serials.ask(Trust(()));
        let serial = ask.serial;
        let event = match question {
            Question::Trust { algorithm, key, signature } => {
                Some(client::Event::HostKey { algorithm, key, signature, ask })
            }
            Question::HostKey { .. } | Question::Sign { .. } => None,
        };
        (serial, event)
    }

    fn global<'b>(_: &mut Serials, global: Global<'b>) -> Option<client::Event<'b>> {
        match global {
            Global::Announced(keys) => Some(client::Event::HostKeys(keys)),
            Global::Proofs(signatures) => Some(client::Event::Proofs(signatures)),
            Global::Prove(_) => None,
        }
    }
}

#[expect(private_interfaces, reason = "see the trait")]
impl Role for Server {
    type Event<'b> = server::Event<'b>;
    type Login = server::State;
    const SENDS: Direction = Direction::ToClient;
    const PEER: Sender = Sender::Client;

    fn question<'b>(serials: &mut Serials, question: Question<'b>) -> (Serial, Option<server::Event<'b>>) {
        let event = match question {
            Question::HostKey { algorithm } => {
                Some(server::Event::HostKey { algorithm, ask: serials.ask(HostKeyChoice(())) })
            }
            Question::Sign { algorithm, hash } => Some(server::Event::Sign { algorithm, ask: serials.ask(Sign(hash)) }),
            Question::Trust { .. } => None,
        };
        (serials.last(), event)
    }

    fn global<'b>(serials: &mut Serials, global: Global<'b>) -> Option<server::Event<'b>> {
        match global {
            Global::Prove(keys) => Some(server::Event::Prove { keys, ask: serials.ask(Prove(keys.count())) }),
            Global::Announced(_) | Global::Proofs(_) => None,
        }
    }
}
