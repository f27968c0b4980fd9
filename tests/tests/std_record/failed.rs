//! Sessions that failed fail again: where the line broke, where a packet was forged, where a host key was not known.

use super::line::{Harm, to};
use super::{PATIENCE, PEERS, Tapes, end, replay};
use sanssh_core::crypto::fast::Fast;
use sanssh_core::replay::{Cut, Player, Script};
use sanssh_std::{Client, Error, KnownHosts, Options, Record, core::Error as Ssh, home};
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::openssh::Sshd;
use sanssh_tests::peers;

/// How a session over a bad line ends for its client, and its recording.
fn session(server: &Sshd, harm: Harm) -> (Error, Script) {
    let tapes = Tapes::default();
    let options = Options { record: Some(tapes.record()), ..Options::default() };
    let error = attempt(server, harm, &options).unwrap_err();
    (error, tapes.script())
}

fn attempt(server: &Sshd, harm: Harm, options: &Options) -> Result<(), Error> {
    let mut hosts = KnownHosts::files([server.known_hosts()]);
    let client = Client::from_stream(to(server.port(), harm), "127.0.0.1", server.port(), options, &mut hosts)?;
    client.set_timeout(PATIENCE);
    let key = home::read_key(&Keys::shared().client(Kind::Ed25519), None).unwrap();
    client.login_key(server.user(), &key)?.accepted()?;
    client.run("head -c 100000 /dev/zero").map(drop)
}

/// The error that the replay ends with.
fn fate(script: &Script) -> Option<Ssh> {
    let mut player = Player::new::<Fast>(script, Cut::Recorded).unwrap();
    while player.step().unwrap().is_some() {}
    player.fate()
}

#[test]
fn a_line_that_broke_breaks_again() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    for most in [10, 700, 3000, 20_000] {
        let (error, script) = session(&server, Harm::Cut(most));
        assert!(matches!(error, Error::Ssh(Ssh::HungUp)), "{most}: {error:?}");
        assert_eq!(end(&script), "HungUp", "{most}");
        assert_eq!(fate(&script), Some(Ssh::HungUp), "{most}");
        replay(&script);
    }
}

#[test]
fn a_forged_packet_is_forged_again() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    for place in [10_000, 50_000] {
        let (error, script) = session(&server, Harm::Flip(place));
        let Error::Ssh(error) = error else { panic!("{error:?}") };
        assert_eq!(end(&script), format!("{error:?}"), "{place}");
        assert_eq!(fate(&script), Some(error), "{place}");
        replay(&script);
    }
}

#[test]
fn an_unknown_host_stays_unknown() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    let tapes = Tapes::default();
    let options = Options { record: Some(tapes.record()), ..Options::default() };
    let nobody = tempfile::NamedTempFile::new().unwrap();
    let mut hosts = KnownHosts::files([nobody.path()]);
    let refused = Client::connect("127.0.0.1", server.port(), &options, &mut hosts).map(drop);
    assert!(matches!(refused, Err(Error::HostKey(_))), "{refused:?}");
    let script = tapes.script();
    assert_eq!(end(&script), "Untrusted");
    replay(&script);
}

/// Nobody is let believe that there is a recording where there is none.
#[test]
fn a_connection_that_cannot_be_recorded_is_not_made() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    let file = tempfile::NamedTempFile::new().unwrap();
    let options = Options { record: Some(Record::file(file.path())), ..Options::default() };
    let mut hosts = KnownHosts::files([server.known_hosts()]);
    let refused = Client::connect("127.0.0.1", server.port(), &options, &mut hosts).map(drop);
    assert!(matches!(refused, Err(Error::Io(_))), "{refused:?}");
    assert_eq!(std::fs::read(file.path()).unwrap(), b"");
}
