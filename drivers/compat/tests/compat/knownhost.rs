//! `ssh2.knownhost`, each documented name of it, and what lines mean that libssh2 does not understand.

use sanssh_compat::Error;
use sanssh_compat::exceptions::{
    Exception, KnownHostAddError, KnownHostCheckError, KnownHostCheckFailure, KnownHostCheckMisMatchError,
    KnownHostCheckMismatchError, KnownHostCheckNotFoundError, KnownHostDeleteError, KnownHostError, KnownHostGetError,
    KnownHostReadFileError, KnownHostReadLineError, KnownHostWriteFileError, KnownHostWriteLineError,
};
use sanssh_compat::knownhost::*;
use sanssh_compat::session::Session;
use sanssh_core::Seed;
use sanssh_core::crypto::certificate::Kind;
use sanssh_core::file::certificate::Request;
use sanssh_core::file::known_hosts::hashed_line;
use sanssh_core::file::{PublicKeyBuf, SigningKey};
use std::fs;

const PLAIN: i32 = LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_RAW;
const ED25519: i32 = PLAIN | LIBSSH2_KNOWNHOST_KEY_ED25519;

fn key(n: u8) -> Vec<u8> {
    SigningKey::ed25519(&[n; 32]).public().to_vec()
}

fn text(blob: &[u8]) -> String {
    PublicKeyBuf::from_blob(blob).unwrap().to_string()
}

/// The Base64 of a blob.
fn base64(blob: &[u8]) -> String {
    text(blob).split(' ').nth(1).unwrap().to_owned()
}

fn list() -> (Session, KnownHost) {
    let session = Session::new();
    let hosts = session.knownhost_init();
    (session, hosts)
}

fn of(lines: &str) -> KnownHost {
    let (_, hosts) = list();
    lines.lines().for_each(|line| hosts.readline(line).unwrap());
    hosts
}

fn raised<T: core::fmt::Debug>(outcome: Result<T, Error>) -> Exception {
    match outcome.unwrap_err() {
        Error::Raised(raised) => raised.exception,
        Error::Again => panic!("nothing waits here"),
    }
}

#[test]
fn constants_have_the_documented_numbers() {
    let documented = [
        (LIBSSH2_KNOWNHOST_TYPE_MASK, 0xffff),
        (LIBSSH2_KNOWNHOST_TYPE_PLAIN, 1),
        (LIBSSH2_KNOWNHOST_TYPE_SHA1, 2),
        (LIBSSH2_KNOWNHOST_TYPE_CUSTOM, 3),
        (LIBSSH2_KNOWNHOST_KEYENC_MASK, 0x30000),
        (LIBSSH2_KNOWNHOST_KEYENC_RAW, 0x10000),
        (LIBSSH2_KNOWNHOST_KEYENC_BASE64, 0x20000),
        (LIBSSH2_KNOWNHOST_KEY_SHIFT, 18),
        (LIBSSH2_KNOWNHOST_KEY_MASK, 0x3c_0000),
        (LIBSSH2_KNOWNHOST_KEY_RSA1, 0x4_0000),
        (LIBSSH2_KNOWNHOST_KEY_SSHRSA, 0x8_0000),
        (LIBSSH2_KNOWNHOST_KEY_SSHDSS, 0xc_0000),
        (LIBSSH2_KNOWNHOST_KEY_ECDSA_256, 0x10_0000),
        (LIBSSH2_KNOWNHOST_KEY_ECDSA_384, 0x14_0000),
        (LIBSSH2_KNOWNHOST_KEY_ECDSA_521, 0x18_0000),
        (LIBSSH2_KNOWNHOST_KEY_ED25519, 0x1c_0000),
        (LIBSSH2_KNOWNHOST_KEY_UNKNOWN, 0x3c_0000),
        (LIBSSH2_KNOWNHOST_FILE_OPENSSH, 1),
    ];
    for (ours, theirs) in documented {
        assert_eq!(ours, theirs);
    }
}

