//! Where the corpora begin: sound sessions of the connections under fuzz, and the files of `vectors`.

use super::duet::{Duet, Stage, Traits};
use super::sides::{Acts, HOST_KEY, How, USER_KEY};
use super::subject::Subject;
use crate::forger::{Encode, any, blob};
use crate::packets::{self, Packet};
use crate::suites;
use sanssh_core::file::PublicKeyBuf;
use sanssh_core::role::{Client, Server};
use std::fs;
use std::path::Path;

/// The seeds of a target, none that is alike to another.
///
/// # Panics
/// If the target is not known.
#[must_use]
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut seeds = match target {
        "agent" => agent(),
        "authorized_keys" => authorized_keys(),
        "client" => streams(|(client, _)| client),
        "commands" => commands(),
        "config" => config(),
        "ident" => ident(),
        "keys" => keys(),
        "known_hosts" => known_hosts(),
        "message" => message(),
        "packet" => packet(),
        "pubkey" => pubkey(),
        "scp" => scp(),
        "server" => streams(|(_, server)| server),
        "sftp_client" => sftp_client(),
        "sftp_server" => sftp_server(),
        "socks" => socks(),
        "x11" => x11(),
        other => panic!("{other} is no target"),
    };
    seeds.sort();
    seeds.dedup();
    seeds
}

/// Everything that each end receives in a session, in which the client logs in by some method.
fn session(traits: u8, method: usize) -> (Vec<u8>, Vec<u8>) {
    let mut duet = Duet::at(Stage::Fresh, Traits(traits));
    let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
    for round in 0..12 {
        for _ in 0..6 {
            to_client.extend_from_slice(&duet.server.sent);
            to_server.extend_from_slice(&duet.client.sent);
            duet.carry_to_client(usize::MAX);
            duet.carry_to_server(usize::MAX);
            answer(&mut duet.client);
            answer(&mut duet.server);
            duet.client.flush();
            duet.server.flush();
        }
        Client::act(&mut duet.client, if round < 4 { method } else { 0 });
        Server::act(&mut duet.server, usize::from(round == 1));
        if round == 8 {
            duet.client.ssh.rekey();
        } else if round == 10 {
            duet.client.channels.iter().for_each(|channel| duet.client.ssh.finish(channel.id));
        }
    }
    (to_client, to_server)
}

fn answer<R: Acts>(subject: &mut Subject<R>) {
    while let Some(question) = subject.held.pop_front() {
        subject.answer(question, How::Fit);
    }
}

/// Payloads with their lengths.
fn payloads(packets: &[Packet<'_>]) -> Vec<u8> {
    let length = |packet: &Packet<'_>| u16::try_from(packet.payload.len()).expect("a short payload").to_be_bytes();
    packets.iter().flat_map(|packet| [&length(packet)[..], packet.payload].concat()).collect()
}

fn streams(side: impl Fn((Vec<u8>, Vec<u8>)) -> Vec<u8>) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (traits, method) in (0..8).flat_map(|traits| (0..7).map(move |method| (traits, method))) {
        let stream = side(session(traits, method));
        let (head, shape) = (traits << 3, u8::try_from(method).expect("a method") | 5 << 3);
        seeds.push([&[head, shape][..], &stream].concat());
        if traits & Traits::COMPRESSES == 0 {
            let packets = packets::null(&stream);
            let keyed = packets.iter().position(|packet| packet.number() == 21).map_or(0, |at| at + 1);
            seeds.push([&[head | 4, shape][..], &payloads(&packets)].concat());
            seeds.push([&[head | 5, shape][..], &payloads(&packets[keyed..])].concat());
            let above: Vec<_> = packets.iter().filter(|packet| packet.number() >= 80).copied().collect();
            seeds.push([&[head | 6 | 0x40, shape][..], &payloads(&above)].concat());
            seeds.push([&[head | 7, shape][..], &payloads(&above)].concat());
        }
    }
    seeds
}

