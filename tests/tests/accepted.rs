//! What must be accepted though it is odd: users reported peers that refused it. Each test bears its row's number.

use sanssh_core::algorithm::{HostKey, Zip};
use sanssh_core::role::{Client, Server};
use sanssh_tests::both_roles;
use sanssh_tests::forger::{Feed, Forger, Side, any, both_ways, compressing, debug, login, password};

const IGNORE: &[u8] = &[2, 0, 0, 0, 0];

/// Goes through an exchange with what `change` makes of the lists of KEXINIT.
fn agrees<R: Side>(feed: Feed, change: impl Fn(&mut String, usize)) {
    let mut forger = Forger::<R>::new(feed).greeted();
    (0..10).for_each(|at| change(forger.proposal.list(at), at));
    forger.send_offer();
    forger.send_share();
    forger.send_new_keys();
    forger.forget();
    forger.send(IGNORE);
    forger.lives(&[], &[]);
}

#[test]
fn t1_odd_name_lists() {
    fn case<R: Side>(feed: Feed) {
        agrees::<R>(feed, |list, _| list.push(','));
        agrees::<R>(feed, |list, _| list.insert(0, ','));
        agrees::<R>(feed, |list, _| *list = format!("strange@example.org,{list}"));
        agrees::<R>(feed, |list, _| *list = format!("{list},,other,{}", "x".repeat(64)));
        agrees::<R>(feed, |list, at| {
            if at >= 8 {
                *list = "en,de".into();
            }
        });
    }
    both_roles!(case);
    both_ways(|feed| {
        let mut forger = asking(feed);
        forger.send(&any(51).string("password,,strange,").u8(0).done());
        forger.lives(&["refused {Password} false"], &[]);
        let mut forger = asking(feed);
        forger.send(&any(51).string("").u8(0).done());
        forger.lives(&["refused {} false"], &[]);
    });
}

/// A client that has sent a password.
fn asking(feed: Feed) -> Forger<Client> {
    let mut forger = Forger::new(feed).served();
    forger.machine.log_in();
    forger.hear();
    forger.forget();
    forger
}

#[test]
fn t2_no_mac_in_common_where_none_is_needed() {
    fn case<R: Side>(feed: Feed) {
        agrees::<R>(feed, |list, at| {
            if matches!(at, 4 | 5) {
                *list = "umac-64@openssh.com".into();
            }
        });
        agrees::<R>(feed, |list, at| {
            if matches!(at, 4 | 5) {
                list.clear();
            }
        });
    }
    both_roles!(case);
}

#[test]
fn t3_text_before_the_servers_identification() {
    both_ways(|feed| {
        let mut forger = Forger::<Client>::new(feed);
        forger.forget();
        forger.send_bytes(b"Welcome.\r\n\nNo trespassing, SSH-2.0 or not.\n SSH-2.0-x\r\n");
        forger.lives(&["text Welcome.", "text ", "text No trespassing, SSH-2.0 or not.", "text  SSH-2.0-x"], &[]);
        let mut forger = forger.keyed();
        forger.send(IGNORE);
        forger.lives(&[], &[]);
    });
}

/// A client that has asked to be asked.
fn interactive(feed: Feed) -> Forger<Client> {
    let mut forger = Forger::new(feed).served();
    forger.machine.emit(|ssh, output| ssh.interactive(b"user", output)).expect("may be sent");
    forger.hear();
    forger.forget();
    forger
}

#[test]
fn t4_rounds_without_prompts_and_banners_between_them() {
    let prompts = |count: u32| {
        let head = any(60).string("").string("").string("").u32(count);
        (0..count).fold(head, |head, _| head.string("").u8(0)).done()
    };
    both_ways(|feed| {
        let mut forger = interactive(feed);
        forger.send(&prompts(0));
        forger.lives(&["prompts 0"], &[61]);
        forger.send(&any(53).string("patience").string("").done());
        forger.send(&prompts(2));
        forger.lives(&["banner patience", "prompts 2"], &[61]);
        forger.send(&prompts(0));
        forger.send(&any(53).string("").string("").done());
        forger.send(&[52]);
        forger.lives(&["prompts 0", "banner ", "accepted true"], &[61]);
    });
    both_ways(|feed| {
        let mut forger = Forger::<Server>::new(feed).served();
        forger.machine.policy.prompts = 0;
        forger.send(&login("user", "keyboard-interactive").string("en").string("pam,bsdauth").done());
        forger.lives(&["attempt user Interactive fresh"], &[60]);
        forger.send(&any(61).u32(0).done());
        forger.lives(&["answers 0"], &[52]);
    });
}

