//! Channels by their documented names.

use crate::rig::{MODES, Mode, Ours, Peer, call, drain, each, feed, openssh, readable};
use sanssh_compat::channel::*;
use sanssh_compat::exceptions::*;
use sanssh_compat::session::Session;
use sanssh_tests::user::PasswordUser;
use std::io::{Read, Write};

fn open(session: &Session) -> Channel {
    call(session, || session.open_session()).unwrap()
}

fn run(session: &Session, command: &str) -> Channel {
    let channel = open(session);
    call(session, || channel.execute(command)).unwrap();
    channel
}

fn finish(session: &Session, channel: &Channel) {
    call(session, || channel.wait_eof()).unwrap();
    call(session, || channel.close()).unwrap();
    call(session, || channel.close()).unwrap();
    call(session, || channel.wait_closed()).unwrap();
}

#[test]
fn execute_read_read_stderr_eof_close_and_the_exit_status() {
    each(|peer, mode| {
        let session = peer.session(mode);
        let channel = run(&session, "echo out; echo err >&2; exit 7");
        assert!(*channel.session() == session);
        assert_eq!(drain(&session, |space| channel.read(space)), b"out\n");
        assert!(!channel.eof(), "standard error was not read");
        assert_eq!(drain(&session, |space| channel.read_stderr(space)), b"err\n");
        assert!(channel.eof());
        finish(&session, &channel);
        assert_eq!((channel.get_exit_status(), channel.get_exit_signal()), (7, None));
    });
}

#[test]
fn write_and_send_eof_feed_the_command() {
    each(|peer, mode| {
        let session = peer.session(mode);
        let channel = run(&session, "wc -c");
        let data = vec![b'x'; 1_000_000];
        feed(&session, &data, |rest| channel.write(rest));
        assert_eq!((channel.write(b""), channel.write_ex(0, "")), (Ok(0), Ok(0)));
        call(&session, || channel.send_eof()).unwrap();
        call(&session, || channel.send_eof()).unwrap();
        assert!(channel.write(b"more").unwrap_err().is(ChannelEOFSentError));
        assert_eq!(String::from_utf8(drain(&session, |space| channel.read(space))).unwrap().trim(), "1000000");
        finish(&session, &channel);
        assert!(channel.write(b"more").unwrap_err().is(ChannelClosedError));
        assert!(channel.write_stderr(b"more").unwrap_err().is(ChannelClosedError));
    });
}

#[test]
fn while_calls_wait_everything_is_written_at_once() {
    let peer = Peer::Ours(Ours::start());
    let session = peer.session(Mode::Blocking);
    let channel = run(&session, "cat >/dev/null; echo done");
    let data = vec![1; 5_000_000];
    assert_eq!(channel.write(&data), Ok(data.len()));
    channel.send_eof().unwrap();
    assert_eq!(drain(&session, |space| channel.read_ex(space, 0)), b"done\n");
}

#[test]
fn a_shell_reads_its_commands_and_a_subsystem_is_there_or_not() {
    each(|peer, mode| {
        let session = peer.session(mode);
        let channel = open(&session);
        call(&session, || channel.shell()).unwrap();
        feed(&session, b"echo from the shell; exit 3\n", |rest| channel.write_ex(0, rest));
        let said = drain(&session, |space| channel.read(space));
        assert!(String::from_utf8_lossy(&said).contains("from the shell"));
        finish(&session, &channel);
        assert_eq!(channel.get_exit_status(), 3);
        let channel = open(&session);
        let refused = call(&session, || channel.subsystem("nonsense")).unwrap_err();
        assert!(refused.is(ChannelRequestDenied) && refused.code() == -22, "{refused}");
        if matches!(peer, Peer::OpenSsh(_)) {
            let channel = open(&session);
            call(&session, || channel.subsystem("sftp")).unwrap();
        }
    });
}