/// All commands one after the other, with room for what each needs.
fn commands() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for head in 0..=0x7f {
        let mut seed = vec![head];
        for command in (0x21..0x4d).chain(0xa1..0xcd).filter(|command| command & 0x7f != 0x2c) {
            seed.extend([command, 4, 0, 1, 2, 3, 0x20, 0x25, 0, 0xa5, 0]);
        }
        seeds.push(seed);
        seeds.push(vec![head, 0x40, 0x20, 0x2e, 0x20, 0x38, 0, b'c', b'a', b't', 0x30, 0, 40, 0x20, 0xb0, 0, 90, 0x20]);
        seeds.push(vec![
            head, 0x2e, 0x2e, 0x2b, 0xab, 0x30, 0, 200, 0x01, 0x12, 0x2a, 0xaa, 0x20, 0x36, 0, 0xb7, 0, 0x20,
        ]);
    }
    seeds
}

/// Configurations as people write them, with what is given and what is included.
fn config() -> Vec<Vec<u8>> {
    let given = "Port=2200\nUser me\nIdentityFile=~/.ssh/id\nSendEnv=-LC_* A\n";
    let hosts = "Host work w* !worse\n Hostname %h.example\n User \"a b\"\nHost *\n ProxyJump me@gate:22,[::1]:2\n";
    let matches = "Match host work exec \"test %n = %h\" user me\n ProxyCommand nc %h %p\nMatch final all\n Port 5\n\
                   Match !localuser root tagged a,b localnetwork 10.0.0.0/8\n LocalCommand x %r %u %l\n\
                   PermitLocalCommand yes\nMatch canonical originalhost *\n RemoteCommand echo %k # all\n";
    let values = "Ciphers +aes128-cbc,-aes*\nMACs -*etm*\nKexAlgorithms ^ecdh*\nHostKeyAlgorithms ssh-ed25519\n\
                  RekeyLimit 1G 1h\nConnectTimeout 1m30\nServerAliveInterval=15\nEscapeChar ^a\nIPQoS af11 cs3\n\
                  TunnelDevice 1:any\nStreamLocalBindMask 0177\nAddKeysToAgent confirm 1h\nControlPersist 5m\n";
    let forwards = "LocalForward 8080 host:80\nLocalForward [::1]:1 /a\\:b\nRemoteForward 0 a:1\nRemoteForward 8080\n\
                    DynamicForward *:1080\nPermitRemoteOpen a:1 b:*\nClearAllForwardings no\nSetEnv A=b C=\"d e\"\n";
    let files = "UserKnownHostsFile ~/a \"%d/b c\" ${HOME}/%k\nGlobalKnownHostsFile ~me/x none\nIdentityFile none\n\
                 IdentityAgent $SOCK\nForwardAgent ~/%C\nHostKeyAlias ALIAS\nCertificateFile c\nIgnoreUnknown X*\nXy z\n";
    let includes = "Include one two none\nHost x\n Include one\n";
    let of = |pieces: &[&str]| pieces.join("\n%%\n").into_bytes();
    let mut seeds: Vec<_> =
        [hosts, matches, values, forwards, files].map(|text| of(&["", text, "", "", "Port 9\n"])).to_vec();
    seeds.extend([
        of(&[given, hosts, "", "", files]),
        of(&[given, includes, hosts, matches, values]),
        of(&["", "Include config\n"]),
        of(&["ProxyCommand=none\nProxyJump=a", "Include one one", "Include two two", "Match final\n Port 5\n"]),
    ]);
    seeds
}

fn ident() -> Vec<Vec<u8>> {
    let lines: [&[u8]; 7] = [
        b"SSH-2.0-OpenSSH_10.0p2 Debian-7\r\n",
        b"SSH-1.99-Cisco-1.25\n",
        b"SSH-1.5-old\n",
        b"hello\r\n\r\nSSH-2.0-x\r\n",
        b"SSH-2.0-",
        b"GET / HTTP/1.1\r\n",
        b"SSH-2.0-\x07\r\n",
    ];
    let long = [&b"SSH-2.0-"[..], &[b'x'; 245], b"\r\n"].concat();
    lines.iter().map(|line| line.to_vec()).chain([long]).collect()
}

