//! A server that says nothing any more, and a line that is cut: what each call that waits for the server makes of it.

use crate::rig::{MODES, Mode, Ours, Peer, call, openssh};
use sanssh_compat::channel::Channel;
use sanssh_compat::exceptions::*;
use sanssh_compat::session::Session;
use sanssh_compat::sftp::{LIBSSH2_FXF_READ, LIBSSH2_FXF_WRITE};
use sanssh_compat::sftp_handle::SFTPAttributes;
use sanssh_core::agent::Constraints;
use sanssh_std::{Agent, home};
use sanssh_tests::agents::Foreign;
use sanssh_tests::delay::{Line, Proxy};
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::peers;
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::PathBuf;

/// How a line goes bad.
#[derive(Debug, Clone, Copy)]
enum End {
    Silence,
    Cut,
}

/// A session by a line that goes bad when told to.
struct Rig {
    session: Session,
    user: String,
    line: Proxy,
    end: End,
    agent: PathBuf,
}

impl Rig {
    fn new(peer: &Peer, end: End, agent: PathBuf) -> Self {
        let line = Proxy::start(peer.address(), Line::default()).unwrap();
        let session = Session::new();
        session.handshake(TcpStream::connect(line.address()).unwrap()).unwrap();
        Self { session, user: peer.user().to_owned(), line, end, agent }
    }

    fn login(&self) -> &Session {
        self.session.userauth_publickey_fromfile(&self.user, key(), "", None).unwrap();
        &self.session
    }

    /// A file that there is at the server.
    fn file(&self) -> String {
        self.agent.with_file_name("file").display().to_string()
    }

    fn channel(&self) -> Channel {
        self.login().open_session().unwrap()
    }

    /// A command that says nothing by itself, and ends with the connection.
    fn running(&self) -> Channel {
        let channel = self.channel();
        channel.execute("cat").unwrap();
        channel
    }

    /// From here on the line is bad. `what` comes after that.
    fn then<T>(&self, what: impl FnOnce() -> Result<T, Error>) -> Result<(), Error> {
        match self.end {
            End::Silence => self.line.hush(),
            End::Cut => self.line.cut(),
        }
        self.session.set_timeout(100);
        what().map(drop)
    }
}

fn key() -> PathBuf {
    Keys::shared().client(Kind::Ed25519)
}

