//! Table K, the agent protocol (RFC 9987, OpenSSH PROTOCOL.agent): frames and answers that lie, keys that are none,
//! demands that nobody may drop, and sessions that are not what they are said to be.

use sanssh_core::agent::client::{Client, Event};
use sanssh_core::agent::message::SessionBind;
use sanssh_core::agent::server::{Request, Server};
use sanssh_core::agent::{Constraints, Destination, Destinations, Error, Hop, HopKey, MAX_FRAME};
use sanssh_core::algorithm::HostKey;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::file::{SigningKey, private};
use sanssh_core::keyring::{Bindings, Keyring, Reply};
use sanssh_core::wire::Sequence;
use sanssh_core::{Input, Instant, Output, Refused, Seed};
use sanssh_tests::forger::{Feed, any, blob, both_ways, key_a, key_b, to_sign};
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::peers;

const FAILURE: &[u8] = &[0, 0, 0, 1, 5];
const SUCCESS: &[u8] = &[0, 0, 0, 1, 6];
const EXTENSION_FAILURE: &[u8] = &[0, 0, 0, 1, 28];
const RESTRICT: &str = "restrict-destination-v00@openssh.com";

fn frame(content: &[u8]) -> Vec<u8> {
    [&u32::try_from(content.len()).expect("a length").to_be_bytes()[..], content].concat()
}

/// A keyring, and one connection to it.
struct Agent {
    keyring: Keyring,
    bindings: Bindings,
    server: Server,
    now: Instant,
    feed: Feed,
}

impl Agent {
    fn new(feed: Feed) -> Self {
        let keyring = Keyring::new(&Seed::new([1; 32]));
        Self { keyring, bindings: Bindings::new(None), server: Server::new(), now: Instant(0), feed }
    }

    /// The same keys, for another connection.
    fn reconnected(self) -> Self {
        Self { bindings: Bindings::new(None), server: Server::new(), ..self }
    }

    /// The answer to a message, as it goes out.
    fn ask(&mut self, content: &[u8]) -> Vec<u8> {
        self.send(&frame(content)).expect("a sound frame")
    }

    /// What these bytes lead to.
    fn send(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let mut space = vec![0; MAX_FRAME + 4];
        let mut output = Output::new(&mut space);
        let mut held = Vec::new();
        let step = if self.feed == Feed::Bytes { 1 } else { bytes.len().max(1) };
        for piece in bytes.chunks(step) {
            held.extend_from_slice(piece);
            let mut input = Input::new(&mut held);
            if let Some(request) = self.server.recv(&mut input)? {
                let reply = self.keyring.answer::<Fast>(self.now, &mut self.bindings, &request);
                if matches!(reply, Reply::Confirm(_)) {
                    self.server.refuse().expect("room for any reply");
                } else {
                    reply.give(&mut self.server, &mut output).expect("room for any reply");
                }
            }
            let taken = input.taken();
            held.drain(..taken);
            self.server.flush(&mut output).expect("room for any reply");
        }
        let filled = output.filled();
        space.truncate(filled);
        Ok(space)
    }

    /// How many keys it lists.
    fn listed(&mut self) -> u32 {
        let answer = self.ask(&[11]);
        assert_eq!(answer[4], 12);
        u32::from_be_bytes(answer[5..9].try_into().expect("a count"))
    }

    fn add(&mut self, key: &SigningKey, constraints: &[u8]) -> Vec<u8> {
        let fields = key.fields();
        let number = if constraints.is_empty() { 17 } else { 25 };
        self.ask(&any(number).raw(&fields).string("comment").raw(constraints).done())
    }

    fn sign(&mut self, key: &SigningKey, what: &[u8], flags: u32) -> Vec<u8> {
        self.ask(&any(13).string(key.public()).string(what).u32(flags).done())
    }

    fn bind(&mut self, host: &SigningKey, session: &[u8], forwarding: bool) -> Vec<u8> {
        let signature = host.sign(HostKey::Ed25519, session).expect("a signature");
        self.ask(&bind(host.public(), session, &signature, u8::from(forwarding)))
    }
}

fn bind(host_key: &[u8], session: &[u8], signature: &[u8], forwarding: u8) -> Vec<u8> {
    let head = any(27).string("session-bind@openssh.com");
    head.string(host_key).string(session).string(signature).u8(forwarding).done()
}

fn host(number: u8) -> SigningKey {
    SigningKey::ed25519(&[0x40 + number; 32])
}