/// Every payload of some sessions, and messages that they have not.
fn message() -> Vec<Vec<u8>> {
    let (to_client, to_server) = session(0, 0);
    let (more, others) = session(Traits::SMALL, 2);
    let mut seeds = vec![
        any(34).u32(2048).u32(3072).u32(8192).done(),
        any(31).string([3; 40]).string([5]).done(),
        any(7).u32(1).string("server-sig-algs").string("ssh-ed25519").done(),
        any(60).string("name").string("").string("").u32(1).string("word: ").u8(0).done(),
        any(61).u32(2).string("one").string("two").done(),
        any(1).u32(11).string("bye").string("").done(),
        any(98).u32(0).string("pty-req").u8(1).string("xterm").u32(80).u32(24).u32(0).u32(0).string([0]).done(),
        any(25).string("ssh-ed25519").string(USER_KEY).done(),
    ];
    for stream in [&to_client, &to_server, &more, &others] {
        seeds.extend(packets::null(stream).iter().map(|packet| packet.payload.to_vec()));
    }
    seeds.retain(|seed| seed.len() < 600);
    seeds
}

fn packet() -> Vec<Vec<u8>> {
    let suites = u8::try_from(suites::all().count()).expect("few suites");
    let whole = |suite: u8, last: u8| vec![suite, suite, 0, 3, 1, 2, 3, 0x20, 0, last, 2, 7, 7, 0, 0, 0, 9];
    (0..suites).flat_map(|suite| [0x78, 4, 6, 7].map(|last| whole(suite, last))).collect()
}

fn frame(content: &[u8]) -> Vec<u8> {
    blob().string(content).done()
}

fn sftp_server() -> Vec<Vec<u8>> {
    let init = frame(&[1, 0, 0, 0, 3]);
    let handle = [0, 1, 0, 0];
    let text = |number: u8| any(number).u32(7).string("/a/path");
    let extended = |name: &str| any(200).u32(8).string(name);
    let requests = [
        any(3).u32(1).string("file").u32(0x1b).u32(0).done(),
        any(11).u32(2).string("dir").done(),
        any(5).u32(3).string(handle).u32(0).u32(9).u32(100).done(),
        any(6).u32(4).string(handle).u32(0).u32(9).string("bytes").done(),
        any(12).u32(5).string(handle).done(),
        any(4).u32(6).string(handle).done(),
        text(7).done(),
        any(8).u32(7).string(handle).done(),
        text(9).u32(0xf).u32(0).u32(1).u32(2).u32(3).u32(0o644).u32(5).u32(6).done(),
        text(13).done(),
        text(14).u32(0).done(),
        text(16).done(),
        text(17).done(),
        text(18).string("/b").done(),
        text(19).done(),
        text(20).string("/b").done(),
        extended("posix-rename@openssh.com").string("a").string("b").done(),
        extended("statvfs@openssh.com").string("/").done(),
        extended("limits@openssh.com").done(),
        extended("expand-path@openssh.com").string("~/x").done(),
        extended("users-groups-by-id@openssh.com").string([0; 8]).string([0; 4]).done(),
        extended("no-such").string("x").done(),
    ];
    let all: Vec<u8> = requests.iter().flat_map(|request| frame(request)).collect();
    let mut seeds: Vec<_> = (0..32).map(|head| [&[head, head << 2 | 2][..], &init, &all].concat()).collect();
    seeds.extend(requests.iter().map(|request| [&[0, 3][..], &init, &frame(request)].concat()));
    seeds
}

fn sftp_client() -> Vec<Vec<u8>> {
    let version = frame(&any(2).u32(3).string("posix-rename@openssh.com").string("1").done());
    let entry = |head: Encode| head.string("name").string("long name").u32(4).u32(0o644);
    let answer = |id: u32| {
        [
            any(102).u32(id).string("handle").done(),
            any(103).u32(id).string([5; 60]).done(),
            entry(entry(any(104).u32(id).u32(2))).done(),
            any(105).u32(id).u32(1).u32(0).u32(9).done(),
            entry(any(104).u32(id).u32(1)).done(),
            any(101).u32(id).u32(0).string("fine").string("").done(),
            any(201).u32(id).raw(&[1; 32]).done(),
            any(201).u32(id).raw(&[1; 88]).done(),
            any(201).u32(id).string(blob().string("a").string("b").done()).string(blob().string("c").done()).done(),
            any(101).u32(id).u32(4).done(),
        ]
    };
    let mut seeds = Vec::new();
    for head in [0x0c, 0x1c, 0xfc, 0x6d, 0xff] {
        let ordered = (0..10).flat_map(|at: u32| frame(&answer(at % 8)[at as usize]));
        seeds.push([&[head, 8][..], &version, &ordered.collect::<Vec<_>>()].concat());
        for at in 0..10_u8 {
            seeds.push([&[head, 10][..], &version, &frame(&answer(u32::from(at % 8))[usize::from(at)])].concat());
        }
    }
    seeds
}