#[test]
fn process_startup_is_each_of_them() {
    each(|peer, mode| {
        let session = peer.session(mode);
        let channel = open(&session);
        call(&session, || channel.process_startup("exec", Some("echo started"))).unwrap();
        assert_eq!(drain(&session, |space| channel.read(space)), b"started\n");
        let channel = open(&session);
        assert!(channel.process_startup("nonsense", None).unwrap_err().is(InvalidRequestError));
        assert!(call(&session, || channel.process_startup("subsystem", Some("nonsense"))).is_err());
        let channel = open(&session);
        call(&session, || channel.process_startup("shell", None)).unwrap();
    });
}

#[test]
fn a_second_start_is_a_bad_use() {
    each(|peer, mode| {
        let session = peer.session(mode);
        let channel = run(&session, "true");
        for again in [channel.execute("true"), channel.shell(), channel.subsystem("sftp")] {
            let error = again.unwrap_err();
            assert!(error.is(BadUseError) && error.to_string() == "Channel can not be reused", "{error}");
        }
    });
}

#[test]
fn pty_pty_size_and_setenv_reach_the_command() {
    let Some(peer) = openssh(&[]) else { return };
    for mode in MODES {
        let session = peer.session(mode);
        let channel = open(&session);
        call(&session, || channel.pty("vt100")).unwrap();
        call(&session, || channel.setenv("TEST_ONE", "a value")).unwrap();
        call(&session, || channel.pty_size(100, 30)).unwrap();
        call(&session, || channel.execute("stty size; echo $TERM $TEST_ONE")).unwrap();
        let said = String::from_utf8(drain(&session, |space| channel.read(space))).unwrap();
        assert_eq!(said.split_whitespace().collect::<Vec<_>>(), ["30", "100", "vt100", "a", "value"], "{said}");
    }
}

#[test]
fn variables_that_a_server_refuses_are_denied() {
    let peer = Peer::Ours(Ours::start());
    for mode in MODES {
        let session = peer.session(mode);
        let channel = open(&session);
        assert!(call(&session, || channel.setenv("LD_PRELOAD", "x")).unwrap_err().is(ChannelRequestDenied));
        call(&session, || channel.setenv("TEST_TWO", "2")).unwrap();
        call(&session, || channel.execute("echo $TEST_TWO")).unwrap();
        assert_eq!(drain(&session, |space| channel.read(space)), b"2\n");
    }
}

#[test]
fn agents_and_displays_are_asked_for() {
    let Some(peer) = openssh(&["X11Forwarding no"]) else { return };
    for mode in MODES {
        let session = peer.session(mode);
        let channel = open(&session);
        call(&session, || channel.request_auth_agent()).unwrap();
        assert!(call(&session, || channel.x11_req(0)).unwrap_err().is(ChannelRequestDenied));
        let one = call(&session, || channel.x11_req_ex(true, b"MIT-MAGIC-COOKIE-1", b"00112233", 1));
        assert!(one.unwrap_err().is(ChannelRequestDenied));
        call(&session, || channel.execute("test -S \"$SSH_AUTH_SOCK\" && echo agent")).unwrap();
        assert_eq!(drain(&session, |space| channel.read(space)), b"agent\n");
    }
    let peer = Peer::Ours(Ours::start());
    for mode in MODES {
        let session = peer.session(mode);
        let channel = open(&session);
        call(&session, || channel.x11_req(0)).unwrap();
    }
}

#[test]
fn signals_reach_the_command_and_its_end_is_told() {
    // The server signals nobody as root.
    let Some(user) = PasswordUser::create() else { return };
    let Some(peer) = openssh(&["PasswordAuthentication yes"]) else { return };
    for mode in MODES {
        let session = peer.shaken(mode);
        call(&session, || session.userauth_password(user.name(), user.password())).unwrap();
        let channel = run(&session, "echo ready; read line");
        let mut space = [0; 100];
        assert_eq!(call(&session, || channel.read(&mut space)), Ok(6));
        call(&session, || channel.signal("TERM")).unwrap();
        finish(&session, &channel);
        let signal = channel.get_exit_signal().unwrap();
        assert_eq!((signal.exit_signal.as_str(), channel.get_exit_status()), ("TERM", 0));
    }
}

