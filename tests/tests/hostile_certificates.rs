//! Table G: certificates that are not good for what they are shown for, and security keys' signatures
//! (draft-miller-ssh-cert, OpenSSH PROTOCOL.u2f). The vectors of row G12 are in core, beside the arithmetic.

use sanssh_core::algorithm::{HostKey, list};
use sanssh_core::crypto::Forged;
use sanssh_core::crypto::certificate::{Certificate, Demands, Kind, Unfit};
use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::signature::{self, Presence, PublicKey};
use sanssh_core::crypto::soft::Soft;
use sanssh_core::file::SigningKey;
use sanssh_core::role::{Client, Server};
use sanssh_core::wire::Malformed;
use sanssh_core::{Config, Error};
use sanssh_tests::certificate::{Draft, value};
use sanssh_tests::forger::{
    Answer, Feed, Forger, Suite, blob, both_ways, fails, key_a, key_b, p256, probe, served_with, signed, to_sign,
};
use sanssh_tests::pair::server_config;
use sanssh_tests::signing::{self, SecurityKey};

const CERT: &str = "ssh-ed25519-cert-v01@openssh.com";
/// All that may sign a certificate by default.
const AUTHORITIES: &[HostKey] = &[HostKey::Ed25519, HostKey::EcdsaP256, HostKey::RsaSha512, HostKey::RsaSha256];

/// What a client says that trusts the host key: NEWKEYS, EXT_INFO and SERVICE_REQUEST.
const TRUSTED: &[u8] = &[21, 7, 5];

/// A user's certificate for key A by key B.
fn user() -> Draft {
    Draft::user(key_a().public(), key_b().public())
}

/// A host's certificate for key A by key B.
fn host() -> Draft {
    Draft::host(key_a().public(), key_b().public())
}

/// The verdict of [`Certificate::check`] for exactly `name` in the year 2030.
fn check(draft: &Draft, kind: Kind, name: &str) -> Option<Unfit> {
    check_at(draft, kind, Some(1_900_000_000), name)
}

fn check_at(draft: &Draft, kind: Kind, now: Option<u64>, name: &str) -> Option<Unfit> {
    let blob = draft.signed(&key_b());
    let certificate = Certificate::decode(&blob, 2048).expect("well-formed");
    assert_eq!(certificate.is_signed::<Fast>(AUTHORITIES), Ok(()));
    certificate.check(kind, now, |principal| principal == name.as_bytes()).map(drop).err()
}

/// A login with a certificate: its subject signs, whatever the certificate is worth.
fn login(forger: &Forger<Server>, algorithm: HostKey, certificate: &[u8], subject: &SigningKey) -> Vec<u8> {
    let session = forger.session_bytes();
    let message = to_sign(&session, "user", "ssh-connection", "publickey", algorithm.name(), certificate);
    let signature = subject.sign(algorithm.plain(), &message).expect("a signature");
    signed("user", algorithm.name(), certificate, &signature)
}

/// The server must refuse the certificate, asked about or used, without a word to its embedder.
fn server_refuses(feed: Feed, config: &Config, certificate: &[u8]) {
    let mut forger = served_with(feed, config.clone());
    forger.machine.policy.authorized = vec![certificate.to_vec()];
    forger.send(&probe("user", CERT, certificate));
    let message = login(&forger, HostKey::Ed25519Cert, certificate, &key_a());
    forger.send(&message);
    forger.lives(&[], &[51, 51]);
}

/// A client that has sent its share, and got a reply with this certificate of key A for its host key.
fn replied(feed: Feed, config: Config, certificate: &[u8], answer: Answer) -> Forger<Client> {
    let suite = Suite { host_key: HostKey::Ed25519Cert, ..Suite::default() };
    let mut forger = Forger::<Client>::with(feed, config).proposing(&suite).offered();
    forger.machine.policy.trust = answer;
    forger.key = key_a();
    forger.forget();
    let reply = forger.reply_showing(certificate);
    forger.send(&reply.encode());
    forger
}