fn socks() -> Vec<Vec<u8>> {
    let requests: [&[u8]; 6] = [
        b"\x04\x01\x00\x50\xc0\x00\x02\x01me\0GET",
        b"\x04\x01\x01\xbb\0\0\0\x01\0host.example\0",
        b"\x05\x02\x00\x02\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x16more",
        b"\x05\x01\x00\x05\x01\x00\x03\x04host\x00\x16",
        b"\x05\x01\x00\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x16",
        b"\x05\x01\x02",
    ];
    requests.iter().flat_map(|request| (0..4).map(|how| [&[how][..], request].concat())).collect()
}

fn x11() -> Vec<Vec<u8>> {
    let name = b"MIT-MAGIC-COOKIE-1\0\0";
    let cookies: [&[u8]; 2] = [b"the cookie given", b"another cookie.."];
    let message = |head: &[u8], cookie: &[u8]| [head, name, cookie, b"more"].concat();
    let heads: [&[u8]; 2] = [b"B\0\0\x0b\0\0\0\x12\0\x10\0\0", b"l\0\x0b\0\0\0\x12\0\x10\0\0\0"];
    heads.iter().flat_map(|head| cookies.map(|cookie| message(head, cookie))).collect()
}

fn scp() -> Vec<Vec<u8>> {
    let records: [&[u8]; 6] = [
        b"C0644 5 asked\nhello\0",
        b"T1700000000 0 1700000001 5\nD0755 0 asked\nC0644 0 a\n\0D0700 0 b\nE\nE\n",
        b"\x01scp: a warning\nC4755 3 asked\nabc\x01bad\n",
        b"\x02scp: the end\n",
        b"C0644 99999999999999999999 asked\n",
        b"D0755 0 a\nD0755 0 b\nD0755 0 c\nD0755 0 d\n",
    ];
    let lines: [&[u8]; 5] =
        [b"scp -t /tmp/x", b"scp -r -p -f -- '-a b'", b"scp -tp \"a\\\"b\"", b"/usr/bin/scp -f a\\ b", b"scp -t"];
    let mut seeds: Vec<_> =
        records.iter().flat_map(|it| [0, 6, 7, 0x0e].map(|head| [&[0, head][..], it].concat())).collect();
    seeds.extend(lines.iter().map(|line| [&[2][..], line].concat()));
    seeds.push([&[1, 9, 6, 0, 0x91, 2, 4, 5, 7, 3, 8, 3][..], &[0; 12], b"\x01no\n\0\0\x02over\n"].concat());
    seeds.push([&[1, 3, 9, 1, 2, 0][..], b"\0\0\0\x01no\n\0"].concat());
    seeds
}

fn agent() -> Vec<Vec<u8>> {
    let own = sanssh_core::file::SigningKey::ed25519(&[3; 32]);
    let other = sanssh_core::file::SigningKey::ed25519(&[4; 32]);
    let (key, fields) = (own.public(), other.fields());
    let requests = [
        vec![11],
        any(13).string(key).string("message").u32(0).done(),
        any(17).raw(&fields).string("comment").done(),
        any(25).raw(&fields).string("comment").u8(1).u32(60).u8(2).done(),
        any(18).string(key).done(),
        vec![19],
        any(22).string("word").done(),
        any(23).string("word").done(),
        any(27).string("query").done(),
        any(27).string("session-bind@openssh.com").string(HOST_KEY).string("id").string([0; 83]).u8(1).done(),
        vec![99],
    ];
    let answers = [
        any(12).u32(1).string(key).string("comment").done(),
        any(14).string(blob().string("ssh-ed25519").string([1; 64]).done()).done(),
        vec![6],
        vec![5],
        vec![28],
        any(29).string("query").string("query").done(),
    ];
    let all: Vec<u8> = requests.iter().flat_map(|request| frame(request)).collect();
    let mut seeds = vec![[&[1][..], &all].concat(), [&[3][..], &all, &all].concat()];
    seeds.extend(requests.iter().map(|request| [&[1][..], &frame(request)].concat()));
    for (step, answer) in (0..9).flat_map(|step| answers.iter().map(move |answer| (step, answer))) {
        seeds.push([&[0, 2, step, 4][..], &frame(answer), &frame(&[6])].concat());
    }
    seeds
}

