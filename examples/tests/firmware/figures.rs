//! What the firmware costs: figures for people, and budgets that must hold.

use crate::board::{Board, Image, baked, ready};
use sanssh_tests::process::run;
use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Bytes of flash: the server on the small board, and with files and ML-KEM on the large one.
const FLASH: u64 = 105_000;
const FLASH_WITH_FILES: u64 = 170_000;
/// Bytes of static memory and of stack, at the deepest, together.
const RAM: u64 = 30_000;
/// Bytes of a connection with two channels.
const CONNECTION: u64 = 2_252;
/// Instructions of a server's handshake.
const HANDSHAKE: u64 = 6_000_000;

/// Tells a figure, and whether it is within its budget; what depends on the machine has none.
#[track_caller]
fn tell(what: &str, figure: u64, budget: Option<u64>) {
    let within = budget.map_or_else(String::new, |budget| format!(", of {budget}"));
    // Not `eprintln`, which a test that passes does not show.
    let _ = writeln!(io::stderr(), "firmware: {what}: {figure}{within}");
    assert!(budget.is_none_or(|budget| figure <= budget), "{what}: {figure} is more than {budget:?}");
}

/// Bytes that an image takes of the flash.
fn flash(image: Image) -> u64 {
    let told = run(Command::new("arm-none-eabi-size").arg(image.file()));
    let mut row = told.lines().nth(1).expect("a row").split_whitespace();
    let mut next = || row.next().expect("a figure").parse::<u64>().expect("a number");
    next() + next()
}

#[test]
fn images_fit() {
    if !ready() {
        return;
    }
    tell("bytes of flash, server", flash(Image::Server), Some(FLASH));
    tell("bytes of flash, client", flash(Image::Client), Some(FLASH));
    tell("bytes of flash, server with files and ML-KEM", flash(Image::Files), Some(FLASH_WITH_FILES));
}

#[test]
fn memory_fits() {
    if !ready() {
        return;
    }
    let board = Board::start(Image::Server);
    moves(&board, 100_000);
    tell("bytes of a connection with two channels", board.figure("connection "), Some(CONNECTION));
    let [statics, stack] = ["static ", "stack "].map(|name| board.figure(name));
    tell("bytes of static memory", statics, None);
    tell("bytes of stack", stack, None);
    tell("bytes of memory", statics + stack, Some(RAM));
    board.is_sound();
}

/// The smallest targets, and what is logged.
#[test]
fn the_core_suits_them_all() {
    if ready() {
        let mut check = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/firmware/check"));
        let told = run(check.env("FIRMWARE_KEYS", baked()).env_remove("LD_LIBRARY_PATH"));
        assert_eq!(told.lines().count(), 6, "{told}");
    }
}

/// Counted by the emulator, so that they are the same on any machine.
#[test]
fn a_handshake_takes_so_many_instructions() {
    if !ready() {
        return;
    }
    for (image, name) in [(Image::Server, "a Cortex-M3"), (Image::Files, "a Cortex-M4")] {
        let board = Board::counting(image);
        tell(&format!("instructions of a handshake, {name}"), board.figure("handshake "), Some(HANDSHAKE));
        board.is_sound();
    }
}

/// For people: no test depends on how fast a machine is.
#[test]
fn speeds() {
    const BYTES: usize = 4_000_000;
    if !ready() {
        return;
    }
    for (image, name) in [(Image::Server, "small board"), (Image::Files, "large board")] {
        let board = Board::start(image);
        let begun = Instant::now();
        board.says("echo here");
        tell(&format!("milliseconds of a login, {name}"), milliseconds(begun), None);
        let [up, down] = moves(&board, BYTES).map(|spent| BYTES as u64 / spent.max(1));
        tell(&format!("kB a second to it, {name}"), up, None);
        tell(&format!("kB a second from it, {name}"), down, None);
        board.is_sound();
    }
}

fn milliseconds(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Moves bytes to a board and from it; the milliseconds of each.
fn moves(board: &Board, bytes: usize) -> [u64; 2] {
    let begun = Instant::now();
    let mut count = board.ssh(&[]);
    let mut child = count.arg("count").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a client");
    child.stdin.take().expect("its input").write_all(&vec![0; bytes]).expect("it takes them");
    let counted = child.wait_with_output().expect("its end").stdout;
    assert_eq!(counted, format!("{bytes}\n").as_bytes());
    let up = milliseconds(begun);
    let begun = Instant::now();
    assert_eq!(board.says(&format!("bytes {bytes}")).len(), bytes);
    [up, milliseconds(begun)]
}