#[test]
fn addc_and_checkp() {
    let (session, hosts) = list();
    let added = hosts.addc("Host", &key(1), ED25519, None, Some(b"a comment")).unwrap();
    assert_eq!((added.name(), added.key(), added.typemask()), (Some(&b"Host"[..]), &*key(1), ED25519));
    assert_eq!((added.magic(), added.comment(), added.mark()), (0xdead_cafe, &b"a comment"[..], Mark::None));
    assert_eq!(added.to_string(), "Known host entry for host: Host");
    assert_eq!(hosts.checkp("host", None, &key(1), ED25519).unwrap(), added);
    assert_eq!(hosts.checkp(b"hOST", Some(2222), &key(1), PLAIN).unwrap(), added);
    assert_eq!(session.last_errno(), 0);
    let mismatch = hosts.checkp("host", None, &key(2), ED25519);
    assert_eq!(raised(mismatch.clone()), KnownHostCheckMismatchError);
    let error = mismatch.unwrap_err();
    assert!(error.is(KnownHostCheckMisMatchError) && error.is(KnownHostCheckError) && error.is(KnownHostError));
    assert_eq!((error.code(), session.last_errno(), session.last_error()), (-46, -46, error.to_string()));
    assert_eq!(raised(hosts.checkp("other", None, &key(1), ED25519)), KnownHostCheckNotFoundError);
    for typemask in [LIBSSH2_KNOWNHOST_KEYENC_RAW, 9] {
        assert_eq!(raised(hosts.checkp("host", None, &key(1), typemask)), KnownHostCheckFailure);
    }
}

#[test]
fn key_types_have_to_be_the_same_unless_none_is_given() {
    let (_, hosts) = list();
    hosts.addc("host", &key(1), ED25519, None, None).unwrap();
    let as_type = |bits| hosts.checkp("host", None, &key(1), PLAIN | bits);
    assert_eq!(raised(as_type(LIBSSH2_KNOWNHOST_KEY_SSHRSA)), KnownHostCheckNotFoundError);
    assert_eq!(raised(as_type(LIBSSH2_KNOWNHOST_KEY_UNKNOWN)), KnownHostCheckNotFoundError);
    as_type(LIBSSH2_KNOWNHOST_KEY_ED25519).unwrap();
    as_type(0).unwrap();
    hosts.addc("odd", &key(1), PLAIN | LIBSSH2_KNOWNHOST_KEY_UNKNOWN, None, None).unwrap();
    let odd = |bits| hosts.checkp("odd", None, &key(1), PLAIN | bits);
    assert_eq!(raised(odd(LIBSSH2_KNOWNHOST_KEY_UNKNOWN)), KnownHostCheckNotFoundError);
    odd(0).unwrap();
}

#[test]
fn keys_are_given_as_blobs_or_in_base64() {
    let (_, hosts) = list();
    let typemask = LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_BASE64 | LIBSSH2_KNOWNHOST_KEY_ED25519;
    let encoded = base64(&key(1));
    let added = hosts.addc("host", encoded.as_bytes(), typemask, None, None).unwrap();
    assert_eq!((added.key(), added.typemask()), (&*key(1), typemask));
    assert_eq!(hosts.checkp("host", None, encoded.as_bytes(), typemask).unwrap(), added);
    assert_eq!(hosts.checkp("host", None, &key(1), ED25519).unwrap(), added);
    assert_eq!(raised(hosts.checkp("host", None, b"%", typemask)), KnownHostCheckFailure);
    assert_eq!(raised(hosts.addc("host", b"%", typemask, None, None)), KnownHostAddError);
}

#[test]
fn what_cannot_be_on_a_list_is_refused_with_the_number_of_bad_arguments() {
    let (session, hosts) = list();
    let add = |host: &str, key: &[u8], typemask, comment: &str| {
        let error = hosts.addc(host, key, typemask, None, Some(comment.as_bytes())).unwrap_err();
        assert!(error.is(KnownHostAddError) && error.code() == -34 && session.last_errno() == -34, "{error}");
    };
    for host in ["", "*", "a b", "a,b", "!a", "@revoked", "a\nb", "|1|a", "#a", "a\0"] {
        add(host, &key(1), ED25519, "");
    }
    add("host", &key(1), PLAIN, "");
    add("host", &key(1), PLAIN | LIBSSH2_KNOWNHOST_KEY_RSA1, "");
    add("host", &key(1), LIBSSH2_KNOWNHOST_KEY_ED25519, "");
    add("host", b"", ED25519, "");
    add("host", b"no key", ED25519, "");
    add("host", &key(1), ED25519, "two\n* ssh-ed25519 AAAA");
    assert_eq!(hosts.get(None).unwrap(), []);
}

