//! The key exchange by hand (RFC 4253 §7 and §8, RFC 4419, RFC 5656 §4): each step alone, so that each can be left out, repeated
//! or falsified.

use super::{Forger, Side, any};
use sanssh_core::crypto::group::{Group, REQUEST};
use sanssh_core::crypto::schedule::{Direction, Schedule, Transcript};
use sanssh_core::crypto::{Exchange as _, Provider, Secret};
use sanssh_core::wire::transport::{GroupInitiate, GroupOffer, GroupRequest, KexInitiate, KexReply};
use sanssh_core::wire::{Message, Mpint};

/// What both sides have said in the exchange under way, and what came of it.
pub(super) struct Exchange<Q: Provider> {
    ours: Vec<u8>,
    theirs: Vec<u8>,
    /// Of a group exchange.
    request: GroupRequest,
    group: Option<Group>,
    ephemeral: Option<Q::Exchange>,
    share: Vec<u8>,
    schedule: Option<Schedule<Q::Digest>>,
}

impl<Q: Provider> Default for Exchange<Q> {
    fn default() -> Self {
        let (ours, theirs, share) = (Vec::new(), Vec::new(), Vec::new());
        Self { ours, theirs, request: REQUEST, group: None, ephemeral: None, share, schedule: None }
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
    /// 31, or 33 in a group exchange.
    pub number: u8,
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
        self.exchange.group = None;
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
        Transcript::new(hash, idents[0], idents[1]).expect("a hash").with_string(offers[0]).with_string(offers[1])
    }

    /// The transcript up to both shares.
    fn shown(&self, host_key: &[u8], offer: &[u8], answer: &[u8]) -> Transcript<Q::Digest> {
        let mut transcript = self.transcript().with_string(host_key);
        if let Some(group) = &self.exchange.group {
            transcript = transcript.with_group(&self.exchange.request, group);
        }
        transcript.with_string(offer).with_string(answer)
    }

    /// Settles the group of a group exchange: asks for one, or offers the one that the machine should be given.
    ///
    /// # Panics
    /// If the machine asked for none.
    pub fn send_group(&mut self) {
        if Self::is_client() {
            let payload = super::encode(&self.exchange.request);
            return self.send(&payload);
        }
        let group = Group::choose(&self.exchange.request).expect("a group");
        let (prime, generator) = (Mpint(group.prime()), Mpint(group.generator()));
        let payload = super::encode(&GroupOffer { prime, generator });
        self.exchange.group = Some(group);
        self.send(&payload);
    }

    /// Sends the share: a client's, which the machine answers at once, or a server's whole reply.
    pub fn send_share(&mut self) {
        if self.proposal.suite.kex.has_group_exchange() && self.exchange.group.is_none() {
            self.send_group();
        }
        let payload = if Self::is_client() { self.initiate() } else { self.genuine_reply().encode() };
        self.send(&payload);
    }

    /// Draws a client's ephemeral key; the payload that holds its share.
    ///
    /// # Panics
    /// If the provider lacks the key exchange.
    pub fn initiate(&mut self) -> Vec<u8> {
        let ephemeral = match &self.exchange.group {
            Some(group) => Q::Exchange::start_in(group, &mut self.random),
            None => Q::Exchange::start(self.proposal.suite.kex, &mut self.random),
        };
        let ephemeral = ephemeral.expect("a key exchange");
        self.exchange.share = ephemeral.offer().as_ref().to_vec();
        self.exchange.ephemeral = Some(ephemeral);
        let share = &self.exchange.share;
        match self.exchange.group {
            Some(_) => super::encode(&GroupInitiate { share }),
            None => super::encode(&KexInitiate { share }),
        }
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
        let (number, answered) = match &self.exchange.group {
            Some(group) => (33, Q::Exchange::respond_in(group, &mut self.random, &offer)),
            None => (31, Q::Exchange::respond(self.proposal.suite.kex, &mut self.random, &offer)),
        };
        let (share, secret) = answered.expect("the machine's share is sound");
        let hash = self.finish(self.shown(host_key, &offer, share.as_ref()), &secret);
        let signature = self.key.sign(self.proposal.suite.host_key.plain(), &hash).expect("a signature");
        Reply { number, host_key: host_key.to_vec(), share: share.as_ref().to_vec(), signature }
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
    fn finish(&mut self, transcript: Transcript<Q::Digest>, secret: &Secret) -> Vec<u8> {
        let suite = self.proposal.suite;
        let (hash, schedule) = transcript.finish(secret, self.session);
        self.session = Some(schedule.session_id());
        self.line.next_open = Some(Q::open(suite.cipher, suite.mac, &schedule.keys(R::SENDS)).expect("a suite"));
        self.exchange.schedule = Some(schedule);
        hash.as_bytes().to_vec()
    }

    /// Keeps what matters to the exchange of what the machine says.
    pub(super) fn note(&mut self, payload: &[u8]) {
        let (number, body) = payload.split_first().expect("a number");
        let choosing = self.proposal.suite.kex.has_group_exchange() && self.exchange.group.is_none();
        match (number, R::SENDS) {
            (20, _) => self.exchange.theirs = payload.to_vec(),
            (30 | 32, Direction::ToServer) => {
                self.exchange.share = KexInitiate::decode(body).expect("a share").share.to_vec();
            }
            (31, Direction::ToClient) if choosing => {
                let offer = GroupOffer::decode(body).expect("a group");
                let group = Group::accept(&self.exchange.request, &offer, &mut self.random);
                self.exchange.group = Some(group.expect("a group that was asked for"));
            }
            (31 | 33, Direction::ToClient) => self.note_reply(body),
            (34, Direction::ToServer) => self.exchange.request = GroupRequest::decode(body).expect("a request"),
            _ => {}
        }
    }

    fn note_reply(&mut self, body: &[u8]) {
        let Some(ephemeral) = self.exchange.ephemeral.take() else { return };
        let KexReply { host_key, share, signature } = KexReply::decode(body).expect("a reply");
        let secret = ephemeral.finish(share).expect("the machine's share is sound");
        let hash = self.finish(self.shown(host_key, &self.exchange.share, share), &secret);
        let key = sanssh_core::crypto::signature::PublicKey::decode(host_key, 2048).expect("a host key");
        let algorithm = self.proposal.suite.host_key;
        let verified = sanssh_core::crypto::signature::verify::<Q>(algorithm, &key, &hash, signature);
        verified.expect("the machine signs the exchange hash that the forger computes");
    }
}

impl Reply {
    /// The payload.
    pub fn encode(&self) -> Vec<u8> {
        any(self.number).string(&self.host_key).string(&self.share).string(&self.signature).done()
    }
}
