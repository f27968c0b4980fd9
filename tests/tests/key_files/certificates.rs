//! Certificates made here, read by `ssh-keygen`, and the reverse.

use crate::{Bench, ours, random};
use sanssh_core::crypto::certificate::{Certificate, Kind};
use sanssh_core::crypto::soft::Soft;
use sanssh_core::file::certificate::{PERMIT_ALL, Request};
use sanssh_core::file::{Format, PublicKeyBuf};

#[test]
fn made_certificates_say_what_was_asked() {
    let Some(bench) = Bench::new(&["ssh-keygen"]) else { return };
    for authority in &ours() {
        for subject in &ours() {
            let key = PublicKeyBuf::from_blob(subject.public()).expect("a key");
            let request = Request {
                key: &key,
                kind: Kind::User,
                serial: 0xffff_ffff_ffff_fff0,
                key_id: b"the id",
                principals: &[b"root", b"deploy"],
                valid_after: 0,
                valid_before: u64::MAX,
                critical: &[(b"source-address", b"192.0.2.0/24"), (b"force-command", b"date -u")],
                extensions: &PERMIT_ALL,
            };
            let certificate = request.sign(authority, &mut random()).expect("a certificate");
            bench.put("key-cert.pub", &certificate.text(Format::OpenSsh, "c").expect("a line"));
            let listed = bench.run("ssh-keygen", "-L -f key-cert.pub");
            let signer = PublicKeyBuf::from_blob(authority.public()).expect("a key");
            for line in [
                &format!("Type: {} user certificate", certificate.kind()),
                &format!(
                    "Signing CA: {} {} (using {})",
                    signer.short_name(),
                    signer.fingerprint(),
                    authority.algorithms()[0]
                ),
                "Key ID: \"the id\"",
                "Serial: 18446744073709551600",
                "Valid: forever",
                "force-command date -u",
                "source-address 192.0.2.0/24",
                "permit-user-rc",
            ] {
                assert!(listed.contains(line), "{line} in {listed}");
            }
            let names: Vec<_> =
                listed.lines().map(str::trim).skip_while(|line| *line != "Principals:").skip(1).take(2).collect();
            assert_eq!(names, ["root", "deploy"]);
        }
    }
}

#[test]
fn certificates_of_ssh_keygen_are_read_and_verified() {
    let Some(bench) = Bench::new(&["ssh-keygen"]) else { return };
    bench.generate("authority", ("ed25519", "256"), "-N ''");
    let (authority, _) = PublicKeyBuf::from_text(&bench.read("authority.pub")).expect("a key");
    for (n, subject) in ours().iter().enumerate() {
        let key = PublicKeyBuf::from_blob(subject.public()).expect("a key");
        bench.put(&format!("key{n}.pub"), &key.text(Format::OpenSsh, "comment").expect("a line"));
        bench.run("ssh-keygen", &format!("-q -s authority -h -I id -n host.example -V 19700102:20991231 key{n}.pub"));
        let text = bench.read(&format!("key{n}-cert.pub"));
        let (read, comment) = PublicKeyBuf::from_text(&text).expect("a certificate");
        assert_eq!((&comment[..], read.short_name()), (&b"comment"[..], format!("{}-CERT", key.short_name())));
        let certificate = Certificate::decode(read.blob(), 2048).expect("a certificate");
        assert_eq!((certificate.kind, certificate.authority), (Kind::Host, authority.blob()));
        assert!(certificate.is_signed::<Soft>(&[authority.decode(0).expect("a key").algorithm()]).is_ok());
        assert_eq!(PublicKeyBuf::from(&certificate.key), key);
    }
}