/// The client must refuse the certificate without a word to its embedder.
fn client_refuses(feed: Feed, config: &Config, certificate: &[u8]) {
    replied(feed, config.clone(), certificate, Answer::Yes).fatal(Error::Exchange, &[]);
}

/// Both must: the user's certificate as a login, the host's as a host key.
fn both_refuse(feed: Feed, spoil: impl Fn(Draft) -> Vec<u8>) {
    server_refuses(feed, &server_config(), &spoil(user()));
    client_refuses(feed, &Config::default(), &spoil(host()));
}

/// What the refusals here are compared with: every subject under every authority logs in, and is a host key.
#[test]
fn sound_certificates_are_put_before_the_embedder() {
    for authority in signing::ALGORITHMS {
        let authority = signing::key(*authority);
        for algorithm in signing::ALGORITHMS {
            let subject = signing::key(*algorithm);
            let certificate = Draft::user(subject.public(), authority.public()).signed(&authority);
            let mut forger = served_with(Feed::Whole, server_config());
            forger.machine.policy.authorized = vec![certificate.clone()];
            let certified = algorithm.certified();
            forger.send(&probe("user", certified.name(), &certificate));
            let message = login(&forger, certified, &certificate, &subject);
            forger.send(&message);
            forger.lives(&[&format!("probe user {certified}"), "attempt user PublicKey fresh"], &[60, 52]);
        }
    }
    both_ways(|feed| {
        replied(feed, Config::default(), &host().signed(&key_b()), Answer::Yes).lives(&["host-key"], TRUSTED);
    });
}

#[test]
fn g01_nobody_is_named() {
    let nobody = |draft: Draft| Draft { principals: Vec::new(), ..draft };
    assert_eq!(check(&user(), Kind::User, "user"), None);
    assert_eq!(check(&nobody(user()), Kind::User, "user"), Some(Unfit::Principal));
    assert_eq!(check(&nobody(host()), Kind::Host, "host"), Some(Unfit::Principal));
    // Not even whoever takes any name there is.
    let blob = nobody(user()).signed(&key_b());
    let read = Certificate::decode(&blob, 2048).expect("well-formed");
    assert_eq!(read.check(Kind::User, Some(0), |_| true), Err(Unfit::Principal));
}

#[test]
fn g02_names_are_compared_whole() {
    let names = ["deploy,root", "roo", "root ", " root", "ROOT", "root,", "r", ""];
    for name in names {
        let draft = Draft { principals: vec![name.into()], ..user() };
        assert_eq!(check(&draft, Kind::User, "root"), Some(Unfit::Principal), "{name:?}");
    }
    let several = Draft { principals: vec!["deploy".into(), "root".into()], ..user() };
    assert_eq!(check(&several, Kind::User, "root"), None);
    assert_eq!(check(&several, Kind::User, "deploy,root"), Some(Unfit::Principal));
}

#[test]
fn g03_a_star_is_a_name() {
    for (draft, kind) in [(user(), Kind::User), (host(), Kind::Host)] {
        let star = Draft { principals: vec!["*".into(), "r??t".into()], ..draft };
        assert_eq!(check(&star, kind, "root"), Some(Unfit::Principal));
        assert_eq!(check(&star, kind, "*"), None);
    }
}

#[test]
fn g04_the_other_kind() {
    both_ways(|feed| {
        server_refuses(feed, &server_config(), &host().signed(&key_b()));
        client_refuses(feed, &Config::default(), &user().signed(&key_b()));
        for kind in [0, 3, 0x0100_0000, u32::MAX] {
            both_refuse(feed, |draft| Draft { kind, ..draft }.signed(&key_b()));
        }
    });
    assert_eq!(check(&host(), Kind::User, "host"), Some(Unfit::Kind));
    assert_eq!(check(&user(), Kind::Host, "user"), Some(Unfit::Kind));
}

