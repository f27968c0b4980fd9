//! Host keys besides the one of the exchange (OpenSSH PROTOCOL §2.5): a server announces all it has, a client asks for
//! proofs of those it does not know, and so learns of new keys before the old one goes.

use super::Connection;
use crate::Output;
use crate::algorithm::HostKey;
use crate::channel::{Globals, ProofMessage, Slot};
use crate::crypto::Provider;
use crate::crypto::signature::{self, PublicKey};
use crate::error::Refused;
use crate::event::{Ask, Prove};
use crate::role::{Client, Role, Server};
use crate::transport::Sender;
use crate::wire::Reader;

impl<R: Role, P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>> Connection<R, P, T> {
    /// What proves that a server holds the host key of this public key blob, if it signs it.
    pub fn proof_message(&self, key: &[u8]) -> Result<ProofMessage, Refused> {
        let session = self.session_id().ok_or(Refused::NotYet)?;
        ProofMessage::new(&session, key).ok_or(Refused::TooLong)
    }
}

impl<P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>> Connection<Client, P, T> {
    /// Asks the server to prove that it holds these keys, at most 16;
    /// [`Proofs`](crate::auth::client::Event::Proofs) tells. Servers answer once.
    pub fn prove(&mut self, keys: &[&[u8]], output: &mut Output<'_>) -> Result<(), Refused> {
        self.settle(output)?;
        let mut sender = Sender { transport: &mut self.transport, random: &mut self.random, output };
        self.channels.globals.prove(&mut sender, keys)
    }

    /// Whether `signature` proves, for this connection, that the server holds `key`. It must be by an algorithm that
    /// would do for the exchange.
    pub fn is_proof(&self, key: &[u8], signature: &[u8]) -> bool {
        let name = Reader::new(signature).string().ok().and_then(|name| core::str::from_utf8(name).ok());
        let wanted = |one: &HostKey| self.config.preferences.host_keys.iter().any(|other| other.plain() == *one);
        let Some(algorithm) = name.and_then(HostKey::from_name).filter(wanted) else { return false };
        let Ok(public) = PublicKey::decode(key, self.config.min_rsa_bits) else { return false };
        let Ok(message) = self.proof_message(key) else { return false };
        signature::verify::<P>(algorithm, &public, message.as_bytes(), signature).is_ok()
    }
}

impl<P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>> Connection<Server, P, T> {
    /// Tells a client that is logged in which host keys there are, by their public key blobs.
    pub fn announce(&mut self, keys: &[&[u8]], output: &mut Output<'_>) -> Result<(), Refused> {
        self.settle(output)?;
        Globals::announce(&mut Sender { transport: &mut self.transport, random: &mut self.random, output }, keys)
    }

    /// Proves what was asked for: one signature blob for each key, in order, on its
    /// [`proof_message`](Self::proof_message).
    pub fn proven(&mut self, ask: &Ask<Prove>, signatures: &[&[u8]], output: &mut Output<'_>) -> Result<(), Refused> {
        self.settle(output)?;
        if !self.channels.globals.is_open(ask.serial) || signatures.len() != ask.question.0 {
            return Err(Refused::Moot);
        }
        let mut sender = Sender { transport: &mut self.transport, random: &mut self.random, output };
        self.channels.globals.proven(&mut sender, signatures)
    }

    /// Proves nothing: one of the keys is not ours, or does not sign.
    pub fn unproven(&mut self, ask: Ask<Prove>) {
        if self.fate.is_none() && self.channels.globals.is_open(ask.serial) {
            self.channels.globals.unproven();
        }
    }
}