/// What a call is named, and what has to go before it.
type Row = (&'static str, fn(&Rig) -> Result<(), Error>);

const LOGINS: [Row; 10] = [
    ("userauth_list", |rig| rig.then(|| rig.session.userauth_list("user"))),
    ("userauth_password", |rig| rig.then(|| rig.session.userauth_password("user", "pass"))),
    ("userauth_keyboardinteractive", |rig| rig.then(|| rig.session.userauth_keyboardinteractive("user", "pass"))),
    ("userauth_keyboardinteractive_callback", |rig| {
        rig.then(|| rig.session.userauth_keyboardinteractive_callback("user", |_, _, _| Vec::new()))
    }),
    ("userauth_publickey_fromfile", |rig| {
        rig.then(|| rig.session.userauth_publickey_fromfile("user", key(), "", None))
    }),
    ("userauth_publickey_frommemory", |rig| {
        let text = fs::read(key()).unwrap();
        rig.then(|| rig.session.userauth_publickey_frommemory("user", &text, "", None))
    }),
    ("userauth_publickey", |rig| {
        let text = sanssh_tests::keys::public(&key());
        rig.then(|| rig.session.userauth_publickey("user", text.as_bytes(), |_, _| None))
    }),
    ("userauth_hostbased_fromfile", |rig| {
        rig.then(|| rig.session.userauth_hostbased_fromfile("user", key(), "client.example", None, ""))
    }),
    ("Agent::userauth", |rig| {
        let agent = rig.session.agent_init();
        agent.set_identity_path(&rig.agent);
        agent.connect().unwrap();
        let key = agent.get_identities().unwrap().remove(0);
        rig.then(|| agent.userauth("user", &key))
    }),
    ("userauth_password again", |rig| {
        assert!(rig.session.userauth_password("user", "wrong").unwrap_err().is(AuthenticationError));
        rig.then(|| rig.session.userauth_password("user", "pass"))
    }),
];

const SESSION: [Row; 8] = [
    ("open_session", |rig| {
        let session = rig.login();
        rig.then(|| session.open_session())
    }),
    ("direct_tcpip", |rig| {
        let session = rig.login();
        rig.then(|| session.direct_tcpip("127.0.0.1", 1))
    }),
    ("direct_tcpip_ex", |rig| {
        let session = rig.login();
        rig.then(|| session.direct_tcpip_ex("127.0.0.1", 1, "here", 2))
    }),
    ("direct_streamlocal_ex", |rig| {
        let session = rig.login();
        rig.then(|| session.direct_streamlocal_ex("/nowhere", "here", 2))
    }),
    ("forward_listen", |rig| {
        let session = rig.login();
        rig.then(|| session.forward_listen(0))
    }),
    ("forward_listen_ex", |rig| {
        let session = rig.login();
        rig.then(|| session.forward_listen_ex(1, Some("127.0.0.1"), 0))
    }),
    ("forward_accept", |rig| {
        let (listener, _) = rig.login().forward_listen_ex(1, Some("127.0.0.1"), 0).unwrap();
        rig.then(|| listener.forward_accept())
    }),
    ("publickey_init", |rig| {
        let session = rig.login();
        rig.then(|| session.publickey_init())
    }),
];

const CHANNEL: [Row; 18] = [
    ("execute", |rig| {
        let channel = rig.channel();
        rig.then(|| channel.execute("true"))
    }),
    ("shell", |rig| {
        let channel = rig.channel();
        rig.then(|| channel.shell())
    }),
    ("subsystem", |rig| {
        let channel = rig.channel();
        rig.then(|| channel.subsystem("sftp"))
    }),
    ("process_startup", |rig| {
        let channel = rig.channel();
        rig.then(|| channel.process_startup("exec", Some("true")))
    }),
    ("pty", |rig| {
        let channel = rig.channel();
        rig.then(|| channel.pty("vt100"))
    }),
    ("setenv", |rig| {
        let channel = rig.channel();
        rig.then(|| channel.setenv("TEST_NAME", "value"))
    }),
    ("request_auth_agent", |rig| {
        let channel = rig.channel();
        rig.then(|| channel.request_auth_agent())
    }),
    ("x11_req", |rig| {
        let channel = rig.channel();
        rig.then(|| channel.x11_req(0))
    }),
    ("x11_req_ex", |rig| {
        let channel = rig.channel();
        rig.then(|| channel.x11_req_ex(true, b"MIT-MAGIC-COOKIE-1", &[b'0'; 32], 0))
    }),
    ("read", |rig| {
        let channel = rig.running();
        rig.then(|| channel.read(&mut [0; 9]))
    }),
    ("read_stderr", |rig| {
        let channel = rig.running();
        rig.then(|| channel.read_stderr(&mut [0; 9]))
    }),
    ("read_ex", |rig| {
        let channel = rig.running();
        rig.then(|| channel.read_ex(&mut [0; 9], 1))
    }),
    ("write", |rig| {
        let channel = rig.running();
        rig.then(|| channel.write(vec![0; 16 << 20]))
    }),
    ("write_stderr", |rig| {
        let channel = rig.running();
        rig.then(|| channel.write_stderr(vec![0; 16 << 20]))
    }),
    ("write_ex", |rig| {
        let channel = rig.running();
        rig.then(|| channel.write_ex(0, vec![0; 16 << 20]))
    }),
    ("write_all", |rig| {
        let mut channel = rig.running();
        rig.then(|| {
            let error = Write::write_all(&mut channel, &vec![0; 16 << 20]).unwrap_err();
            Err::<(), _>(error.downcast::<Error>().unwrap())
        })
    }),
    ("wait_eof", |rig| {
        let channel = rig.running();
        rig.then(|| channel.wait_eof())
    }),
    ("close", |rig| {
        let channel = rig.running();
        rig.then(|| channel.close())
    }),
];

const SFTP: [Row; 28] = [
    ("sftp_init", |rig| {
        let session = rig.login();
        rig.then(|| session.sftp_init())
    }),
    ("open", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        rig.then(|| sftp.open("/name", LIBSSH2_FXF_READ, 0))
    }),
    ("open_ex", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        rig.then(|| sftp.open_ex(b"/", 0, 0, 1))
    }),
    ("opendir", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        rig.then(|| sftp.opendir("/"))
    }),
    ("stat", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        rig.then(|| sftp.stat("/"))
    }),
    ("lstat", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        rig.then(|| sftp.lstat("/"))
    }),
    ("setstat", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        rig.then(|| sftp.setstat("/nowhere", &SFTPAttributes::default()))
    }),
    ("statvfs", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        rig.then(|| sftp.statvfs("/"))
    }),
    ("mkdir", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        rig.then(|| sftp.mkdir("/proc/name", 0o700))
    }),
    ("rmdir", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        rig.then(|| sftp.rmdir("/proc/name"))
    }),
    ("unlink", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        rig.then(|| sftp.unlink("/proc/name"))
    }),
    ("rename", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        rig.then(|| sftp.rename("/proc/one", "/proc/other"))
    }),
    ("rename_ex", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        rig.then(|| sftp.rename_ex(b"/proc/one", b"/proc/other", 0))
    }),
    ("posix_rename", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        rig.then(|| sftp.posix_rename("/proc/one", "/proc/other"))
    }),
    ("symlink", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        rig.then(|| sftp.symlink("/proc/one", "/proc/other"))
    }),
    ("readlink", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        rig.then(|| sftp.readlink("/proc/self"))
    }),
    ("realpath", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        rig.then(|| sftp.realpath(".", 256))
    }),
    ("SFTPHandle.read", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        let handle = sftp.open(rig.file(), LIBSSH2_FXF_READ | LIBSSH2_FXF_WRITE, 0).unwrap();
        rig.then(|| handle.read(&mut [0; 9]))
    }),
    ("SFTPHandle.write", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        let handle = sftp.open(rig.file(), LIBSSH2_FXF_READ | LIBSSH2_FXF_WRITE, 0).unwrap();
        rig.then(|| handle.write(vec![0; 16 << 20]))
    }),
    ("SFTPHandle.fsync", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        let handle = sftp.open(rig.file(), LIBSSH2_FXF_READ | LIBSSH2_FXF_WRITE, 0).unwrap();
        rig.then(|| handle.fsync())
    }),
    ("SFTPHandle.fstat", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        let handle = sftp.open(rig.file(), LIBSSH2_FXF_READ | LIBSSH2_FXF_WRITE, 0).unwrap();
        rig.then(|| handle.fstat())
    }),
    ("SFTPHandle.fsetstat", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        let handle = sftp.open(rig.file(), LIBSSH2_FXF_READ | LIBSSH2_FXF_WRITE, 0).unwrap();
        rig.then(|| handle.fsetstat(&SFTPAttributes::default()))
    }),
    ("SFTPHandle.fstatvfs", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        let handle = sftp.open(rig.file(), LIBSSH2_FXF_READ | LIBSSH2_FXF_WRITE, 0).unwrap();
        rig.then(|| handle.fstatvfs())
    }),
    ("SFTPHandle.close", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        let handle = sftp.open(rig.file(), LIBSSH2_FXF_READ | LIBSSH2_FXF_WRITE, 0).unwrap();
        rig.then(|| handle.close())
    }),
    ("SFTPHandle.readdir", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        let handle = sftp.opendir("/").unwrap();
        rig.then(|| handle.readdir().find_map(Result::err).map_or(Ok(()), Err))
    }),
    ("SFTPHandle.readdir_ex", |rig| {
        let sftp = rig.login().sftp_init().unwrap();
        let handle = sftp.opendir("/").unwrap();
        rig.then(|| handle.readdir_ex().find_map(Result::err).map_or(Ok(()), Err))
    }),
    ("scp_recv2", |rig| {
        let session = rig.login();
        rig.then(|| session.scp_recv2(rig.file()))
    }),
    ("scp_send64", |rig| {
        let session = rig.login();
        rig.then(|| session.scp_send64("/tmp/nothing", 0o600, 9, 0, 0))
    }),
];