#[test]
fn g05_times() {
    let at = |valid_after, valid_before, now| {
        check_at(&Draft { valid_after, valid_before, ..user() }, Kind::User, now, "user")
    };
    assert_eq!(at(100, 200, Some(150)), None);
    assert_eq!([at(100, 200, Some(99)), at(100, 200, Some(0))], [Some(Unfit::NotYet); 2]);
    assert_eq!([at(100, 200, Some(200)), at(100, 200, Some(u64::MAX))], [Some(Unfit::Expired); 2]);
    // The last moment of a certificate for ever is not in it, as no interval's end is.
    assert_eq!([at(0, u64::MAX, Some(u64::MAX - 1)), at(0, u64::MAX, Some(u64::MAX))], [None, Some(Unfit::Expired)]);
    for now in [0, 99, 100, 150, 199, 200, 201] {
        assert!(at(200, 100, Some(now)).is_some() && at(150, 150, Some(now)).is_some(), "{now}");
    }
    for (after, before) in [(100, 200), (0, u64::MAX), (0, 0)] {
        assert_eq!(at(after, before, None), Some(Unfit::NoClock));
    }
}

#[test]
fn g06_authorities_that_are_certified_themselves() {
    let nest = |inner: Vec<u8>| Draft { authority: inner, ..user() }.signed(&key_b());
    let mut nested = user().signed(&key_b());
    for _ in 0..100 {
        nested = nest(nested);
        assert_eq!(Certificate::decode(&nested, 2048).err(), Some(Malformed));
    }
    let deep = (0..10).fold(user().signed(&key_b()), |inner, _| nest(inner));
    both_ways(|feed| {
        both_refuse(feed, |draft| Draft { authority: draft.signed(&key_b()), ..draft }.signed(&key_b()));
        both_refuse(feed, |draft| Draft { authority: deep.clone(), ..draft }.signed(&key_b()));
        // The same for the subject: a certificate about a certificate.
        both_refuse(feed, |draft| {
            let inner = draft.signed(&key_b());
            Draft { authority: key_b().public().to_vec(), ..Draft::user(&inner, &[]) }.signed(&key_b())
        });
    });
}

#[test]
fn g08_critical_options() {
    let with = |name: &str, value: Vec<u8>| Draft { critical: vec![(name.into(), value)], ..user() };
    let twice = |name: &str, value: Vec<u8>| Draft { critical: vec![(name.into(), value); 2], ..user() };
    let bad = [
        with("unheard-of", value("x")),
        with("", Vec::new()),
        with("Force-Command", value("date")),
        with("permit-pty", Vec::new()),
        with("force-command", Vec::new()),
        with("force-command", value("")),
        with("force-command", b"date".to_vec()),
        with("force-command", [value("date"), vec![0]].concat()),
        with("force-command", value("date\0; sh")),
        with("source-address", Vec::new()),
        with("source-address", value("")),
        with("source-address", [value("10.0.0.0/8"), value("0.0.0.0/0")].concat()),
        with("verify-required", value("")),
        twice("force-command", value("date")),
        twice("source-address", value("10.0.0.1")),
        twice("verify-required", Vec::new()),
    ];
    for draft in bad {
        assert_eq!(check(&draft, Kind::User, "user"), Some(Unfit::CriticalOption), "{:?}", draft.critical);
    }
    // None is defined for hosts.
    for name in ["force-command", "source-address", "verify-required", "unheard-of"] {
        let draft = Draft { critical: vec![(name.into(), value("10.0.0.1"))], ..host() };
        assert_eq!(check(&draft, Kind::Host, "host"), Some(Unfit::CriticalOption));
    }
    // What is sound has to be kept by whoever asked.
    let blob = with("source-address", value("10.0.0.0/8")).signed(&key_b());
    let read = Certificate::decode(&blob, 2048).expect("well-formed");
    let demands = Demands { source_address: Some(b"10.0.0.0/8"), ..Demands::default() };
    assert_eq!(read.check(Kind::User, Some(0), |_| true), Ok(demands));
}