#[test]
fn extended_data_is_kept_apart_dropped_or_merged() {
    each(|peer, mode| {
        let session = peer.session(mode);
        let channel = open(&session);
        channel.handle_extended_data2(LIBSSH2_CHANNEL_EXTENDED_DATA_MERGE).unwrap();
        call(&session, || channel.execute("echo one; sleep 0.1; echo two >&2; sleep 0.1; echo three")).unwrap();
        assert_eq!(drain(&session, |space| channel.read(space)), b"one\ntwo\nthree\n");
        let channel = open(&session);
        channel.handle_extended_data2(LIBSSH2_CHANNEL_EXTENDED_DATA_IGNORE).unwrap();
        call(&session, || channel.execute("head -c 4000000 /dev/zero >&2; echo out")).unwrap();
        assert_eq!(drain(&session, |space| channel.read(space)), b"out\n");
        assert_eq!(drain(&session, |space| channel.read_stderr(space)), b"");
        let channel = open(&session);
        #[expect(deprecated, reason = "the names are there")]
        {
            channel.ignore_extended_data(1).unwrap();
            channel.handle_extended_data(LIBSSH2_CHANNEL_EXTENDED_DATA_NORMAL).unwrap();
        }
        assert!(channel.handle_extended_data2(3).unwrap_err().is(InvalidRequestError));
        call(&session, || channel.execute("echo err >&2")).unwrap();
        let read = |space: &mut [u8]| channel.read_ex(space, SSH_EXTENDED_DATA_STDERR);
        assert_eq!(drain(&session, read), b"err\n");
        assert!(channel.read_ex(&mut [0], 2).unwrap_err().is(InvalidRequestError));
    });
}

#[test]
fn flushes_drop_what_was_not_read_and_count_it() {
    each(|peer, mode| {
        let session = peer.session(mode);
        let channel = run(&session, "printf 12345; printf 123 >&2");
        call(&session, || channel.wait_eof()).unwrap();
        assert!(!channel.eof());
        assert_eq!((channel.poll_channel_read(false), channel.poll_channel_read(true)), (Ok(true), Ok(true)));
        assert_eq!((channel.flush(), channel.flush_stderr()), (Ok(5), Ok(3)));
        assert_eq!((channel.poll_channel_read(false), channel.poll_channel_read(true)), (Ok(false), Ok(false)));
        assert!(channel.eof());
        let channel = run(&session, "printf 12345; printf 123 >&2");
        call(&session, || channel.wait_eof()).unwrap();
        assert_eq!(channel.flush_ex(LIBSSH2_CHANNEL_FLUSH_EXTENDED_DATA), Ok(3));
        assert_eq!(channel.flush_ex(LIBSSH2_CHANNEL_FLUSH_ALL), Ok(5));
        assert!(channel.flush_ex(9).unwrap_err().is(InvalidRequestError));
    });
}

#[test]
fn windows_are_told_and_can_be_widened() {
    each(|peer, mode| {
        let session = peer.session(mode);
        let channel = run(&session, "head -c 1000 /dev/zero; cat");
        let first = channel.window_read_ex().window_size_initial;
        assert_eq!(first, 2 * 1024 * 1024);
        assert!(channel.window_write() > 0 && channel.window_write_ex().size > 0);
        while channel.window_read_ex().read_avail < 1000 {
            readable(&session);
            channel.poll_channel_read(false).unwrap();
        }
        assert_eq!(channel.window_read(), first - 1000);
        channel.receive_window_adjust2(1000, false).unwrap();
        channel.receive_window_adjust2(first, true).unwrap();
        #[expect(deprecated, reason = "the name is there")]
        channel.receive_window_adjust(0, true).unwrap();
        // Half a window and more was added: the server is told.
        assert_eq!(channel.window_read(), first + first);
    });
}