#[test]
fn t5_the_service_asked_for_before_each_attempt() {
    both_ways(|feed| {
        let mut forger = Forger::<Server>::new(feed).served();
        for _ in 0..3 {
            forger.send(&any(5).string("ssh-userauth").done());
            forger.send(&password("user", "wrong"));
        }
        assert_eq!(forger.numbers(), [6, 51, 6, 51, 6, 51]);
        // In one flight too, and each is answered.
        forger.forget();
        let service = any(5).string("ssh-userauth").done();
        forger.send_all(&[&service, &service, &service]);
        forger.lives(&[], &[6, 6, 6]);
        forger.send_all(&[&any(5).string("ssh-userauth").done(), &password("user", "right")]);
        forger.lives(&["attempt user Password"], &[6, 52]);
    });
}

#[test]
fn t7_a_payload_that_expands_more_than_twice() {
    fn case<R: Side>(feed: Feed) {
        for zip in [Zip::Zlib, Zip::ZlibDelayed] {
            let mut forger = compressing::<R>(feed, zip);
            let text = "all work and no play ".repeat(3000);
            let payload = debug(&text);
            let before = forger.line.zip.deflate.as_ref().expect("a stream").total_out();
            forger.send(&payload);
            let sent = forger.line.zip.deflate.as_ref().expect("a stream").total_out() - before;
            assert!(sent * 100 < payload.len() as u64, "{sent} bytes expand to {}", payload.len());
            forger.lives(&[&format!("debug {text}")], &[]);
        }
    }
    both_roles!(case);
}

#[test]
fn t8_extensions_never_or_twice() {
    both_ways(|feed| {
        let mut forger = Forger::<Client>::new(feed).authenticated();
        assert_eq!(forger.machine.ssh.accepts(HostKey::RsaSha256), None, "nothing was said");
        forger.send(IGNORE);
        forger.lives(&[], &[]);
        let algorithms = |names: &str| any(7).u32(1).string("server-sig-algs").string(names).done();
        let mut forger = Forger::<Client>::new(feed).keyed();
        forger.send(&algorithms("ssh-ed25519"));
        forger.send(&any(6).string("ssh-userauth").done());
        forger.machine.log_in();
        forger.hear();
        forger.forget();
        forger.send(&algorithms("rsa-sha2-256"));
        forger.send(&[52]);
        forger.lives(&["extensions", "accepted true"], &[]);
        assert_eq!(forger.machine.ssh.accepts(HostKey::RsaSha256), Some(true));
        assert_eq!(forger.machine.ssh.accepts(HostKey::Ed25519), Some(false), "the second counts");
    });
}

#[test]
fn t9_rekeys_at_any_moment_and_without_markers() {
    fn case<R: Side>(feed: Feed) {
        let starts: [fn(Feed) -> Forger<R>; 4] = [
            |feed| Forger::new(feed).keyed(),
            |feed| Forger::new(feed).served(),
            |feed| Forger::new(feed).authenticated(),
            |feed| Forger::new(feed).with_channel().0,
        ];
        for start in starts {
            let mut forger = start(feed);
            forger.proposal.kex = "curve25519-sha256".into();
            forger.rekey();
            forger.rekey();
            assert_eq!(forger.machine.over, None);
            (0..10).for_each(|_| forger.send(IGNORE));
            forger.rekey();
            forger.forget();
            forger.send(IGNORE);
            forger.lives(&[], &[]);
        }
    }
    both_roles!(case);
}