fn each_row(end: End, check: impl Fn(&str, &Error)) {
    if !peers::require(&["ssh-agent", "ssh-keygen"]) {
        return;
    }
    let agent = Foreign::start();
    let secret = home::read_key(&key(), None).unwrap();
    Agent::connect(&agent.socket()).unwrap().add(&secret, "", &Constraints::default()).unwrap();
    let (ours, other) = (Peer::Ours(Ours::start()), openssh(&[]));
    let shell = LOGINS.into_iter().chain(SESSION).chain(CHANNEL).map(|row| (row, &ours));
    let files = SFTP.into_iter().filter_map(|row| Some((row, other.as_ref()?)));
    fs::write(agent.socket().with_file_name("file"), "contents").unwrap();
    for ((name, row), peer) in shell.chain(files) {
        let rig = Rig::new(peer, end, agent.socket());
        let Err(error) = row(&rig) else { panic!("{name} goes through") };
        check(name, &error);
        assert_eq!((rig.session.last_errno(), rig.session.last_error()), (error.code(), error.to_string()), "{name}");
    }
}

#[test]
fn every_call_to_a_server_that_says_nothing_ends_in_timeout() {
    each_row(End::Silence, |name, error| {
        assert!(error.is(Timeout) && error.code() == -9, "{name}: {error:?}");
        assert_eq!(error.to_string(), "Timed out waiting on socket", "{name}");
    });
}

#[test]
fn every_call_on_a_line_that_was_cut_ends_in_the_error_of_a_socket() {
    each_row(End::Cut, |name, error| {
        let ended = [SocketRecvError, SocketSendError, SocketDisconnectError].iter().any(|one| error.is(*one));
        assert!(ended, "{name}: {error:?}");
    });
}

/// A server that has said that no more comes, and not that the channel is closed.
#[test]
fn wait_closed_ends_in_timeout() {
    let Some(peer) = openssh(&[]) else { return };
    let session = peer.session(Mode::Blocking);
    let channel = session.open_session().unwrap();
    channel.execute("exec >&- 2>&-; read line").unwrap();
    channel.wait_eof().unwrap();
    session.set_timeout(100);
    let error = channel.wait_closed().unwrap_err();
    assert!(error.is(Timeout), "{error:?}");
}

/// The session has a descriptor of its own: that the caller's is closed is no harm, and that the socket is shut down for
/// both ends with it.
#[test]
fn a_closed_descriptor_is_no_panic() {
    let peer = Peer::Ours(Ours::start());
    for mode in MODES {
        let session = Session::new();
        let socket = peer.connect();
        session.handshake(&socket).unwrap();
        socket.shutdown(std::net::Shutdown::Both).unwrap();
        drop(socket);
        session.set_blocking(mode == Mode::Blocking);
        let error = call(&session, || session.userauth_password("user", "pass")).unwrap_err();
        assert!(error.is(SocketRecvError) || error.is(SocketSendError), "{error:?}");
    }
}