/// What a login signs, bound to a host.
fn bound_login(session: &[u8], user: &str, key: &SigningKey, host: &SigningKey) -> Vec<u8> {
    let method = "publickey-hostbound-v00@openssh.com";
    [to_sign(session, user, "ssh-connection", method, "ssh-ed25519", key.public()), blob().string(host.public()).done()]
        .concat()
}

fn plain_login(session: &[u8], user: &str, key: &SigningKey) -> Vec<u8> {
    to_sign(session, user, "ssh-connection", "publickey", "ssh-ed25519", key.public())
}

/// A hop of the constraint.
fn hop(user: &str, name: &str, keys: &[&SigningKey]) -> Vec<u8> {
    let head = blob().string(user).string(name).string("");
    keys.iter().fold(head, |hop, key| hop.string(key.public()).u8(0)).done()
}

/// A constraint of these hops, each from somewhere to somewhere.
fn restricted(hops: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let one = |(from, to): &(Vec<u8>, Vec<u8>)| blob().string(blob().string(from).string(to).string("").done()).done();
    let all: Vec<u8> = hops.iter().flat_map(one).collect();
    blob().u8(255).string(RESTRICT).string(all).done()
}

fn origin() -> Vec<u8> {
    hop("", "", &[])
}

#[test]
fn k01_frames_of_no_length_or_too_much() {
    both_ways(|feed| {
        for length in [0, MAX_FRAME as u32 + 1, 0x7fff_ffff, u32::MAX] {
            let head = length.to_be_bytes();
            let mut agent = Agent::new(feed);
            assert_eq!(agent.send(&[&head[..], &[11]].concat()), Err(Error::Length), "{length}");
            assert_eq!(agent.send(&frame(&[11])), Err(Error::Length), "there is no more after it");
            let mut client = asking(Client::identities);
            assert_eq!(client.recv(&mut Input::new(&mut head.to_vec())).err(), Some(Error::Length));
            assert_eq!(client.identities(&mut Output::new(&mut [0; 64])), Err(Refused::Closed));
        }
        // The longest that there may be is waited for.
        let mut agent = Agent::new(feed);
        assert_eq!(agent.send(&(MAX_FRAME as u32).to_be_bytes()), Ok(vec![]));
        let longest = any(1).raw(&vec![0; MAX_FRAME - 1]).done();
        assert_eq!(Agent::new(Feed::Whole).ask(&longest), FAILURE);
    });
}