fn pubkey() -> Vec<Vec<u8>> {
    let greeting = frame(&blob().string("version").u32(2).done());
    let demand = blob().string("comment").string("mine").u8(1).done();
    let key = |name: &str| blob().string(name).string("ssh-ed25519").string(USER_KEY);
    let requests = [
        [key("add").u8(0).u32(1).done(), demand].concat(),
        key("add").u8(1).u32(0).done(),
        key("remove").done(),
        blob().string("list").done(),
        blob().string("listattributes").done(),
        blob().string("status").u32(3).string("words").string("").done(),
        blob().string("unknown").done(),
    ];
    let answers = [
        key("publickey").u32(1).string("comment").string("mine").done(),
        blob().string("attribute").string("comment").u8(1).done(),
        blob().string("status").u32(0).string("words").string("").done(),
        blob().string("status").u32(3).string("words").string("").done(),
    ];
    let all: Vec<u8> = requests.iter().flat_map(|request| frame(request)).collect();
    let mut seeds = vec![
        [&[1][..], &greeting, &all].concat(),
        [&[1][..], &frame(&blob().string("version").u32(1).done())].concat(),
    ];
    seeds.extend(requests.iter().map(|request| [&[1][..], &greeting, &frame(request)].concat()));
    for (step, answer) in (0..4).flat_map(|step| answers.iter().map(move |answer| (step, answer))) {
        seeds.push([&[0, 2, step, 0][..], &greeting, &frame(answer), &frame(&answers[2])].concat());
    }
    seeds
}

fn vectors(directory: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors").join(directory);
    let entries = fs::read_dir(path).expect("a directory of vectors");
    entries.map(|entry| fs::read(entry.expect("an entry").path()).expect("a file")).collect()
}

fn keys() -> Vec<Vec<u8>> {
    let mut seeds = vectors("keys");
    seeds.retain(|seed| seed.len() < 2048);
    let own = PublicKeyBuf::from_blob(&USER_KEY).expect("a key");
    let formats = [sanssh_core::file::Format::Rfc4716, sanssh_core::file::Format::Pkcs8];
    seeds.extend(formats.iter().filter_map(|format| own.text(*format, "comment")).map(String::into_bytes));
    seeds.push(USER_KEY.to_vec());
    let authority = sanssh_core::file::SigningKey::ed25519(&[6; 32]);
    seeds.push(crate::certificate::Draft::user(&USER_KEY, authority.public()).signed(&authority));
    seeds
}

fn known_hosts() -> Vec<Vec<u8>> {
    let key = PublicKeyBuf::from_blob(&USER_KEY).expect("a key");
    let host = PublicKeyBuf::from_blob(&HOST_KEY).expect("a key");
    let hidden = sanssh_core::file::known_hosts::hashed_line("host.example", 22, &host, &[7; 20]).expect("a host");
    vec![
        format!("host.example,10.0.0.1 {key}\n[host.example]:2222 {host} comment\n").into_bytes(),
        format!("# comment\n\n{hidden}@revoked * {key}\n@cert-authority *.example {host}\n").into_bytes(),
        format!("*.example,!host.example {key}\nhost?example {host}\ndamaged\n|1|a|b {key}\n").into_bytes(),
    ]
}

fn authorized_keys() -> Vec<Vec<u8>> {
    let key = PublicKeyBuf::from_blob(&USER_KEY).expect("a key");
    let options = [
        "",
        "restrict,pty,command=\"echo \\\"a\\\"\" ",
        "from=\"10.0.0.0/8,!10.9.*,*.example\",no-pty ",
        "permitopen=\"host.example:*\",permitlisten=\"localhost:22\",environment=\"A=b\",tunnel=\"1\" ",
        "cert-authority,principals=\"user,other\" ",
        "expiry-time=\"20991231Z\",no-touch-required,verify-required ",
        "unknown-option ",
    ];
    let all: String = options.iter().map(|options| format!("{options}{key} comment\n")).collect();
    let mut seeds: Vec<_> = (0..16).map(|which| [&[which * 9, which][..], all.as_bytes()].concat()).collect();
    seeds.extend(options.iter().map(|options| format!("\0\x01{options}{key}\n").into_bytes()));
    seeds
}