#[test]
fn g09_signed_by_an_algorithm_outside_the_list() {
    let rsa = signing::key(HostKey::RsaSha256);
    let draft = |draft: Draft| Draft { authority: rsa.public().to_vec(), ..draft };
    let by = |draft: &Draft, algorithm| draft.with(&rsa.sign(algorithm, &draft.to_sign()).expect("a signature"));
    // The same bytes under the name that old authorities wrote: SHA-1 is in no list but the one for old devices.
    let sha1 = |draft: &Draft| draft.with(&blob().string("ssh-rsa").string([5; 256]).done());
    both_ways(|feed| {
        both_refuse(feed, |it| sha1(&draft(it)));
        let mut config = server_config();
        config.preferences.authorities = list(&[HostKey::Ed25519, HostKey::RsaSha512]);
        server_refuses(feed, &config, &by(&draft(user()), HostKey::RsaSha256));
        client_refuses(feed, &config, &by(&draft(host()), HostKey::RsaSha256));
        config.preferences.authorities = list(&[HostKey::RsaSha256, HostKey::Ed25519Cert]);
        server_refuses(feed, &config, &user().signed(&key_b()));
        client_refuses(feed, &config, &host().signed(&key_b()));
        // By the sound one, as a control.
        let certificate = by(&draft(host()), HostKey::RsaSha256);
        replied(feed, config, &certificate, Answer::Yes).lives(&["host-key"], TRUSTED);
    });
}

/// The verdict of both providers, which must be one.
fn stands(certificate: &[u8]) -> bool {
    let verdict = |signed: fn(&Certificate<'_>) -> Result<(), Forged>| {
        Certificate::decode(certificate, 2048).is_ok_and(|certificate| signed(&certificate).is_ok())
    };
    let fast = verdict(|certificate| certificate.is_signed::<Fast>(AUTHORITIES));
    assert_eq!(fast, verdict(|certificate| certificate.is_signed::<Soft>(AUTHORITIES)));
    fast
}

/// Certificates of every shape: one subject of each type, one authority of each.
fn shapes() -> Vec<Vec<u8>> {
    let critical = vec![("force-command".into(), value("date")), ("verify-required".into(), Vec::new())];
    let rich = Draft { critical, principals: vec!["a".into(), "user".into()], ..user() };
    let keys = [key_a(), p256(), signing::key(HostKey::RsaSha512)];
    let crossed = keys.iter().map(|key| Draft::host(key.public(), key.public()).signed(key));
    crossed.chain([rich.signed(&key_b())]).collect()
}

#[test]
fn g10_cut_and_lengthened() {
    for certificate in shapes() {
        assert!(stands(&certificate));
        for end in 0..certificate.len() {
            assert_eq!(Certificate::decode(&certificate[..end], 2048).err(), Some(Malformed), "cut at {end}");
        }
        assert!(!stands(&[&certificate[..], &[0]].concat()));
    }
    let mut config = server_config();
    config.login.max_attempts = u32::MAX;
    let certificate = user().signed(&key_b());
    let mut forger = served_with(Feed::Whole, config);
    for end in 0..certificate.len() {
        forger.send(&probe("user", CERT, &certificate[..end]));
    }
    forger.lives(&[], &vec![51; certificate.len()]);
}

#[test]
fn g10_every_byte_and_every_length_counts() {
    for certificate in shapes() {
        for at in 0..certificate.len() {
            let mut flipped = certificate.clone();
            flipped[at] ^= 0x20;
            assert!(!stands(&flipped), "byte {at}");
            // A length field may begin anywhere.
            let Some((head, window, tail)) = certificate.split_at_checked(at).and_then(|(head, rest)| {
                rest.split_first_chunk::<4>().map(|(window, tail)| (head, u32::from_be_bytes(*window), tail))
            }) else {
                continue;
            };
            for length in [0, window.wrapping_add(1), window.wrapping_sub(1), 0x8000_0000, u32::MAX] {
                let mutated = [head, &length.to_be_bytes(), tail].concat();
                assert!(mutated == certificate || !stands(&mutated), "{length:#x} at {at}");
            }
        }
    }
}