/// A login that is under way goes on after a rekey in its middle.
#[test]
fn t9_a_rekey_in_the_middle_of_a_login() {
    both_ways(|feed| {
        let mut forger = interactive(feed);
        forger.rekey();
        forger.forget();
        forger.send(&any(60).string("").string("").string("").u32(1).string("word: ").u8(0).done());
        forger.send_offer();
        forger.send_share();
        forger.send_new_keys();
        forger.forget();
        forger.send(&[52]);
        forger.lives(&["accepted true"], &[]);
        let mut forger = Forger::<Server>::new(feed).served();
        forger.send(&login("user", "keyboard-interactive").string("").string("").done());
        forger.rekey();
        forger.forget();
        forger.send(&any(61).u32(1).string("right").done());
        forger.lives(&["answers 1"], &[52]);
    });
}

#[test]
fn t10_nothing_sent_nothing_granted() {
    fn case<R: Side>(feed: Feed) {
        let (mut forger, channel) = Forger::<R>::new(feed).with_channel();
        let adjust = |bytes: u32| any(93).u32(channel).u32(bytes).done();
        forger.send(&any(94).u32(channel).string("").done());
        forger.send(&any(95).u32(channel).u32(1).string("").done());
        forger.send(&adjust(0));
        forger.lives(&[], &[]);
        forger.send(&any(96).u32(channel).done());
        forger.send(&adjust(7));
        forger.send(&adjust(0));
        forger.lives(&["eof"], &[]);
        // And after our own EOF, and our CLOSE.
        let id = forger.machine.channels[0];
        forger.machine.ssh.finish(id);
        forger.machine.pump();
        forger.send(&adjust(7));
        forger.machine.ssh.close(id);
        forger.machine.pump();
        forger.hear();
        forger.send(&adjust(7));
        forger.send(&any(97).u32(channel).done());
        forger.lives(&["closed"], &[96, 97]);
    }
    both_roles!(case);
}

#[test]
fn t11_the_largest_packets_that_everybody_must_take() {
    fn case<R: Side>(_: Feed) {
        let (mut forger, channel) = Forger::<R>::new(Feed::Whole).with_channel();
        let payload = any(94).u32(channel).string(vec![7; 32_768]).done();
        forger.send(&payload);
        forger.lives(&["data 32768"], &[]);
        let frame = forger.line.frame_with(&payload, 200);
        forger.send_frame(&frame);
        forger.lives(&["data 32768"], &[]);
        // A whole packet of 35 000 bytes, length field and tag included, whose block allows none nearer.
        let shape = forger.line.shape();
        let length = (35_000 - 4 - shape.tag) / shape.block * shape.block;
        let data = vec![0; length - 1 - 4 - 5];
        let frame = forger.line.frame(&any(2).string(data).done());
        assert_eq!(frame.length, u32::try_from(length).expect("a length"));
        forger.send_frame(&frame);
        forger.lives(&[], &[]);
    }
    both_roles!(case);
}

#[test]
fn t13_a_status_after_the_end() {
    both_ways(|feed| {
        let (mut forger, channel) = Forger::<Client>::new(feed).with_channel();
        let status = any(98).u32(channel).string("exit-status").u8(0).u32(3).done();
        let (eof, close) = (any(96).u32(channel).done(), any(97).u32(channel).done());
        forger.send(&eof);
        forger.send(&status);
        forger.send(&close);
        forger.lives(&["eof", "notice ExitStatus(3)", "closed"], &[97]);
        // Our CLOSE crosses what the server still has to say.
        let channel = forger.open_channel(8);
        let status = any(98).u32(channel).string("exit-status").u8(0).u32(4).done();
        let id = forger.machine.channels[1];
        forger.machine.ssh.close(id);
        forger.machine.pump();
        forger.hear();
        forger.forget();
        forger.send(&any(94).u32(channel).string("late").done());
        forger.send(&any(96).u32(channel).done());
        forger.send(&status);
        forger.send(&any(97).u32(channel).done());
        forger.lives(&["notice ExitStatus(4)", "closed"], &[]);
    });
}