#[test]
fn hashed_names_match_and_are_not_told() {
    let (_, hosts) = list();
    let line = hashed_line("host", 22, &PublicKeyBuf::from_blob(&key(1)).unwrap(), &[7; 20]).unwrap();
    let parts: Vec<_> = line.split(['|', ' ']).collect();
    let typemask = LIBSSH2_KNOWNHOST_TYPE_SHA1 | LIBSSH2_KNOWNHOST_KEYENC_RAW | LIBSSH2_KNOWNHOST_KEY_ED25519;
    let added = hosts.addc(parts[3], &key(1), typemask, Some(parts[2].as_bytes()), None).unwrap();
    assert_eq!((added.name(), added.to_string()), (None, "Known host entry for host: hashed".to_owned()));
    assert_eq!(hosts.checkp("Host", Some(22), &key(1), ED25519).unwrap(), added);
    assert_eq!(String::from_utf8(hosts.writeline(&added).unwrap()).unwrap(), line);
    assert_eq!(raised(hosts.checkp("other", None, &key(1), ED25519)), KnownHostCheckNotFoundError);
    assert_eq!(raised(hosts.checkp("host", None, &key(1), typemask)), KnownHostCheckMismatchError);
    let read = of(&line);
    assert_eq!(read.get(None).unwrap()[0].typemask() & LIBSSH2_KNOWNHOST_TYPE_MASK, LIBSSH2_KNOWNHOST_TYPE_SHA1);
    read.checkp("host", None, &key(1), ED25519).unwrap();
    // What is no hash stands for no host.
    let wrong = hosts.addc("other", &key(1), typemask, None, None).unwrap();
    assert_eq!(wrong.name(), None);
    assert_eq!(raised(hosts.checkp("other", None, &key(1), ED25519)), KnownHostCheckNotFoundError);
}

#[test]
fn custom_names_are_compared_as_they_are() {
    let (_, hosts) = list();
    let custom = LIBSSH2_KNOWNHOST_TYPE_CUSTOM | LIBSSH2_KNOWNHOST_KEYENC_RAW | LIBSSH2_KNOWNHOST_KEY_ED25519;
    let added = hosts.addc("my *name", &key(1), custom, None, None).unwrap();
    assert_eq!(hosts.checkp("my *name", Some(22), &key(1), custom).unwrap(), added);
    for name in ["My *name", "my a name"] {
        assert_eq!(raised(hosts.checkp(name, None, &key(1), custom)), KnownHostCheckNotFoundError);
    }
    assert_eq!(raised(hosts.checkp("my *name", None, &key(1), ED25519)), KnownHostCheckNotFoundError);
    assert_eq!(raised(hosts.writeline(&added)), KnownHostWriteLineError);
    let file = tempfile::NamedTempFile::new().unwrap();
    assert_eq!(raised(hosts.writefile(file.path())), KnownHostWriteFileError);
}

#[test]
fn a_port_of_its_own_comes_first_and_alone() {
    let (one, two) = (text(&key(1)), text(&key(2)));
    let hosts = of(&format!("host {one}\n[host]:23 {two}\n[other]:22 {one}"));
    hosts.checkp("host", Some(2222), &key(1), ED25519).unwrap();
    hosts.checkp("host", Some(23), &key(2), ED25519).unwrap();
    hosts.checkp("other", Some(22), &key(1), ED25519).unwrap();
    hosts.checkp("[host]:23", None, &key(2), ED25519).unwrap();
    // What is on record for the port is not undone by what is without one.
    assert_eq!(raised(hosts.checkp("host", Some(23), &key(1), ED25519)), KnownHostCheckMismatchError);
    assert_eq!(raised(hosts.checkp("host", None, &key(2), ED25519)), KnownHostCheckMismatchError);
    assert_eq!(raised(hosts.checkp("other", None, &key(1), ED25519)), KnownHostCheckNotFoundError);
}