#[test]
fn g11_nobody_decides_on_the_authority() {
    both_ways(|feed| {
        let certificate = host().signed(&key_b());
        replied(feed, Config::default(), &certificate, Answer::Later).lives(&["host-key"], &[]);
        replied(feed, Config::default(), &certificate, Answer::No).fatal(Error::Untrusted, &["host-key"]);
        // Trust in the bare key, or in the authority's own, is no trust in the certificate.
        let certificate = user().signed(&key_b());
        let mut forger = served_with(feed, server_config());
        forger.machine.policy.authorized = vec![key_a().public().to_vec(), key_b().public().to_vec()];
        let message = login(&forger, HostKey::Ed25519Cert, &certificate, &key_a());
        forger.send(&message);
        forger.lives(&["attempt user PublicKey fresh"], &[51]);
    });
}

/// Signatures of an authority on P-256 whose numbers are out of range or out of shape.
#[test]
fn g12_an_authority_s_numbers() {
    let draft = Draft { authority: p256().public().to_vec(), ..user() };
    assert!(stands(&draft.signed(&p256())));
    let order = "00ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let order: Vec<u8> =
        (0..33).map(|at| u8::from_str_radix(&order[2 * at..][..2], 16).expect("hexadecimal digits")).collect();
    let sound = vec![1; 32];
    for number in [vec![], vec![0], vec![0x80; 32], [&[0][..], &sound].concat(), order, vec![1; 33]] {
        for (r, s) in [(&number, &sound), (&sound, &number)] {
            let pair = blob().string(r).string(s).done();
            assert!(!stands(&draft.with(&blob().string("ecdsa-sha2-nistp256").string(pair).done())), "{number:?}");
        }
    }
}

#[test]
fn g12_signatures_by_something_else() {
    let draft = user();
    let sound = key_b().sign(HostKey::Ed25519, &draft.to_sign()).expect("a signature");
    assert!(stands(&draft.with(&sound)));
    let by_another = key_a().sign(HostKey::Ed25519, &draft.to_sign()).expect("a signature");
    let of_another = key_b().sign(HostKey::Ed25519, &host().to_sign()).expect("a signature");
    let raw = &sound[4 + 11 + 4..];
    let renamed = |name: &str| blob().string(name).string(raw).done();
    let tail = [&sound[..], &[1, 0, 0, 0, 0]].concat();
    for signature in [by_another, of_another, vec![], renamed(""), renamed(CERT), renamed("ssh-dss"), tail] {
        assert!(!stands(&draft.with(&signature)));
    }
    both_ways(|feed| both_refuse(feed, |draft| draft.signed(&key_a())));
}

/// A certificate of P-256 and one of Ed25519 under each other's algorithm, and bare keys under either.
#[test]
fn g16_the_algorithm_is_not_the_certificate_s() {
    both_ways(|feed| {
        let (ed25519, ecdsa) =
            (user().signed(&key_b()), Draft::user(p256().public(), key_b().public()).signed(&key_b()));
        for (algorithm, key) in [
            (CERT, &ecdsa[..]),
            (CERT, key_a().public()),
            ("ssh-ed25519", &ed25519),
            ("ecdsa-sha2-nistp256-cert-v01@openssh.com", &ed25519),
            ("sk-ssh-ed25519-cert-v01@openssh.com", &ed25519),
            ("rsa-sha2-512-cert-v01@openssh.com", &ed25519),
        ] {
            fails(feed, &probe("user", algorithm, key));
        }
        client_refuses(feed, &Config::default(), key_a().public());
    });
}

const SECURITY_KEYS: [HostKey; 2] = [HostKey::SkEd25519, HostKey::SkEcdsaP256];

