//! The key exchange by hand (RFC 4253 §7 and §8, RFC 5656 §4): each step alone, so that each can be left out, repeated
//! or falsified.

use super::{Forger, Side, any};
use sanssh_core::crypto::schedule::{Direction, Schedule, Transcript};
use sanssh_core::crypto::{Exchange as _, Provider, Secret};
use sanssh_core::wire::Message;
use sanssh_core::wire::transport::{KexInitiate, KexReply};

/// What both sides have said in the exchange under way, and what came of it.
pub(super) struct Exchange<Q: Provider> {
    ours: Vec<u8>,
    theirs: Vec<u8>,
    ephemeral: Option<Q::Exchange>,
    share: Vec<u8>,
    schedule: Option<Schedule<Q::Digest>>,
}

impl<Q: Provider> Default for Exchange<Q> {
    fn default() -> Self {
        Self { ours: Vec::new(), theirs: Vec::new(), ephemeral: None, share: Vec::new(), schedule: None }
    }
}

impl<Q: Provider> core::fmt::Debug for Exchange<Q> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Exchange")
    }
}

/// A server's reply, to be falsified before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// `K_S`.
    pub host_key: Vec<u8>,
    /// `Q_S`.
    pub share: Vec<u8>,
    /// The signature blob.
    pub signature: Vec<u8>,
}

impl<R: Side, P: Provider, Q: Provider> Forger<R, P, Q> {
    /// Sends the KEXINIT that is proposed.
    pub fn send_offer(&mut self) {
        let payload = self.proposal.encode();
        self.send_offer_as(&payload);
    }

    /// Sends any payload as KEXINIT.
    pub fn send_offer_as(&mut self, payload: &[u8]) {
        self.note_offer(payload);
        self.send(payload);
    }

    /// Takes a payload for our KEXINIT without sending it.
    pub fn note_offer(&mut self, payload: &[u8]) {
        self.exchange.ours = payload.to_vec();
        if self.session.is_none() {
            self.line.strict = self.proposal.kex.contains("kex-strict-");
        }
    }

    /// The transcript up to both KEXINITs.
    fn transcript(&self) -> Transcript<Q::Digest> {
        let mut idents = [&self.ident[..], &self.line.ident];
        let mut offers = [&self.exchange.ours[..], &self.exchange.theirs];
        if !Self::is_client() {
            idents.reverse();
            offers.reverse();
        }
        let hash = self.proposal.suite.kex.hash();
        Transcript::new(hash, idents[0], idents[1]).with_string(offers[0]).with_string(offers[1])
    }

    /// Sends the share: a client's, which the machine answers at once, or a server's whole reply.
    pub fn send_share(&mut self) {
        let payload = if Self::is_client() { self.initiate() } else { self.genuine_reply().encode() };
        self.send(&payload);
    }

    /// Draws a client's ephemeral key; the payload that holds its share.
    ///
    /// # Panics
    /// If the provider lacks the key exchange.
    pub fn initiate(&mut self) -> Vec<u8> {
        let ephemeral = Q::Exchange::start(self.proposal.suite.kex, &mut self.random).expect("a key exchange");
        self.exchange.share = ephemeral.offer().to_vec();
        self.exchange.ephemeral = Some(ephemeral);
        super::encode(&KexInitiate { share: &self.exchange.share })
    }

    /// A server's sound reply to the share that the machine has sent; the keys are known from now on.
    ///
    /// # Panics
    /// If the machine sent no sound share.
    pub fn genuine_reply(&mut self) -> Reply {
        let public = self.key.public().to_vec();
        self.reply_showing(&public)
    }

    /// The same with another blob in the place of the key: a certificate for it.
    ///
    /// # Panics
    /// If the machine sent no sound share.
    pub fn reply_showing(&mut self, host_key: &[u8]) -> Reply {
        let offer = self.exchange.share.clone();
        let answered = Q::Exchange::respond(self.proposal.suite.kex, &mut self.random, &offer);
        let (share, secret) = answered.expect("the machine's share is sound");
        let transcript = self.transcript().with_string(host_key).with_string(&offer).with_string(&share);
        let hash = self.finish(transcript, secret);
        let signature = self.key.sign(self.proposal.suite.host_key.plain(), &hash).expect("a signature");
        Reply { host_key: host_key.to_vec(), share: share.to_vec(), signature }
    }

    /// Sends NEWKEYS, and takes the new key for sending into use.
    ///
    /// # Panics
    /// If there are no keys.
    pub fn send_new_keys(&mut self) {
        let (direction, suite) = (super::machine::opposite(R::SENDS), self.proposal.suite);
        let payload = self.line.zip.deflate(&[21]);
        let frame = self.line.frame(&payload);
        let bytes = self.line.seal(&frame);
        let schedule = self.exchange.schedule.take().expect("keys");
        self.line.rekey(Q::seal(suite.cipher, suite.mac, &schedule.keys(direction)).expect("a suite"));
        self.send_bytes(&bytes);
    }

    /// A whole exchange, begun by the forger or by the machine.
    pub fn rekey(&mut self) {
        self.send_offer();
        self.send_share();
        self.send_new_keys();
    }

    /// `H` and the keys; the machine's packets are opened with them after its NEWKEYS.
    fn finish(&mut self, transcript: Transcript<Q::Digest>, secret: Secret) -> Vec<u8> {
        let suite = self.proposal.suite;
        let schedule = transcript.finish(secret, self.session);
        self.session = Some(schedule.session_id());
        self.line.next_open = Some(Q::open(suite.cipher, suite.mac, &schedule.keys(R::SENDS)).expect("a suite"));
        let hash = schedule.exchange_hash().as_bytes().to_vec();
        self.exchange.schedule = Some(schedule);
        hash
    }

    /// Keeps what matters to the exchange of what the machine says.
    pub(super) fn note(&mut self, payload: &[u8]) {
        match (payload.first(), R::SENDS) {
            (Some(20), _) => self.exchange.theirs = payload.to_vec(),
            (Some(30), Direction::ToServer) => {
                self.exchange.share = KexInitiate::decode(&payload[1..]).expect("a share").share.to_vec();
            }
            (Some(31), Direction::ToClient) => self.note_reply(&payload[1..]),
            _ => {}
        }
    }

    fn note_reply(&mut self, body: &[u8]) {
        let Some(ephemeral) = self.exchange.ephemeral.take() else { return };
        let KexReply { host_key, share, signature } = KexReply::decode(body).expect("a reply");
        let secret = ephemeral.finish(share).expect("the machine's share is sound");
        let transcript = self.transcript().with_string(host_key).with_string(&self.exchange.share).with_string(share);
        let hash = self.finish(transcript, secret);
        let key = sanssh_core::crypto::signature::PublicKey::decode(host_key, 2048).expect("a host key");
        let algorithm = self.proposal.suite.host_key;
        let verified = sanssh_core::crypto::signature::verify::<Q>(algorithm, &key, &hash, signature);
        verified.expect("the machine signs the exchange hash that the forger computes");
    }
}

impl Reply {
    /// The payload.
    pub fn encode(&self) -> Vec<u8> {
        any(31).string(&self.host_key).string(&self.share).string(&self.signature).done()
    }
}