#[test]
#[expect(deprecated, reason = "they are documented")]
fn add_and_check_do_as_their_successors() {
    let (_, hosts) = list();
    let added = hosts.add("host", None, &key(1), ED25519).unwrap();
    assert_eq!(hosts.check("host", &key(1), ED25519).unwrap(), added);
    assert_eq!(raised(hosts.check("host", &key(2), ED25519)), KnownHostCheckMismatchError);
}

#[test]
fn readline_takes_lines_apart() {
    let (_, hosts) = list();
    let one = text(&key(1));
    for idle in ["", "  ", "# host key", "\t# more\r\n"] {
        hosts.readline(idle).unwrap();
    }
    assert_eq!(hosts.get(None).unwrap(), []);
    hosts.readline(format!("  one,Two,[three]:3 {one}  a comment \r\n")).unwrap();
    let entries = hosts.get(None).unwrap();
    let names: Vec<_> = entries.iter().map(|one| one.name().unwrap()).collect();
    assert_eq!(names, [&b"one"[..], b"Two", b"[three]:3"]);
    let typemask = LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_BASE64 | LIBSSH2_KNOWNHOST_KEY_ED25519;
    assert!(entries.iter().all(|entry| entry.typemask() == typemask && entry.comment() == b"a comment"));
    assert_eq!(hosts.writeline(&entries[1]).unwrap(), format!("Two {one} a comment\n").into_bytes());
    for damaged in [
        "host",
        "host ssh-ed25519",
        "host ssh-ed25519 AAAA",
        "host 1024 35 12345",
        &format!("@other host {one}"),
        &format!("@revoked @cert-authority host {one}"),
        &format!("|1|AAAA|AAAA {one}"),
        &format!("host {one}\nhost {one}"),
        &format!("{} {one}", "x".repeat(1 << 20)),
    ] {
        assert_eq!(raised(hosts.readline(damaged)), KnownHostReadLineError);
    }
    assert_eq!(hosts.get(None).unwrap().len(), 3);
}

#[test]
fn files_are_read_and_written() {
    let directory = tempfile::tempdir().unwrap();
    let (from, to) = (directory.path().join("from"), directory.path().join("to"));
    let (one, two) = (text(&key(1)), text(&key(2)));
    let unknown = "ssh-future@example AAAAEnNzaC1mdXR1cmVAZXhhbXBsZQAAAAF4";
    let kept = format!("@revoked *.x,!y {one}\none {one} with a comment\nthree {unknown}\n@cert-authority * {two}\n");
    fs::write(&from, format!("# a comment\n\n{kept}damaged\n1 1024 35 1")).unwrap();
    let (session, hosts) = list();
    assert_eq!(hosts.readfile(&from).unwrap(), 6);
    assert_eq!(hosts.get(None).unwrap().len(), 4);
    hosts.writefile(&to).unwrap();
    assert_eq!(fs::read_to_string(&to).unwrap(), kept);
    let shorter = Session::new().knownhost_init();
    shorter.readline(format!("one {one}")).unwrap();
    shorter.writefile(&to).unwrap();
    assert_eq!(fs::read_to_string(&to).unwrap(), format!("one {one}\n"));
    assert_eq!(raised(hosts.readfile(directory.path().join("none"))), KnownHostReadFileError);
    assert!(session.last_error().contains("none"));
    assert_eq!(raised(hosts.readfile("/dev/zero")), KnownHostReadFileError);
    assert_eq!(raised(hosts.writefile(directory.path())), KnownHostWriteFileError);
    fs::write(&from, "").unwrap();
    assert_eq!(hosts.readfile(&from).unwrap(), 0);
}

#[test]
fn entries_are_listed_and_deleted() {
    let one = text(&key(1));
    let hosts = of(&format!("a {one}\nb {one}\nc {one}"));
    let all = hosts.get(None).unwrap();
    assert_eq!(hosts.get(Some(&all[0])).unwrap(), all[1..]);
    assert_eq!(hosts.get(Some(&all[2])).unwrap(), []);
    hosts.delete(&all[1]).unwrap();
    assert_eq!(hosts.get(None).unwrap(), [all[0].clone(), all[2].clone()]);
    assert_eq!(raised(hosts.delete(&all[1])), KnownHostDeleteError);
    assert_eq!(raised(hosts.get(Some(&all[1]))), KnownHostGetError);
    let stranger = of(&format!("a {one}")).get(None).unwrap();
    assert_eq!(raised(hosts.delete(&stranger[0])), KnownHostDeleteError);
}