#[test]
fn e13_security_keys_sign_what_they_say_of_their_holder() {
    for algorithm in SECURITY_KEYS {
        let key = SecurityKey::new(algorithm, "ssh:");
        let (public, stranger) = (key.public(), SecurityKey::new(algorithm, "ssh:else").public());
        let (public, stranger) = [&public, &stranger].map(|blob| PublicKey::decode(blob, 0).expect("a key")).into();
        let verify = |key: &PublicKey<'_>, message: &[u8], signature: &[u8]| {
            let verdict = signature::verify::<Fast>(algorithm, key, message, signature);
            assert_eq!(verdict, signature::verify::<Soft>(algorithm, key, message, signature));
            verdict
        };
        for (flags, touched, verified) in [(0, false, false), (1, true, false), (4, false, true), (0xc5, true, true)] {
            let signature = key.sign(b"message", flags, 7);
            assert_eq!(verify(&public, b"message", &signature), Ok(Some(Presence { touched, verified })));
            assert_eq!(verify(&public, b"Message", &signature), Err(Forged));
            // Made for another application.
            assert_eq!(verify(&stranger, b"message", &signature), Err(Forged));
            // Flags and counter are signed, and so is everything else.
            for at in 0..signature.len() {
                let mut altered = signature.clone();
                altered[at] ^= 1;
                assert_eq!(verify(&public, b"message", &altered), Err(Forged), "byte {at}");
            }
            assert_eq!(verify(&public, b"message", &signature[..signature.len() - 5]), Err(Forged));
            assert_eq!(verify(&public, b"message", &[&signature[..], &[0]].concat()), Err(Forged));
        }
    }
}

/// The bare key's signature is none of the security key's, and the other way round.
#[test]
fn security_keys_are_not_the_keys_inside() {
    let (bare, key) = (signing::key(HostKey::Ed25519), SecurityKey::new(HostKey::SkEd25519, "ssh:"));
    let (public, inner) = (key.public(), PublicKey::decode(bare.public(), 0).expect("a key"));
    let outer = PublicKey::decode(&public, 0).expect("a key");
    let of_bare = bare.sign(HostKey::Ed25519, b"message").expect("a signature");
    let of_key = key.sign(b"message", 1, 0);
    for algorithm in [HostKey::Ed25519, HostKey::SkEd25519] {
        assert_eq!(signature::verify::<Fast>(algorithm, &outer, b"message", &of_bare), Err(Forged));
        assert_eq!(signature::verify::<Fast>(algorithm, &inner, b"message", &of_key), Err(Forged));
    }
}

#[test]
fn security_keys_log_in_and_certify() {
    both_ways(|feed| {
        for algorithm in SECURITY_KEYS {
            let key = SecurityKey::new(algorithm, "ssh:");
            let draft = Draft { authority: key.public(), ..user() };
            let by_key = draft.with(&key.sign(&draft.to_sign(), 1, 3));
            let of_key = Draft::user(&key.public(), key_b().public()).signed(&key_b());
            let mut forger = served_with(feed, server_config());
            let session = forger.session_bytes();
            let message = |algorithm: HostKey, blob: &[u8], alter: u8| {
                let message = to_sign(&session, "user", "ssh-connection", "publickey", algorithm.name(), blob);
                let mut signature = key.sign(&message, 1, 9);
                *signature.last_mut().expect("a counter") ^= alter;
                signed("user", algorithm.name(), blob, &signature)
            };
            forger.send(&message(algorithm, &key.public(), 1));
            forger.send(&message(algorithm.certified(), &of_key, 1));
            forger.lives(&[], &[51, 51]);
            forger.send(&message(algorithm, &key.public(), 0));
            forger.send(&message(algorithm.certified(), &of_key, 0));
            let by_key = login(&forger, HostKey::Ed25519Cert, &by_key, &key_a());
            forger.send(&by_key);
            let told = ["attempt user PublicKey fresh", "attempt user PublicKey", "attempt user PublicKey"];
            forger.lives(&told, &[51, 51, 51]);
        }
    });
}