/// A client that waits for the answer to this.
fn asking(command: impl FnOnce(&mut Client, &mut Output<'_>) -> Result<(), Refused>) -> Client {
    let mut client = Client::new();
    command(&mut client, &mut Output::new(&mut [0; 1024])).expect("a request");
    client
}

/// What a client makes of an answer, told in a word.
fn heard(mut client: Client, content: &[u8], feed: Feed) -> Result<String, Error> {
    let bytes = frame(content);
    let mut held = Vec::new();
    let step = if feed == Feed::Bytes { 1 } else { bytes.len() };
    for piece in bytes.chunks(step) {
        held.extend_from_slice(piece);
        if let Some(event) = client.recv(&mut Input::new(&mut held))? {
            return Ok(match event {
                Event::Identities(list) => format!("{} identities", list.iter().count()),
                Event::Signature(blob) => format!("signature of {}", blob.len()),
                Event::Done => "done".into(),
                Event::Extensions(list) => format!("{} extensions", list.iter().count()),
                Event::Refused => "refused".into(),
            });
        }
    }
    panic!("no answer: {content:?}");
}

#[test]
fn k02_answers_that_lie() {
    both_ways(|feed| {
        let list = || asking(Client::identities);
        let sign = || asking(|client, output| client.sign(b"key", HostKey::Ed25519, b"message", output));
        let remove = || asking(Client::remove_all);
        let query = || asking(Client::query);
        let one = blob().string("key").string("comment").done();
        // Controls.
        assert_eq!(heard(list(), &any(12).u32(2).raw(&one).raw(&one).done(), feed).as_deref(), Ok("2 identities"));
        assert_eq!(heard(list(), &any(12).u32(0).done(), feed).as_deref(), Ok("0 identities"));
        assert_eq!(heard(remove(), &[6], feed).as_deref(), Ok("done"));
        assert_eq!(heard(query(), &any(29).string("query").string("a").done(), feed).as_deref(), Ok("1 extensions"));
        // An answer of another kind than is due.
        for client in [list(), sign(), query()] {
            assert_eq!(heard(client, &[6], feed), Err(Error::Unexpected(6)));
        }
        let empty = any(12).u32(0).done();
        for client in [sign(), remove(), query()] {
            assert_eq!(heard(client, &empty, feed), Err(Error::Unexpected(12)));
        }
        assert_eq!(heard(Client::new(), &[6], feed), Err(Error::Unexpected(6)), "nothing was asked");
        // Counts that are not so.
        for count in [0, 1, 3, 0x7fff_ffff, u32::MAX] {
            let lying = any(12).u32(count).raw(&one).raw(&one).done();
            assert_eq!(heard(list(), &lying, feed), Err(Error::Malformed(12)), "{count}");
        }
        // Cut anywhere.
        let whole = any(12).u32(1).raw(&one).done();
        for end in 1..whole.len() {
            assert_eq!(heard(list(), &whole[..end], feed), Err(Error::Malformed(12)), "{end}");
        }
        assert_eq!(heard(remove(), &[6, 0], feed), Err(Error::Malformed(6)));
        assert_eq!(heard(sign(), &any(14).string("").done(), feed), Err(Error::Malformed(14)));
    });
}

#[test]
fn k03_keys_that_are_none() {
    both_ways(|feed| {
        let key = key_a();
        let fields = key.fields();
        let pair = &fields[fields.len() - 64..];
        let public = &pair[32..];
        let ed25519 = |public: &[u8], secret: &[u8]| {
            any(17).string("ssh-ed25519").string(public).string(secret).string("comment").done()
        };
        let mut other = pair.to_vec();
        other[40] ^= 1;
        let rsa = |numbers: [&[u8]; 6]| {
            let head = any(17).string("ssh-rsa");
            numbers.iter().fold(head, |all, number| all.string(number)).string("comment").done()
        };
        let whole = any(25).raw(&fields).string("comment").u8(1).u32(600).done();
        let mut bad = vec![
            ed25519(public, &pair[..63]),
            ed25519(public, &[pair, &[0]].concat()),
            ed25519(public, &pair[..32]),
            ed25519(public, b""),
            ed25519(&public[..31], pair),
            ed25519(public, &other),
            ed25519(key_b().public(), pair),
            rsa([&[0x55; 256], &[1, 0, 1], &[0x33; 256], &[0x22; 128], &[0x11; 128], &[0x13; 128]]),
            rsa([b"", b"", b"", b"", b"", b""]),
            any(17).string("ssh-dss").string("").string("").done(),
            any(17).string("").done(),
            any(17).done(),
            // Constraints where none may be.
            any(17).raw(&fields).string("comment").u8(2).done(),
        ];
        bad.extend((1..whole.len()).map(|end| whole[..end].to_vec()).filter(|cut| cut.len() != whole.len() - 5));
        let mut agent = Agent::new(feed);
        for content in bad {
            assert_eq!(agent.ask(&content), FAILURE, "{content:?}");
            assert!(agent.keyring.is_empty(), "nothing is added by halves");
        }
        assert_eq!(agent.ask(&whole), SUCCESS);
        assert_eq!(agent.listed(), 1);
    });
}

#[test]
fn k04_demands_that_nobody_knows() {
    both_ways(|feed| {
        let extension = |name: &str| blob().u8(255).string(name).string("x").done();
        let sound = restricted(&[(origin(), hop("", "host", &[&host(1)]))]);
        let odd = [
            vec![0],
            vec![3, 0, 0, 0, 1],
            vec![254],
            extension("unknown@example.org"),
            extension("sk-provider@openssh.com"),
            extension("associated-certs-v00@openssh.com"),
            extension(RESTRICT),
            [&sound[..], &sound].concat(),
            vec![2, 2],
            vec![1, 0, 0, 0, 9, 1, 0, 0, 0, 9],
            restricted(&[(origin(), origin())]),
            restricted(&[(origin(), hop("", "host", &[]))]),
            restricted(&[(hop("me", "", &[]), hop("", "host", &[&host(1)]))]),
        ];
        let mut agent = Agent::new(feed);
        for constraints in odd {
            // What is known beside it does not save it.
            for bytes in [constraints.clone(), [&[2][..], &constraints].concat(), [&constraints[..], &sound].concat()] {
                assert_eq!(agent.add(&key_a(), &bytes), FAILURE, "{bytes:?}");
                assert!(agent.keyring.is_empty());
            }
        }
        // A key that wants a person's word has it asked for, and without it there is no signature.
        assert_eq!(agent.add(&key_a(), &[2]), SUCCESS);
        assert_eq!(agent.sign(&key_a(), b"message", 0), FAILURE);
        // One that is held to destinations signs nothing on a connection that serves no session.
        assert_eq!(agent.add(&key_b(), &sound), SUCCESS);
        assert_eq!(agent.sign(&key_b(), b"message", 0), FAILURE);
        assert_eq!(agent.sign(&key_b(), &plain_login(&[1; 32], "user", &key_b()), 0), FAILURE);
        // The same key again without the demand: its owner's wish, and nobody else's.
        assert_eq!(agent.add(&key_a(), &[]), SUCCESS);
        assert_eq!(agent.sign(&key_a(), b"message", 0)[4], 14);
        assert_eq!(agent.listed(), 2);
    });
}

/// Through two agents: what the first was given, it gives to the second.
#[test]
fn k05_every_key_goes_with_its_demands() {
    let (first, second) = (host(1), host(2));
    let first = [HopKey { key: first.public(), authority: false }];
    let second = [HopKey { key: second.public(), authority: true }];
    let one = Hop { user: b"", host: b"one", keys: Sequence::new(&first) };
    let two = Hop { user: b"git", host: b"two", keys: Sequence::new(&second) };
    let hops = [Destination { from: Hop::ORIGIN, to: one }, Destination { from: one, to: two }];
    let all = Constraints { lifetime: Some(60), confirm: true, destinations: Some(Destinations::new(&hops)) };
    let demands = |bytes: &[u8], key: &[u8]| bytes[4 + 1 + key.len()..].to_vec();
    let mut seen = Vec::new();
    for key in [key_a(), key_b(), SigningKey::ed25519(&[3; 32])] {
        let fields = key.fields();
        let given = added(&fields, &all);
        let mut bytes = given.clone();
        let request = Server::new().recv(&mut Input::new(&mut bytes)).expect("a frame").expect("a request");
        let Request::Add { key, comment, constraints } = request else { panic!("{request:?}") };
        assert_eq!((comment, key), (&b"comment"[..], &fields[..]));
        assert_eq!(added(key, &constraints), given, "byte for byte");
        seen.push(demands(&given, &fields));
    }
    assert!(seen[0].len() > 300 && seen.iter().all(|one| *one == seen[0]));
}

fn added(key: &[u8], constraints: &Constraints<'_>) -> Vec<u8> {
    let mut space = [0; 4096];
    let mut output = Output::new(&mut space);
    Client::new().add(key, b"comment", constraints, &mut output).expect("a request");
    let filled = output.filled();
    space[..filled].to_vec()
}

#[test]
fn k06_a_locked_agent() {
    both_ways(|feed| {
        let mut agent = Agent::new(feed);
        let sound = restricted(&[(origin(), hop("", "host", &[&host(1)]))]);
        assert_eq!(agent.add(&key_a(), &[]), SUCCESS);
        assert_eq!(agent.add(&key_b(), &sound), SUCCESS);
        assert_eq!(agent.ask(&any(22).string("").done()), FAILURE);
        assert_eq!(agent.ask(&any(22).string("word").done()), SUCCESS);
        assert_eq!(agent.listed(), 0);
        assert_eq!(agent.sign(&key_a(), b"message", 0), FAILURE);
        assert_eq!(agent.add(&key_b(), &[]), FAILURE, "nothing replaces what is locked away");
        for content in [vec![19], any(18).string(key_a().public()).done(), any(22).string("word").done()] {
            assert_eq!(agent.ask(&content), FAILURE);
        }
        // A session that is bound meanwhile counts when the keys come back.
        assert_eq!(agent.bind(&host(2), &[2; 32], false), SUCCESS);
        for _ in 0..100 {
            assert_eq!(agent.ask(&any(23).string("wrong").done()), FAILURE);
        }
        assert_eq!(agent.ask(&any(23).string("word").done()), FAILURE, "too soon after a wrong one");
        // Only the first of them was looked at: the others came too soon as well.
        agent.now = Instant(100_000);
        assert_eq!(agent.ask(&any(23).string("word").done()), SUCCESS);
        assert_eq!(agent.ask(&any(23).string("word").done()), FAILURE, "it is unlocked");
        assert_eq!(agent.listed(), 1, "the key for another host stays hidden");
        assert_eq!(agent.sign(&key_a(), b"message", 0)[4], 14);
    });
}

#[test]
fn k07_sessions_that_are_not_so() {
    both_ways(|feed| {
        let signature = |session: &[u8]| host(1).sign(HostKey::Ed25519, session).expect("a signature");
        let (good, other) = (signature(&[1; 32]), signature(&[2; 32]));
        let public = host(1).public().to_vec();
        let long = [1; 129];
        let bad = [
            bind(&public, &[1; 32], &other, 0),
            bind(host(2).public(), &[1; 32], &good, 0),
            bind(&public, &[1; 31], &good, 0),
            bind(&public, b"", &signature(b""), 0),
            bind(&public, &long, &signature(&long), 0),
            bind(&public, &[1; 32], b"", 0),
            bind(b"", &[1; 32], &good, 0),
            bind(&public, &[1; 32], &blob().string("ssh-ed25519").string([0; 64]).done(), 0),
            [&bind(&public, &[1; 32], &good, 0)[..], &[0]].concat(),
            any(27).string("session-bind@openssh.com").done(),
        ];
        for content in bad {
            let mut agent = Agent::new(feed);
            let sound = restricted(&[(origin(), hop("", "host", &[&host(1)]))]);
            assert_eq!(agent.add(&key_a(), &sound), SUCCESS);
            assert_eq!(agent.listed(), 1);
            assert_eq!(agent.ask(&content), EXTENSION_FAILURE, "{content:?}");
            assert_eq!(agent.listed(), 0, "a connection that failed to bind is no local one");
            assert_eq!(agent.sign(&key_a(), &plain_login(&[1; 32], "user", &key_a()), 0), FAILURE);
            agent = agent.reconnected();
            assert_eq!(agent.listed(), 1, "the next one is");
        }
        let mut agent = Agent::new(feed);
        assert_eq!(agent.bind(&host(1), &[1; 32], true), SUCCESS);
        assert_eq!(agent.bind(&host(1), &[1; 32], true), EXTENSION_FAILURE, "the same session");
        assert_eq!(agent.bind(&host(2), &[1; 32], true), EXTENSION_FAILURE, "another host's");
        assert_eq!(agent.bind(&host(1), &[2; 32], true), SUCCESS, "another session of the same host");
        assert_eq!(agent.bind(&host(2), &[3; 32], false), SUCCESS);
        assert_eq!(agent.bind(&host(3), &[4; 32], false), EXTENSION_FAILURE, "after a login");
        assert_eq!(agent.bind(&host(3), &[4; 32], true), EXTENSION_FAILURE, "after a login");
        // There is an end to sessions.
        let mut agent = Agent::new(feed);
        let outcomes: Vec<_> = (0..17).map(|at| agent.bind(&host(1), &[at; 32], true) == SUCCESS).collect();
        assert_eq!(outcomes.iter().filter(|bound| **bound).count(), 16);
        assert!(!outcomes[16]);
    });
}

/// Messages that are no login to the session of 32 ones at the first host.
fn no_logins(key: &SigningKey, other: &SigningKey) -> Vec<Vec<u8>> {
    let mut unsigned = plain_login(&[1; 32], "anybody", key);
    let flag = 4 + 32 + 1 + 4 + 7 + 4 + 14 + 4 + 9;
    assert_eq!(unsigned[flag], 1);
    unsigned[flag] = 2;
    vec![
        b"message".to_vec(),
        vec![],
        plain_login(&[2; 32], "anybody", key),
        bound_login(&[1; 32], "anybody", key, other),
        plain_login(&[1; 32], "anybody", &key_b()),
        to_sign(&[1; 32], "anybody", "ssh-userauth", "publickey", "ssh-ed25519", key.public()),
        to_sign(&[1; 32], "anybody", "ssh-connection", "hostbased", "ssh-ed25519", key.public()),
        to_sign(&[1; 32], "anybody", "ssh-connection", "publickey", "rsa-sha2-256", key.public()),
        [&plain_login(&[1; 32], "anybody", key)[..], b"\0"].concat(),
        unsigned,
    ]
}

/// OpenSSH PROTOCOL.agent: what a key that is held to destinations signs, and on which path.
#[test]
fn k07_keys_stay_with_their_destinations() {
    both_ways(|feed| {
        let (one, two, three) = (host(1), host(2), host(3));
        let path =
            restricted(&[(origin(), hop("", "one", &[&one])), (hop("", "one", &[&one]), hop("gi?-*", "two", &[&two]))]);
        let key = key_a();
        let start = || {
            let mut agent = Agent::new(feed);
            assert_eq!(agent.add(&key, &path), SUCCESS);
            agent
        };
        let signs = |agent: &mut Agent, message: &[u8]| agent.sign(&key, message, 0)[4] == 14;
        // At the first host, by either method.
        let mut agent = start();
        assert_eq!(agent.bind(&one, &[1; 32], false), SUCCESS);
        assert_eq!(agent.listed(), 1);
        assert!(signs(&mut agent, &plain_login(&[1; 32], "anybody", &key)));
        assert!(signs(&mut agent, &bound_login(&[1; 32], "anybody", &key, &one)));
        // What is no login to this very session.
        let refused = no_logins(&key, &two);
        for message in refused {
            assert!(!signs(&mut agent, &message), "{message:?}");
        }
        // Through the first host to the second, for its users only, and only with the host's key among what is signed.
        let mut agent = start();
        assert_eq!(agent.bind(&one, &[1; 32], true), SUCCESS);
        assert_eq!(agent.listed(), 1, "it leads further");
        assert!(!signs(&mut agent, &bound_login(&[1; 32], "git-a", &key, &one)), "forwarded is not logged in");
        assert_eq!(agent.bind(&two, &[2; 32], false), SUCCESS);
        assert!(signs(&mut agent, &bound_login(&[2; 32], "git-a", &key, &two)));
        assert!(!signs(&mut agent, &plain_login(&[2; 32], "git-a", &key)));
        for user in ["git", "GIT-a", "root", "", &"git-a".repeat(60)] {
            assert!(!signs(&mut agent, &bound_login(&[2; 32], user, &key, &two)), "{user}");
        }
        assert!(!signs(&mut agent, &bound_login(&[1; 32], "git-a", &key, &two)), "the session before");
        // Not beyond, not elsewhere, not the other way round.
        for hosts in [&[&two][..], &[&three], &[&one, &three], &[&two, &one], &[&one, &one], &[&one, &two, &three]] {
            let mut agent = start();
            for (at, host) in (1..).zip(hosts.iter()) {
                assert_eq!(agent.bind(host, &[at; 32], usize::from(at) < hosts.len()), SUCCESS);
            }
            let last = hosts[hosts.len() - 1];
            let session = [u8::try_from(hosts.len()).expect("a few"); 32];
            assert!(!signs(&mut agent, &bound_login(&session, "git-a", &key, last)));
            assert_eq!(agent.listed(), 0);
            assert_eq!(agent.ask(&any(18).string(key.public()).done()), FAILURE, "what is not seen is not removed");
            assert_eq!(agent.add(&key, &[]), FAILURE, "nor set free");
        }
        // At the end of the path it is of no more use, and hidden.
        let mut agent = start();
        assert_eq!(agent.bind(&one, &[1; 32], true), SUCCESS);
        assert_eq!(agent.bind(&two, &[2; 32], true), SUCCESS);
        assert_eq!(agent.listed(), 0);
    });
}

#[test]
fn k08_tokens_and_providers() {
    both_ways(|feed| {
        for forwarded in [false, true] {
            let mut agent = Agent::new(feed);
            if forwarded {
                assert_eq!(agent.bind(&host(1), &[1; 32], true), SUCCESS);
            }
            for number in [20, 21, 26] {
                assert_eq!(agent.ask(&any(number).string("/usr/lib/evil.so").string("pin").done()), FAILURE);
            }
            for name in ["sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"] {
                let key = any(25).string(name).string([1; 32]).string("ssh:").u8(1).string("handle").string("");
                let provider = blob().u8(255).string("sk-provider@openssh.com").string("/usr/lib/evil.so").done();
                assert_eq!(agent.ask(&key.string("comment").raw(&provider).done()), FAILURE);
            }
            assert!(agent.keyring.is_empty());
        }
    });
}

/// Backtracking to every star would take longer than anybody lives.
#[test]
fn k09_user_patterns_of_many_stars() {
    both_ways(|feed| {
        let pattern = "*a".repeat(64) + "b";
        let path = restricted(&[(origin(), hop(&pattern, "host", &[&host(1)]))]);
        let mut agent = Agent::new(feed);
        assert_eq!(agent.add(&key_a(), &path), SUCCESS);
        assert_eq!(agent.bind(&host(1), &[1; 32], false), SUCCESS);
        let mut attempt = |user: &str| agent.sign(&key_a(), &plain_login(&[1; 32], user, &key_a()), 0)[4] == 14;
        assert!(!attempt(&"a".repeat(255)));
        assert!(attempt(&("a".repeat(200) + "b")));
        assert!(!attempt(&("a".repeat(100_000) + "b")), "nobody is called that");
    });
}

#[test]
fn k10_flags_and_algorithms() {
    both_ways(|feed| {
        let mut agent = Agent::new(feed);
        let name = |answer: &[u8]| {
            (answer[4] == 14).then(|| {
                let length = usize::from(answer[12]);
                String::from_utf8(answer[13..13 + length].to_vec()).expect("a name")
            })
        };
        assert_eq!(agent.add(&key_a(), &[]), SUCCESS);
        for (flags, signs) in [(0, true), (2, true), (4, true), (1, false), (8, false), (u32::MAX, false)] {
            let answer = agent.sign(&key_a(), b"message", flags);
            assert_eq!(name(&answer).as_deref(), signs.then_some("ssh-ed25519"), "{flags}");
        }
        if peers::require(&["ssh-keygen"]) {
            let file = std::fs::read(Keys::shared().client(Kind::Rsa)).expect("a file");
            let key = private::read(&file, None).expect("an RSA key").key;
            agent.keyring.add(agent.now, key, None, b"", &Constraints::default()).expect("a key added");
            let file = std::fs::read(Keys::shared().client(Kind::Rsa)).expect("a file");
            let key = private::read(&file, None).expect("an RSA key").key;
            // By SHA-1 it would have to sign without flags.
            let wanted = [(0, None), (2, Some("rsa-sha2-256")), (4, Some("rsa-sha2-512")), (6, None), (3, None)];
            for (flags, wanted) in wanted {
                assert_eq!(name(&agent.sign(&key, b"message", flags)).as_deref(), wanted, "{flags}");
            }
        }
        // A client takes no other algorithm than it asked for, and a security key's answer whole.
        let asked = |algorithm| asking(|client, output| client.sign(b"key", algorithm, b"message", output));
        let answer = |name: &str| any(14).string(blob().string(name).string([1; 64]).u8(1).u32(7).done()).done();
        for (algorithm, name, wanted) in [
            (HostKey::RsaSha512, "ssh-rsa", "refused"),
            (HostKey::RsaSha512, "rsa-sha2-256", "refused"),
            (HostKey::RsaSha256Cert, "rsa-sha2-256-cert-v01@openssh.com", "refused"),
            (HostKey::RsaSha256Cert, "rsa-sha2-256", "signature of 89"),
            (HostKey::SkEd25519, "sk-ssh-ed25519@openssh.com", "signature of 103"),
        ] {
            assert_eq!(heard(asked(algorithm), &answer(name), feed).as_deref(), Ok(wanted), "{algorithm}");
        }
    });
}

/// The core hands comments on as bytes, and shows none of them; the std driver escapes them.
#[test]
fn k11_comments_are_bytes() {
    let comment = b"\x1b[2Jowned";
    let mut client = asking(Client::identities);
    let mut bytes = frame(&any(12).u32(1).string("key").string(comment).done());
    let mut input = Input::new(&mut bytes);
    let event = client.recv(&mut input).expect("an answer").expect("all of it");
    assert!(!format!("{event:?}").contains("owned"));
    let Event::Identities(list) = event else { panic!("{event:?}") };
    let identity = list.iter().next().expect("one");
    assert_eq!(identity.comment, comment);
    assert!(!format!("{identity:?}").contains("owned"));
}

/// What a session binds is borrowed from the request, and shown by its lengths.
#[test]
fn requests_do_not_show_what_they_hold() {
    for content in [any(22).string("secret").done(), any(23).string("secret").done()] {
        let mut bytes = frame(&content);
        let request = Server::new().recv(&mut Input::new(&mut bytes)).expect("a frame").expect("a request");
        assert!(!format!("{request:?}").contains("115") && !format!("{request:?}").contains("secret"));
    }
    let bind = SessionBind { host_key: b"key", session: b"id", signature: b"sig", forwarding: false };
    assert!(format!("{bind:?}").contains("3 bytes"));
}
