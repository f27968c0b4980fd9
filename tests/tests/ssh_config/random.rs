//! Configurations that a generator writes: blocks of both kinds, values that count and values that do not, quotes, blanks
//! and letters of either case.

use crate::oracle::Oracle;
use sanssh_core::{Random, Seed};

/// Keywords with values that are lawful, and where there are any, one that is not.
const LINES: &[(&str, &[&str])] = &[
    ("AddressFamily", &["any", "inet", "INET6"]),
    ("BatchMode", &["yes", "no", "True", "FALSE"]),
    ("BindAddress", &["127.0.0.1", "\"::1\""]),
    ("CheckHostIP", &["yes", "no"]),
    ("Ciphers", &["aes128-ctr", "+3des-cbc", "-aes*", "^aes256-ctr,aes192-ctr"]),
    ("Compression", &["yes", "no"]),
    ("ConnectTimeout", &["5", "1m", "none", "1h1s", "0"]),
    ("ConnectionAttempts", &["1", "7"]),
    ("ControlPersist", &["yes", "no", "90", "1h"]),
    ("DynamicForward", &["1080", "*:1081", "[::1]:1082"]),
    ("EscapeChar", &["none", "x", "^a"]),
    ("ExitOnForwardFailure", &["yes", "no"]),
    ("ForwardAgent", &["yes", "no", "~/../%u"]),
    ("ForwardX11Timeout", &["10", "none", "1d"]),
    ("GlobalKnownHostsFile", &["none", "/a /b", "\"/c d\""]),
    ("HostKeyAlgorithms", &["ssh-ed25519", "+ssh-rsa", "-ecdsa*", "^rsa-sha2-512"]),
    ("HostKeyAlias", &["alias", "ALIAS"]),
    ("Hostname", &["%h.x", "other", "OTHER.x", "10.1.1.1"]),
    ("IPQoS", &["ef", "af11 cs3", "none"]),
    ("IdentitiesOnly", &["yes", "no"]),
    ("IdentityFile", &["~/.ssh/one", "/two", "%d/three", "none"]),
    ("KexAlgorithms", &["curve25519-sha256", "-ecdh*", "+diffie-hellman-group1-sha1"]),
    ("LocalForward", &["1 a:2", "[::1]:3 b:4", "/x /y", "*:5 [::2]:6"]),
    ("LogLevel", &["quiet", "DEBUG", "verbose", "ERROR"]),
    ("MACs", &["hmac-sha2-256", "-*sha1*", "+hmac-sha1"]),
    ("NumberOfPasswordPrompts", &["0", "1"]),
    ("Port", &["1", "22", "65535"]),
    ("PreferredAuthentications", &["password", "publickey,password"]),
    ("ProxyCommand", &["none", "nc %h %p", "x \"a  b\" # c"]),
    ("ProxyJump", &["none", "a", "me@b:1,c"]),
    ("PubkeyAuthentication", &["yes", "unbound", "no"]),
    ("RekeyLimit", &["1G", "default 1h", "16 none", "2M 90", "0 5"]),
    ("RemoteForward", &["1 a:2", "0 b:3", "8080", "/s c:4"]),
    ("RequestTTY", &["yes", "no", "force", "auto"]),
    ("SendEnv", &["A", "B C", "-A", "LC_*", "-LC_*"]),
    ("ServerAliveCountMax", &["1", "0"]),
    ("ServerAliveInterval", &["1", "1m", "0"]),
    ("SetEnv", &["A=b", "C=\"d e\" F=", "A=z C=y A=x"]),
    ("StrictHostKeyChecking", &["yes", "no", "ask", "accept-new", "off"]),
    ("Tunnel", &["yes", "ethernet", "no"]),
    ("UpdateHostKeys", &["yes", "no"]),
    ("User", &["me", "you", "\"me\""]),
    ("UserKnownHostsFile", &["~/a", "none", "/k/%n ~/b", "/%C", "~/.ssh/known_hosts"]),
    ("VerifyHostKeyDNS", &["yes", "no"]),
];

/// Lines that no client takes, or that this one and the other take alike.
const ODD: [&str; 10] = [
    "Port x",
    "User",
    "Frobnicate yes",
    "User a b",
    "Ciphers rot13",
    "ConnectTimeout soon",
    "User \"open",
    "LocalForward 1",
    "SetEnv A",
    "RekeyLimit 3",
];

const HOSTS: [&str; 4] = ["work", "other", "work.x", "10.1.1.1"];

const HEADS: [&str; 14] = [
    "Host *",
    "Host work",
    "Host !work *",
    "Host w* o?her",
    "Host other 10.*",
    "Match all",
    "Match host work,other",
    "Match !host *.x",
    "Match originalhost work",
    "Match user me",
    "Match !user me,you host *",
    "Match final",
    "Match canonical host *x*",
    "Match host work exec \"test %h = work\"",
];

struct Writer {
    random: Random,
}

impl Writer {
    fn below(&mut self, limit: usize) -> usize {
        let mut bytes = [0; 4];
        self.random.fill(&mut bytes);
        u32::from_le_bytes(bytes) as usize % limit
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn line(&mut self) -> String {
        if self.below(200) == 0 {
            return self.one(&ODD).to_owned();
        }
        let (keyword, values) = self.one(LINES);
        let value = self.one(values);
        let keyword = match self.below(4) {
            0 => keyword.to_ascii_uppercase(),
            1 => keyword.to_ascii_lowercase(),
            _ => keyword.to_owned(),
        };
        let gap = self.one(&[" ", "=", " = ", "\t", "  "]);
        let front = self.one(&["", "  ", "\t"]);
        let end = self.one(&["", "", " ", "\r"]);
        format!("{front}{keyword}{gap}{value}{end}")
    }

    fn file(&mut self, includes: bool) -> String {
        let mut text = String::new();
        for _ in 0..=self.below(30) {
            let line = match self.below(12) {
                0..=2 => self.one(&HEADS).to_owned(),
                3 => "# comment".to_owned(),
                4 if includes => {
                    self.one(&["Include DIR/one", "Include DIR/t*", "Include DIR/one DIR/none"]).to_owned()
                }
                _ => self.line(),
            };
            text.push_str(&line);
            text.push('\n');
        }
        text
    }
}

#[test]
fn whatever_is_written_is_read_as_openssh_reads_it() {
    let Some(oracle) = Oracle::find() else { return };
    for round in 0..150 {
        let mut writer = Writer { random: Random::new(&Seed::new([round; 32])) };
        oracle.write("one", &writer.file(false));
        let two = writer.file(true).replace("DIR/t*", "DIR/one");
        oracle.write("two", &two);
        let text = writer.file(true);
        let options = if writer.below(3) == 0 { vec![writer.line()] } else { Vec::new() };
        let options: Vec<_> = options.iter().map(String::as_str).collect();
        let host = writer.one(&HOSTS);
        oracle.agrees(&text, &options, host);
    }
}
