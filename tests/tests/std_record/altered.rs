//! A recording that was altered is told from a good one, at the step where it was.

use super::{Serving, Tapes};
use sanssh_core::crypto::fast::Fast;
use sanssh_core::replay::{Cut, Mismatch, Parting, Script, What, play};
use sanssh_std::{Options, ServerConfig, home};
use sanssh_tests::keys::{Keys, Kind};
use std::sync::LazyLock;

static SESSION: LazyLock<Script> = LazyLock::new(|| {
    let serving = Serving::start(ServerConfig::default());
    let tapes = Tapes::default();
    let client = serving.connect(&Options { record: Some(tapes.record()), ..Options::default() });
    let key = home::read_key(&Keys::shared().client(Kind::Ed25519), None).unwrap();
    client.login_key("me", &key).unwrap().accepted().unwrap();
    super::echo_to(&client, &super::text(5000), 3);
    drop(client);
    tapes.script()
});

/// How a play of the session ends that `alter` changed a step of.
fn altered(alter: &mut dyn FnMut(&mut What) -> bool) -> (usize, Mismatch) {
    let mut script = SESSION.clone();
    let place = script.steps.iter_mut().position(|step| alter(&mut step.what)).unwrap();
    (place + 1, play::<Fast>(&script, Cut::Recorded).unwrap_err())
}

#[test]
fn an_event_that_was_not_told() {
    let (step, mismatch) = altered(&mut |what| {
        let What::Event(words) = what else { return false };
        let found = words.starts_with("channel 0 data");
        words.extend(found.then_some('0'));
        found
    });
    assert_eq!(mismatch.step, step);
    assert!(matches!(mismatch.what, Parting::Told { .. }), "{mismatch}");
}

#[test]
fn a_byte_that_was_not_emitted() {
    let (step, mismatch) = altered(&mut |what| {
        let (What::Flush(bytes) | What::Emit(bytes)) = what else { return false };
        let byte = bytes.get_mut(50);
        byte.map(|byte| *byte ^= 1).is_some()
    });
    assert_eq!(mismatch.step, step);
    assert!(matches!(mismatch.what, Parting::Emitted { .. }), "{mismatch}");
}

#[test]
fn a_result_that_was_not_returned() {
    let (step, mismatch) = altered(&mut |what| {
        let What::Call(words) = what else { return false };
        let found = words.starts_with("write 0") && words.contains(" -> ");
        words.extend(found.then_some('1'));
        found
    });
    assert_eq!(mismatch.step, step);
    assert!(matches!(&mismatch.what, Parting::Returned { call, .. } if call == "write"), "{mismatch}");
}

/// A byte that came otherwise is forged, which shows at the first step that would have told of its packet.
#[test]
fn a_byte_that_was_not_received() {
    let mut later = 0;
    let (step, mismatch) = altered(&mut |what| {
        let What::Recv(bytes) = what else { return false };
        later += usize::from(bytes.len() > 30);
        if later == 4 {
            bytes[20] ^= 1;
        }
        later == 4
    });
    assert!(mismatch.step > step, "{mismatch}");
    assert!(matches!(&mismatch.what, Parting::Told { is, .. } if is.contains("Forged")), "{mismatch}");
}

#[test]
fn another_end() {
    let (step, mismatch) = altered(&mut |what| {
        let What::End(end) = what else { return false };
        "HungUp".clone_into(end);
        true
    });
    assert_eq!(mismatch.step, step);
    assert!(matches!(mismatch.what, Parting::Ended { .. }), "{mismatch}");
}

/// What cannot be done is an error as well, never a panic.
#[test]
fn nonsense() {
    for nonsense in [
        "call frob",
        "call write 77 x",
        "call accept",
        "call reply yes 9",
        "call release 0 -1",
        "call request 0 pty-req",
        "call password",
        "call open forwarded-tcpip 9 h 1 o 2",
        "call",
        "room 99999999999",
    ] {
        let text = format!("replay 2\nrole client\ntable 4\n{nonsense}\n");
        let mismatch = play::<Fast>(&Script::read(&text).unwrap(), Cut::Recorded).unwrap_err();
        assert!(matches!(mismatch.what, Parting::Undoable(_)), "{nonsense}: {mismatch}");
    }
    for head in ["config frob=1", "config window", "table 70000"] {
        let script = Script::read(&format!("replay 2\nrole server\n{head}\n")).unwrap();
        assert_eq!(play::<Fast>(&script, Cut::Recorded).unwrap_err().step, 0, "{head}");
    }
}
