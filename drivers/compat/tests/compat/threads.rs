//! One session in several threads.

use crate::rig::{Mode, call, drain, each};
use std::thread;

#[test]
fn channels_of_one_session_go_on_in_their_own_threads() {
    each(|peer, mode| {
        let session = peer.session(mode);
        thread::scope(|scope| {
            for n in 0..4 {
                let session = session.clone();
                scope.spawn(move || {
                    for round in 0..3 {
                        let channel = call(&session, || session.open_session()).unwrap();
                        let command = format!("head -c {} /dev/zero", 100_000 * (n + 1) + round);
                        call(&session, || channel.execute(&command)).unwrap();
                        let got = drain(&session, |space| channel.read(space)).len();
                        assert_eq!(got, 100_000 * (n + 1) + round);
                        call(&session, || channel.close()).unwrap();
                    }
                });
            }
        });
    });
}

/// A thread that reads does not hold up another that writes on the same channel.
#[test]
fn one_thread_reads_what_another_writes() {
    each(|peer, mode| {
        if mode == Mode::NonBlocking {
            return;
        }
        let session = peer.session(mode);
        let channel = session.open_session().unwrap();
        channel.execute("cat").unwrap();
        let data: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        thread::scope(|scope| {
            scope.spawn(|| {
                channel.write(&data).unwrap();
                channel.send_eof().unwrap();
            });
            assert!(drain(&session, |space| channel.read(space)) == data);
        });
    });
}

/// Whoever shook hands need not be who goes on.
#[test]
fn a_session_moves_between_threads() {
    each(|peer, mode| {
        let session = thread::scope(|scope| scope.spawn(|| peer.shaken(mode)).join().unwrap());
        let list =
            thread::scope(|scope| scope.spawn(|| call(&session, || session.userauth_list("user"))).join().unwrap());
        assert!(list.unwrap().is_some());
    });
}