#[test]
fn a_window_full_of_what_nobody_reads_has_no_end() {
    each(|peer, mode| {
        let session = peer.session(mode);
        let channel = run(&session, "head -c 3000000 /dev/zero");
        let error = call(&session, || channel.wait_eof()).unwrap_err();
        assert!(error.is(ChannelWindowFullError) && error.code() == -47, "{error}");
        assert_eq!(drain(&session, |space| channel.read(space)).len(), 3_000_000);
        finish(&session, &channel);
    });
}

#[test]
fn one_stream_can_be_read_whole_before_the_other() {
    each(|peer, mode| {
        let session = peer.session(mode);
        let channel = run(&session, "head -c 5000000 /dev/zero >&2; echo out");
        assert_eq!(drain(&session, |space| channel.read(space)), b"out\n");
        assert_eq!(drain(&session, |space| channel.read_stderr(space)).len(), 5_000_000);
        finish(&session, &channel);
    });
}

/// What a server can make a program keep has an end.
#[test]
fn what_is_kept_of_a_stream_that_nobody_reads_is_bounded() {
    let Some(peer) = openssh(&[]) else { return };
    let session = peer.session(Mode::Blocking);
    let channel = run(&session, "cat /dev/zero >&2");
    let error = channel.read(&mut [0]).unwrap_err();
    assert!(error.is(ChannelWindowFullError), "{error}");
    assert_eq!(channel.flush_stderr(), Ok(34 << 20));
    channel.close().unwrap();
}

#[test]
fn wait_closed_before_the_end_of_the_stream_is_an_invalid_request() {
    each(|peer, mode| {
        let session = peer.session(mode);
        let channel = run(&session, "cat");
        let error = channel.wait_closed().unwrap_err();
        assert!(error.is(InvalidRequestError) && error.code() == -34, "{error}");
        call(&session, || channel.send_eof()).unwrap();
        finish(&session, &channel);
    });
}

#[test]
fn a_channel_that_was_never_opened() {
    let channel = Channel::new(&Session::new());
    assert!(channel.eof());
    assert_eq!((channel.get_exit_status(), channel.get_exit_signal()), (0, None));
    assert_eq!((channel.window_read(), channel.window_write()), (0, 0));
    assert_eq!(channel.write(b""), Ok(0));
    for error in [
        channel.write(b"x").unwrap_err(),
        channel.read(&mut [0]).unwrap_err(),
        channel.execute("x").unwrap_err(),
        channel.close().unwrap_err(),
        channel.flush().unwrap_err(),
        channel.pty("vt100").unwrap_err(),
    ] {
        assert!(error.is(BadUseError), "{error}");
    }
    assert_eq!(channel.session().last_errno(), -39);
}

#[test]
fn read_and_write_are_also_those_of_the_standard_library() {
    let peer = Peer::Ours(Ours::start());
    let session = peer.session(Mode::Blocking);
    let mut channel = run(&session, "cat");
    write!(channel, "written").unwrap();
    Write::flush(&mut channel).unwrap();
    channel.send_eof().unwrap();
    let mut said = String::new();
    channel.read_to_string(&mut said).unwrap();
    assert_eq!(said, "written");
    session.set_blocking(false);
    let channel = run(&session, "cat");
    assert_eq!(Read::read(&mut &channel, &mut [0; 10]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    Write::flush(&mut &channel).unwrap();
}

/// An operation that is given up half-way takes nothing with it.
#[test]
fn what_is_given_up_leaves_the_session_sound() {
    each(|peer, mode| {
        if mode == Mode::Blocking {
            return;
        }
        let session = peer.session(mode);
        let _: Result<Channel, Error> = session.open_session();
        let channel = open(&session);
        assert_eq!(channel.execute("cat /dev/zero"), Err(Error::Again));
        drop(channel);
        let channel = open(&session);
        assert_eq!(channel.execute("echo sound"), Err(Error::Again));
        // The other mode goes on with what is pending.
        session.set_blocking(true);
        assert_eq!(session.block_directions(), 0);
        channel.execute("echo sound").unwrap();
        assert_eq!(drain(&session, |space| channel.read(space)), b"sound\n");
    });
}
