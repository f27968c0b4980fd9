//! The server on the large board: files, and the key exchange that is safe from quantum computers.

use crate::board::{Board, Image, ready};
use sanssh_std::core::algorithm::{Kex, list};
use sanssh_std::{Client, KnownHosts, Options, home};
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::process::run;
use std::fs;
use std::process::Command;

#[test]
fn sftp_puts_and_gets_the_same() {
    if !ready() {
        return;
    }
    let board = Board::start(Image::Files);
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    let bytes: Vec<u8> = (0..65_536_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0]).collect();
    fs::write(path("sent"), &bytes).expect("a file");
    let batch = format!(
        "put {} thing\nls -l\nrename thing other\nget other {}\nls\n-get thing\nput {1} small\nrm other\nrm small\n",
        path("sent").display(),
        path("received").display()
    );
    fs::write(path("batch"), batch).expect("a batch");
    let ssh = board.ssh(&[]);
    // The same options and the same address, as sftp has them.
    let options = ssh.get_args().take_while(|argument| *argument != "-p");
    let mut sftp = Command::new(sanssh_tests::peers::path("sftp"));
    sftp.args(options).arg("-P").arg(board.port().to_string()).arg("-b").arg(path("batch")).arg("127.0.0.1");
    let told = run(sftp.env_remove("SSH_AUTH_SOCK"));
    assert!(told.contains("65536 Jan  1  1970 thing"), "{told}");
    assert!(fs::read(path("received")).expect("a file") == bytes, "what came back is not what was sent");
    board.is_sound();
}

#[test]
fn the_hybrid_exchange_is_done() {
    if !ready() {
        return;
    }
    let board = Board::start(Image::Files);
    let mut options = Options::default();
    options.core.preferences.kex = list(&[Kex::MlKem768X25519]);
    let mut hosts = KnownHosts::files([board.known_hosts()]);
    let client = Client::connect("127.0.0.1", board.port(), &options, &mut hosts).expect("a connection");
    assert_eq!(client.summary().expect("keys").kex, Kex::MlKem768X25519);
    let key = home::read_key(&Keys::shared().client(Kind::Ed25519), None).expect("a key");
    client.login_key("anybody", &key).and_then(sanssh_std::Login::accepted).expect("a login");
    assert_eq!(client.run("echo safe").expect("a command").stdout, b"safe\n");
    drop(client);
    board.is_sound();
}