/// The wheel leaks what `addc` adds: here entries live as long as somebody holds them.
#[test]
fn an_entry_outlives_its_list() {
    let entry = of(&format!("a {}", text(&key(1)))).get(None).unwrap().remove(0);
    assert_eq!((entry.name(), entry.key()), (Some(&b"a"[..]), &*key(1)));
}

#[test]
fn patterns_and_negations_are_understood() {
    let hosts = of(&format!("*.x,!bad.x,y? {}", text(&key(1))));
    assert_eq!(hosts.get(None).unwrap().len(), 1);
    for host in ["a.x", "B.X", "y1"] {
        hosts.checkp(host, None, &key(1), ED25519).unwrap();
    }
    for host in ["bad.x", "y", "x"] {
        assert_eq!(raised(hosts.checkp(host, None, &key(1), ED25519)), KnownHostCheckNotFoundError, "{host}");
    }
}

#[test]
fn l02_revoked_wins_wherever_it_stands() {
    let one = text(&key(1));
    let lines = [format!("host {one}\n"), format!("@revoked h* {one}\n"), format!("[host]:2 {one}\n")];
    for order in [[0, 1, 2], [1, 2, 0], [2, 0, 1]] {
        let hosts = of(&order.map(|at| &*lines[at]).concat());
        for port in [None, Some(2), Some(22)] {
            let error = hosts.checkp("host", port, &key(1), PLAIN).unwrap_err();
            assert!(error.is(KnownHostCheckMismatchError) && error.to_string().contains("revoked"));
        }
        assert_eq!(raised(hosts.checkp("other", None, &key(1), PLAIN)), KnownHostCheckNotFoundError);
    }
}

fn certificate(authority: &SigningKey, name: &str, valid_before: u64) -> Vec<u8> {
    let request = Request {
        key: &PublicKeyBuf::from_blob(&key(9)).unwrap(),
        kind: Kind::Host,
        serial: 0,
        key_id: b"a host",
        principals: &[name.as_bytes()],
        valid_after: 0,
        valid_before,
        critical: &[],
        extensions: &[],
    };
    request.sign(authority, &mut sanssh_core::Random::new(&Seed::new([1; 32]))).unwrap().blob().to_vec()
}

#[test]
fn certificates_are_judged_by_the_authorities_on_record() {
    let (authority, other) = (SigningKey::ed25519(&[20; 32]), SigningKey::ed25519(&[21; 32]));
    let good = certificate(&authority, "host.x", u64::MAX);
    let hosts = of(&format!("@cert-authority *.x {}", text(authority.public())));
    let check = |host: &str, key: &[u8]| hosts.checkp(host, Some(22), key, PLAIN | LIBSSH2_KNOWNHOST_KEY_UNKNOWN);
    assert_eq!(check("host.x", &good).unwrap().mark(), Mark::CertAuthority);
    let mut forged = good.clone();
    *forged.last_mut().unwrap() ^= 1;
    for (host, shown) in [
        ("other.x", &good),
        ("host.y", &good),
        ("host.x", &forged),
        ("host.x", &certificate(&authority, "host.x", 1)),
        ("host.x", &certificate(&other, "host.x", u64::MAX)),
        ("host.x", &key(9)),
        // An authority's key is no host's.
        ("host.x", &authority.public().to_vec()),
    ] {
        assert_eq!(raised(check(host, shown)), KnownHostCheckNotFoundError, "{host}");
    }
    let lines = format!("@cert-authority * {0}\n@revoked * {0}", text(authority.public()));
    let error = of(&lines).checkp("host.x", None, &good, PLAIN).unwrap_err();
    assert!(error.is(KnownHostCheckMismatchError));
    // A certificate that is not good leaves the key to be judged by itself.
    of(&format!("host.y {}", text(&key(9)))).checkp("host.y", None, &good, PLAIN).unwrap();
    // Nor is a certificate the key of a host on a list.
    assert_eq!(raised(hosts.addc("host.x", &good, ED25519, None, None)), KnownHostAddError);
    assert_eq!(raised(hosts.readline(format!("host.x {}", text(&good)))), KnownHostReadLineError);
}
