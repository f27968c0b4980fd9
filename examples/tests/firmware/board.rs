//! Images, built once, and the boards that run them.

use base64ct::{Base64, Encoding};
use core::net::Ipv4Addr;
use sanssh_tests::keys::{Keys, Kind, public};
use sanssh_tests::openssh::{known_hosts_line, ssh_command};
use sanssh_tests::process::{DEADLINE, Daemon, run};
use sanssh_tests::{peers, port};
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Instant;
use tempfile::TempDir;

const PEERS: [&str; 8] =
    ["apt-get", "arm-none-eabi-ld", "arm-none-eabi-size", "qemu-system-arm", "sftp", "ssh", "ssh-keygen", "sshd"];

/// What the client runs.
pub(crate) const COMMAND: &str = "echo here; echo there >&2; printf %s done";

/// Whether boards can be had here; if not, the caller returns from its test.
pub(crate) fn ready() -> bool {
    peers::require(&PEERS)
}

/// An image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Image {
    /// The server on the small board.
    Server,
    /// The server with files and ML-KEM on the large one.
    Files,
    /// The client on the small board.
    Client,
}

impl Image {
    const ALL: [Self; 3] = [Self::Server, Self::Files, Self::Client];

    fn machine(self) -> &'static str {
        match self {
            Self::Server | Self::Client => "lm3s6965evb",
            Self::Files => "mps2-an386",
        }
    }

    /// What `build` takes.
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Server => &["lm3s6965evb", "server"],
            Self::Files => &["mps2-an386", "server", "sftp,mlkem"],
            Self::Client => &["lm3s6965evb", "client"],
        }
    }

    /// The file that QEMU runs.
    pub(crate) fn file(self) -> &'static Path {
        static BUILT: LazyLock<Vec<PathBuf>> = LazyLock::new(|| Image::ALL.map(Image::build).into());
        &BUILT[self as usize]
    }

    fn build(self) -> PathBuf {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/firmware/build");
        // Cargo's own libraries are none of the other compiler's business.
        let mut build = Command::new(script);
        build.args(self.arguments()).env("FIRMWARE_KEYS", baked()).env_remove("LD_LIBRARY_PATH");
        run(&mut build).lines().last().expect("the image").into()
    }

    /// The emulator with this image and what more it is told.
    pub(crate) fn emulator(self, network: &str, options: &[&str]) -> Command {
        let mut qemu = Command::new(peers::path("qemu-system-arm"));
        qemu.args(["-M", self.machine(), "-display", "none", "-serial", "null", "-monitor", "none"]);
        qemu.args(["-semihosting-config", "enable=on,target=native", "-nic", network]).args(options);
        qemu.arg("-kernel").arg(self.file());
        qemu
    }
}

/// The folder of keys to bake in: the harness's, as the firmware wants them. It stays, so that images stay.
pub(crate) fn baked() -> &'static Path {
    static BAKED: LazyLock<PathBuf> = LazyLock::new(|| {
        let keys = Keys::shared();
        let (host, user) = (keys.host(Kind::Ed25519), keys.client(Kind::Ed25519));
        let folder = host.parent().expect("a folder of keys").with_file_name("firmware-keys");
        fs::create_dir_all(&folder).expect("a folder");
        let account = run(Command::new("id").arg("-un")).trim().to_owned();
        let parts = [
            ("host", secret(&host)),
            ("authorized", blob(&user)),
            ("known_host", blob(&host)),
            ("user", secret(&user)),
            ("account", account.into_bytes()),
            ("command", COMMAND.as_bytes().to_vec()),
        ];
        for (name, content) in parts {
            let file = folder.join(name);
            if fs::read(&file).ok().as_ref() != Some(&content) {
                fs::write(file, content).expect("a part");
            }
        }
        folder
    });
    &BAKED
}

/// A public key as it stands in messages.
fn blob(private: &Path) -> Vec<u8> {
    Base64::decode_vec(public(private).split(' ').nth(1).expect("a key")).expect("base64")
}

/// The secret half of an Ed25519 key without a passphrase: in its file it stands before its last public half.
fn secret(private: &Path) -> Vec<u8> {
    let text = fs::read_to_string(private).expect("a private key");
    let text: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let bytes = Base64::decode_vec(&text).expect("base64");
    let public = &blob(private)[19..];
    let at = bytes.windows(public.len()).rposition(|window| window == public).expect("the public half");
    bytes[at - 32..at].to_vec()
}

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Board {
    daemon: Daemon,
    port: u16,
    directory: TempDir,
}

impl Board {
    pub(crate) fn start(image: Image) -> Self {
        Self::with(image, &[])
    }

    /// One that counts instructions as nanoseconds, and none while it sleeps.
    pub(crate) fn counting(image: Image) -> Self {
        Self::with(image, &["-icount", "shift=0"])
    }

    fn with(image: Image, options: &[&str]) -> Self {
        let port = port::free();
        let emulator = image.emulator(&format!("user,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22"), options);
        // What the firmware says comes where the emulator's complaints come.
        let mut shell = Command::new("sh");
        shell.args(["-c", "exec \"$@\" >&2", "sh"]).arg(emulator.get_program()).args(emulator.get_args());
        let daemon = Daemon::spawn(&mut shell).expect("an emulator");
        assert!(daemon.says("ready\n"), "the firmware does not start:\n{}", daemon.log());
        let directory = tempfile::tempdir().expect("a directory");
        let line = known_hosts_line(port, &public(&Keys::shared().host(Kind::Ed25519)));
        fs::write(directory.path().join("known_hosts"), line).expect("known_hosts");
        Self { daemon, port, directory }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn known_hosts(&self) -> PathBuf {
        self.directory.path().join("known_hosts")
    }

    /// OpenSSH's client with the user's key; the command is the next argument.
    pub(crate) fn ssh(&self, options: &[&str]) -> Command {
        ssh_command(self.port, &Keys::shared().client(Kind::Ed25519), &self.known_hosts(), options)
    }

    /// What a command says.
    #[track_caller]
    pub(crate) fn says(&self, command: &str) -> String {
        run(self.ssh(&[]).arg(command))
    }

    /// A figure that `mem` tells.
    #[track_caller]
    pub(crate) fn figure(&self, name: &str) -> u64 {
        let told = self.says("mem");
        let figure = told.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        figure.unwrap_or_else(|| panic!("no {name} in {told:?}"))
    }

    /// Waits until somebody can log in, however often that has to be tried; a guest's time may have to run out first.
    #[track_caller]
    pub(crate) fn answers(&self) {
        let until = Instant::now() + DEADLINE;
        while !self.ssh(&[]).arg("echo here").output().is_ok_and(|output| output.stdout == b"here\n") {
            assert!(Instant::now() < until, "it answers no more:\n{}", self.daemon.log());
        }
    }

    /// Waits until it has started so many times.
    pub(crate) fn starts(&self, times: usize) {
        assert!(self.daemon.says(&"ready\n".repeat(times)), "{}", self.daemon.log());
    }

    /// A bare connection.
    pub(crate) fn connect(&self) -> TcpStream {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("the emulator listens")
    }

    /// What is true of every board when its test ends.
    #[track_caller]
    pub(crate) fn is_sound(&self) {
        assert_eq!(self.figure("panics "), 0);
    }
}
