//! May this key, in this situation, log in, and with which restrictions? The lists that sshd_config(5) knows are asked in
//! sshd's order, bare keys and certificates alike (OpenSSH PROTOCOL.certkeys), and all that they demand is judged here.

use super::authorized_keys::entries;
use super::options::{Options, TwoCommands, split};
use super::public::PublicKeyBuf;
use super::text::{MAX_LINE, is_blank, is_idle, lines, skip_blanks};
use crate::crypto::certificate::{Certificate, Demands, Kind, Unfit};
use crate::crypto::signature::Presence;
use core::fmt;
use core::net::IpAddr;

/// Whose keys and certificates count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lists<'a> {
    /// Lines of `authorized_keys`: the user's keys, and authorities for this user.
    pub keys: &'a [u8],
    /// Public keys of authorities for every user, one a line (`TrustedUserCAKeys`).
    pub authorities: &'a [u8],
    /// Lines with a name at the end and perhaps options in front (`AuthorizedPrincipalsFile`). A certificate by one of
    /// `authorities` must hold such a name; without this list, the user's.
    pub principals: Option<&'a [u8]>,
    /// Public keys of users and authorities that do not count any more, one a line (`RevokedKeys`). If a line of it is
    /// anything else, nobody logs in.
    pub revoked: &'a [u8],
}

/// Who wants in, from where, and when. What is not known denies wherever it is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Situation<'a> {
    /// Who the user says to be.
    pub user: &'a [u8],
    /// The peer's address.
    pub address: Option<IpAddr>,
    /// The peer's name, if whoever says so can be believed. Without one, patterns are tried on the address alone.
    pub name: Option<&'a [u8]>,
    /// Seconds since 1970, in UTC.
    pub now: Option<u64>,
    /// What the server's clock on the wall is ahead of UTC, in seconds. If it is not known, times on that clock are over
    /// as soon as they are so anywhere.
    pub offset: Option<i32>,
}

/// What there is besides the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Nothing: it is only asked whether the key would do.
    None,
    /// A signature that was verified, and what a security key said with it.
    Signature(Option<Presence>),
}

/// Why a key does not log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// No list knows it.
    Unknown,
    /// It is revoked, or its authority is.
    Revoked,
    /// The list of what is revoked cannot be read.
    Revocations,
    /// It may not be used from there.
    Address,
    /// Its line does not count any more.
    Expired,
    /// Its line has an option that has no meaning there.
    Misplaced,
    /// The certificate is not good for this.
    Certificate(Unfit),
    /// Line and certificate force different commands.
    TwoCommands,
    /// The security key was not touched.
    Untouched,
    /// No security key says that it recognised its owner.
    Unverified,
}

/// Judges a public key or a certificate, whose signature and whose authority's signature must have been verified.
///
/// # Errors
/// Why it does not log in; where several lines know the key, the reason of the first.
pub fn authorize(lists: &Lists<'_>, situation: &Situation<'_>, key: &[u8], proof: Proof) -> Result<Options, Denied> {
    let certificate = Certificate::decode(key, 0).ok();
    let options = match &certificate {
        Some(certificate) => {
            let subject = PublicKeyBuf::new(&certificate.key);
            check_revoked(lists.revoked, &[key, subject.blob(), certificate.authority])?;
            certified(lists, situation, certificate)?
        }
        None => {
            check_revoked(lists.revoked, &[key])?;
            let lines =
                options_of(lists.keys, key, false).map(|options| situation.admits(&options, false).map(|()| options));
            first(lines)?
        }
    };
    prove(&options, proof)?;
    Ok(options)
}

/// The options of a certificate and of whatever trusts its authority.
fn certified(lists: &Lists<'_>, situation: &Situation<'_>, certificate: &Certificate<'_>) -> Result<Options, Denied> {
    let everywhere = public_keys(lists.authorities).flatten().any(|key| key.blob() == certificate.authority);
    let everywhere = everywhere.then(|| match lists.principals {
        None => situation.joins(None, certificate, |name| name == situation.user),
        Some(principals) => {
            let line = principal_lines(principals)
                .find(|(_, name)| certificate.principals.into_iter().any(|one| one == *name));
            let (options, name) = line.ok_or(Denied::Certificate(Unfit::Principal))?;
            situation.admits(&options, false)?;
            situation.joins(Some(options), certificate, |one| one == name)
        }
    });
    let lines = options_of(lists.keys, certificate.authority, true).map(|options| {
        situation.admits(&options, true)?;
        let listed = options.principals.clone();
        situation.joins(Some(options), certificate, |name| match &listed {
            Some(listed) => listed.split(|byte| *byte == b',').any(|one| one == name),
            None => name == situation.user,
        })
    });
    first(everywhere.into_iter().chain(lines))
}

/// The first yes, or else the first no.
fn first(answers: impl Iterator<Item = Result<Options, Denied>>) -> Result<Options, Denied> {
    let mut denied = None;
    for answer in answers {
        match answer {
            Ok(options) => return Ok(options),
            Err(why) => denied = denied.or(Some(why)),
        }
    }
    Err(denied.unwrap_or(Denied::Unknown))
}

/// The options of lines with this key, an authority's or not.
fn options_of(text: &[u8], key: &[u8], authority: bool) -> impl Iterator<Item = Options> {
    let known = entries(text).filter_map(Result::ok).filter(move |entry| entry.key.blob() == key);
    known.map(|entry| entry.options).filter(move |options| options.cert_authority == authority)
}

impl Situation<'_> {
    /// Whether options let anybody in here and now.
    fn admits(&self, options: &Options, authority: bool) -> Result<(), Denied> {
        let misplaced = options.cert_authority != authority || (options.principals.is_some() && !authority);
        let ends = options.expiry.utc.is_some() || options.expiry.local.is_some();
        if misplaced {
            Err(Denied::Misplaced)
        } else if ends && self.now.is_none_or(|now| options.expiry.is_over(now, self.offset)) {
            Err(Denied::Expired)
        } else if !options.may_come_from(self.address, self.name) {
            Err(Denied::Address)
        } else {
            Ok(())
        }
    }

    /// The certificate's options, less what a line takes away, if it is good here and now for a name that `named` knows.
    fn joins(
        &self,
        line: Option<Options>,
        certificate: &Certificate<'_>,
        named: impl Fn(&[u8]) -> bool,
    ) -> Result<Options, Denied> {
        let demands = certificate.check(Kind::User, self.now, named).map_err(Denied::Certificate)?;
        let own = own_options(certificate, &demands)?;
        self.admits(&own, false)?;
        match line {
            Some(line) => line.and(own).map_err(|TwoCommands| Denied::TwoCommands),
            None => Ok(own),
        }
    }
}

/// What a certificate itself says. One that permits nothing by name permits nothing.
fn own_options(certificate: &Certificate<'_>, demands: &Demands<'_>) -> Result<Options, Denied> {
    let mut options = Options {
        command: demands.command.map(<[u8]>::to_vec),
        source_address: demands.source_address.map(<[u8]>::to_vec),
        verify_required: demands.verified,
        ..Options::all(false)
    };
    for (name, value) in certificate.extensions {
        match name {
            b"permit-X11-forwarding" => options.x11_forwarding = true,
            b"permit-agent-forwarding" => options.agent_forwarding = true,
            b"permit-port-forwarding" => options.port_forwarding = true,
            b"permit-pty" => options.pty = true,
            b"permit-user-rc" => options.user_rc = true,
            b"no-touch-required" => options.touch_required = false,
            _ => continue,
        }
        // None of these takes a value: whatever it limits, nobody here would keep to it.
        if !value.is_empty() {
            return Err(Denied::Certificate(Unfit::CriticalOption));
        }
    }
    Ok(options)
}

fn prove(options: &Options, proof: Proof) -> Result<(), Denied> {
    let Proof::Signature(presence) = proof else { return Ok(()) };
    if options.touch_required && presence.is_some_and(|presence| !presence.touched) {
        return Err(Denied::Untouched);
    }
    if options.verify_required && !presence.is_some_and(|presence| presence.verified) {
        return Err(Denied::Unverified);
    }
    Ok(())
}

fn check_revoked(text: &[u8], keys: &[&[u8]]) -> Result<(), Denied> {
    for revoked in public_keys(text) {
        if keys.contains(&revoked.map_err(|_| Denied::Revocations)?.blob()) {
            return Err(Denied::Revoked);
        }
    }
    Ok(())
}

/// Public keys, one a line.
fn public_keys(text: &[u8]) -> impl Iterator<Item = Result<PublicKeyBuf, super::public::NotAPublicKey>> {
    let lines = lines(text).map(|(_, line)| line).filter(|line| !is_idle(line));
    lines.map(|line| PublicKeyBuf::read(line).map(|(key, _)| key))
}

/// Names with the options in front of them. Lines that are not understood name nobody.
fn principal_lines(text: &[u8]) -> impl Iterator<Item = (Options, &[u8])> {
    lines(text).filter_map(|(_, line)| {
        let line = line.split(|byte| *byte == b'#').next().unwrap_or_default().trim_ascii_end();
        if line.is_empty() || line.len() > MAX_LINE {
            return None;
        }
        let (front, rest) = split(line)?;
        let name = skip_blanks(rest);
        let (options, name) = if name.is_empty() { (&[][..], front) } else { (front, name) };
        let lawful = !name.iter().any(is_blank) && !line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t');
        Some((Options::read(options).ok().filter(|_| lawful)?, name))
    })
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "no list knows the key",
            Self::Revoked => "the key or its authority is revoked",
            Self::Revocations => "the list of revoked keys cannot be read",
            Self::Address => "the key may not be used from this address",
            Self::Expired => "the line of the key has expired",
            Self::Misplaced => "the line of the key has an option that means nothing there",
            Self::Certificate(unfit) => return unfit.fmt(f),
            Self::TwoCommands => "line and certificate force different commands",
            Self::Untouched => "the security key was not touched",
            Self::Unverified => "no security key has recognised its owner",
        })
    }
}

impl core::error::Error for Denied {}

#[cfg(test)]
mod tests {
    use super::{Denied, Lists, Proof, Situation, authorize};
    use crate::crypto::certificate::Unfit;
    use crate::crypto::signature::Presence;
    use crate::file::{Options, PublicKeyBuf, SigningKey, compose};
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;
    use core::net::{IpAddr, Ipv4Addr};

    const NOW: u64 = 1_800_000_000;

    fn situation() -> Situation<'static> {
        let address = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        Situation { user: b"deploy", address, name: None, now: Some(NOW), offset: Some(0) }
    }

    fn key(n: u8) -> SigningKey {
        SigningKey::ed25519(&[n; 32])
    }

    fn line(n: u8) -> String {
        PublicKeyBuf::from_blob(key(n).public()).unwrap().line("")
    }

    /// What authority 9 says of key 1.
    #[derive(Clone, Copy)]
    struct Said<'a> {
        kind: u32,
        principals: &'a [&'a str],
        valid: (u64, u64),
        critical: &'a [(&'a str, &'a [u8])],
        extensions: &'a [(&'a str, &'a [u8])],
    }

    const SAID: Said<'_> = Said {
        kind: 1,
        principals: &["deploy"],
        valid: (0, u64::MAX),
        critical: &[],
        extensions: &[("permit-pty", b"")],
    };

    fn certificate(said: Said<'_>) -> Vec<u8> {
        let authority = key(9);
        let pairs = |pairs: &[(&str, &[u8])]| {
            compose(|sink| {
                pairs
                    .iter()
                    .for_each(|(name, value)| [name.as_bytes(), value].iter().for_each(|part| sink.string(part)))
            })
        };
        let body = compose(|sink| {
            sink.string(b"ssh-ed25519-cert-v01@openssh.com");
            sink.string(&[7; 32]);
            sink.string(&key(1).public()[19..]);
            sink.u64(5);
            sink.u32(said.kind);
            sink.string(b"id");
            sink.string(&compose(|sink| said.principals.iter().for_each(|name| sink.string(name.as_bytes()))));
            sink.u64(said.valid.0);
            sink.u64(said.valid.1);
            sink.string(&pairs(said.critical));
            sink.string(&pairs(said.extensions));
            sink.string(b"");
            sink.string(authority.public());
        });
        let signature = authority.sign(authority.algorithms()[0], &body).unwrap();
        compose(|sink| {
            sink.put(&body);
            sink.string(&signature);
        })
    }

    fn text(value: &str) -> Vec<u8> {
        compose(|sink| sink.string(value.as_bytes()))
    }

    /// By the line of a key alone.
    fn by_line(line: &str, situation: &Situation<'_>) -> Result<Options, Denied> {
        authorize(&Lists { keys: line.as_bytes(), ..Lists::default() }, situation, key(1).public(), Proof::None)
    }

    /// By a line of the authority, or where it is trusted everywhere.
    fn by_authority(front: Option<&str>, principals: Option<&str>, said: Said<'_>) -> Result<Options, Denied> {
        let (keys, authorities) = match front {
            Some(front) => (format!("{front} {}", line(9)), String::new()),
            None => (String::new(), line(9)),
        };
        let principals = principals.map(str::as_bytes);
        let lists =
            Lists { keys: keys.as_bytes(), authorities: authorities.as_bytes(), principals, ..Lists::default() };
        authorize(&lists, &situation(), &certificate(said), Proof::Signature(None))
    }

    #[test]
    fn the_first_line_that_lets_in_decides() {
        let (mine, other) = (line(1), line(2));
        let allowed = by_line(&format!("{other}\nno-pty {mine}\n{mine}"), &situation()).unwrap();
        assert!(!allowed.pty);
        let allowed = by_line(&format!("from=\"10.0.0.1\" {mine}\nno-user-rc {mine}"), &situation()).unwrap();
        assert!(allowed.pty && !allowed.user_rc);
        assert_eq!(by_line(&other, &situation()), Err(Denied::Unknown));
        assert_eq!(by_line("", &situation()), Err(Denied::Unknown));
    }

    #[test]
    fn what_a_line_asks_for_is_judged() {
        for (front, why) in [
            ("from=\"10.0.0.0/8\"", Denied::Address),
            ("from=\"\"", Denied::Address),
            ("expiry-time=\"20270101Z\"", Denied::Expired),
            ("principals=\"deploy\"", Denied::Misplaced),
            ("cert-authority", Denied::Unknown),
            ("wizard", Denied::Unknown),
        ] {
            assert_eq!(by_line(&format!("{front} {}", line(1)), &situation()), Err(why), "{front}");
        }
        let (from, expiry) = (format!("from=\"*\" {}", line(1)), format!("expiry-time=\"20300101Z\" {}", line(1)));
        assert!(by_line(&from, &situation()).is_ok() && by_line(&expiry, &situation()).is_ok());
        let nowhere = Situation { address: None, now: None, ..situation() };
        assert_eq!(by_line(&from, &nowhere), Err(Denied::Address));
        assert_eq!(by_line(&expiry, &nowhere), Err(Denied::Expired));
        assert!(by_line(&line(1), &nowhere).is_ok());
    }

    #[test]
    fn e13_security_keys_are_touched_unless_the_line_says_otherwise() {
        let judge = |front: &str, proof| {
            let keys = format!("{front}{}", line(1));
            let lists = Lists { keys: keys.as_bytes(), ..Lists::default() };
            authorize(&lists, &situation(), key(1).public(), proof).map(drop)
        };
        let said = |touched, verified| Proof::Signature(Some(Presence { touched, verified }));
        let none = Proof::Signature(None);
        for (front, proof, expected) in [
            ("", none, Ok(())),
            ("", said(true, false), Ok(())),
            ("", said(false, true), Err(Denied::Untouched)),
            ("no-touch-required ", said(false, false), Ok(())),
            ("verify-required ", said(true, true), Ok(())),
            ("verify-required ", said(true, false), Err(Denied::Unverified)),
            ("verify-required,no-touch-required ", said(false, true), Ok(())),
            ("verify-required ", none, Err(Denied::Unverified)),
            ("verify-required ", Proof::None, Ok(())),
        ] {
            assert_eq!(judge(front, proof), expected, "{front}{proof:?}");
        }
    }

    #[test]
    fn a_certificate_is_no_more_than_its_authority_and_itself_allow() {
        let allowed = by_authority(Some("cert-authority"), None, SAID).unwrap();
        assert_eq!(allowed, Options { pty: true, ..Options::all(false) });
        assert_eq!(by_authority(None, None, SAID), Ok(allowed), "an authority for every user");
        let all = ["X11-forwarding", "agent-forwarding", "port-forwarding", "pty", "user-rc"]
            .map(|what| format!("permit-{what}"));
        let extensions: Vec<_> = all.iter().map(|name| (&name[..], &b""[..])).chain([("else", &b"x"[..])]).collect();
        let all = Said { extensions: &extensions, ..SAID };
        assert_eq!(by_authority(None, None, all), Ok(Options::default()));
        assert_eq!(by_authority(Some("cert-authority,restrict"), None, all), Ok(Options::all(false)));
        assert_eq!(
            by_authority(Some("restrict"), None, all),
            Err(Denied::Unknown),
            "a line of a key is none of an authority"
        );
        let odd = Said { extensions: &[("permit-pty", b"x")], ..SAID };
        assert_eq!(by_authority(None, None, odd), Err(Denied::Certificate(Unfit::CriticalOption)));
    }

    #[test]
    fn untouched_needs_both_words() {
        let untouched = Said { extensions: &[("no-touch-required", b"")], ..SAID };
        for (front, said, expected) in [
            (Some("cert-authority"), untouched, true),
            (Some("cert-authority,no-touch-required"), SAID, true),
            (Some("cert-authority,no-touch-required"), untouched, false),
            (None, untouched, false),
            (None, SAID, true),
        ] {
            assert_eq!(by_authority(front, None, said).unwrap().touch_required, expected);
        }
    }

    #[test]
    fn g01_g02_g03_principals_are_whole_names() {
        let of = |principals| Said { principals, ..SAID };
        let wrong = Err(Denied::Certificate(Unfit::Principal));
        for (front, principals, said, fits) in [
            (None, None, of(&["deploy"]), true),
            (None, None, of(&["other", "deploy"]), true),
            (None, None, of(&[]), false),
            (None, None, of(&["deploy,root"]), false),
            (None, None, of(&["*"]), false),
            (None, None, of(&["Deploy"]), false),
            (None, Some("deploy"), of(&["deploy"]), true),
            (None, Some("# x\nteam # y\nrestrict\tops  "), of(&["ops"]), true),
            (None, Some("team"), of(&["deploy"]), false),
            (None, Some(""), of(&["deploy"]), false),
            (None, Some("wizard deploy"), of(&["deploy"]), false),
            (None, Some("deploy deploy"), of(&["deploy"]), false),
            (Some("cert-authority"), None, of(&["deploy"]), true),
            (Some("cert-authority"), None, of(&["root"]), false),
            (Some("cert-authority"), None, of(&[]), false),
            (Some("cert-authority,principals=\"root,team\""), None, of(&["team"]), true),
            (Some("cert-authority,principals=\"root,team\""), None, of(&["root,team"]), false),
            (Some("cert-authority,principals=\"root,team\""), None, of(&["deploy"]), false),
            (Some("cert-authority,principals=\"\""), None, of(&["deploy"]), false),
            (Some("cert-authority,principals=\"*\""), None, of(&["deploy"]), false),
        ] {
            let judged = by_authority(front, principals, said).map(drop);
            assert_eq!(judged, if fits { Ok(()) } else { wrong }, "{front:?} {principals:?} {:?}", said.principals);
        }
    }

    #[test]
    fn options_before_a_principal_count() {
        let judged = |principals| by_authority(None, Some(principals), SAID);
        assert_eq!(judged("restrict,command=\"a b\" deploy").unwrap().command.as_deref(), Some(&b"a b"[..]));
        assert!(!judged("no-pty deploy\ndeploy").unwrap().pty, "the first line with the name");
        assert_eq!(judged("from=\"10.0.0.1\" deploy\ndeploy"), Err(Denied::Address), "which alone decides");
        assert_eq!(judged("cert-authority deploy"), Err(Denied::Misplaced));
        assert_eq!(judged("principals=\"deploy\" deploy"), Err(Denied::Misplaced));
        assert_eq!(judged("expiry-time=\"20200101Z\" deploy"), Err(Denied::Expired));
    }

    #[test]
    fn g04_g05_g08_what_a_certificate_demands() {
        let unfit = |unfit| Err(Denied::Certificate(unfit));
        let (here, away) = (text("127.0.0.0/8"), text("10.0.0.0/8,::1"));
        let (command, mask, empty) = (text("backup"), text("10.0.0.1/8"), text(""));
        for (said, expected) in [
            (Said { kind: 2, ..SAID }, unfit(Unfit::Kind)),
            (Said { valid: (NOW + 1, u64::MAX), ..SAID }, unfit(Unfit::NotYet)),
            (Said { valid: (0, NOW), ..SAID }, unfit(Unfit::Expired)),
            (Said { valid: (NOW, NOW + 1), ..SAID }, Ok(())),
            (Said { valid: (NOW + 1, NOW - 1), ..SAID }, unfit(Unfit::NotYet)),
            (Said { critical: &[("source-address", &here)], ..SAID }, Ok(())),
            (Said { critical: &[("source-address", &away)], ..SAID }, Err(Denied::Address)),
            (Said { critical: &[("source-address", &mask)], ..SAID }, Err(Denied::Address)),
            (Said { critical: &[("source-address", &empty)], ..SAID }, unfit(Unfit::CriticalOption)),
            (Said { critical: &[("source-address", b"127.0.0.1")], ..SAID }, unfit(Unfit::CriticalOption)),
            (Said { critical: &[("wizard", b"")], ..SAID }, unfit(Unfit::CriticalOption)),
            (Said { critical: &[("permit-pty", b"")], ..SAID }, unfit(Unfit::CriticalOption)),
            (Said { critical: &[("verify-required", b"")], ..SAID }, Err(Denied::Unverified)),
            (Said { critical: &[("force-command", &command)], ..SAID }, Ok(())),
            (
                Said { critical: &[("force-command", &command), ("force-command", &command)], ..SAID },
                unfit(Unfit::CriticalOption),
            ),
        ] {
            assert_eq!(by_authority(None, None, said).map(drop), expected, "{:?} {:?}", said.valid, said.critical);
        }
        let forced = Said { critical: &[("force-command", &command)], ..SAID };
        let judged = |front| by_authority(Some(front), None, forced).map(|options| options.command);
        assert_eq!(judged("cert-authority"), Ok(Some(b"backup".to_vec())));
        assert_eq!(judged("cert-authority,command=\"backup\""), Ok(Some(b"backup".to_vec())));
        assert_eq!(judged("cert-authority,command=\"other\""), Err(Denied::TwoCommands));
    }

    #[test]
    fn g05_g08_what_is_not_known_denies() {
        let here = text("127.0.0.1");
        let lists = line(9);
        let lists = Lists { authorities: lists.as_bytes(), ..Lists::default() };
        let limited = certificate(Said { critical: &[("source-address", &here)], ..SAID });
        let judge = |situation| authorize(&lists, &situation, &limited, Proof::None).map(drop);
        assert_eq!(judge(situation()), Ok(()));
        assert_eq!(judge(Situation { address: None, ..situation() }), Err(Denied::Address));
        assert_eq!(judge(Situation { now: None, ..situation() }), Err(Denied::Certificate(Unfit::NoClock)));
    }

    #[test]
    fn g07_what_is_revoked_does_not_count() {
        let (mine, authority) = (line(1), line(9));
        let judge = |revoked: &str, key: &[u8]| {
            let lists = Lists {
                keys: mine.as_bytes(),
                authorities: authority.as_bytes(),
                revoked: revoked.as_bytes(),
                ..Lists::default()
            };
            authorize(&lists, &situation(), key, Proof::None).map(drop)
        };
        let (bare, certificate) = (key(1), certificate(SAID));
        let revoked = Err(Denied::Revoked);
        for (list, of_key, of_certificate) in [
            (String::new(), Ok(()), Ok(())),
            (format!("# nobody\n{}", line(2)), Ok(()), Ok(())),
            (format!("{}\n{mine} comment", line(2)), revoked, revoked),
            (authority.clone(), Ok(()), revoked),
            ("not a key".into(), Err(Denied::Revocations), Err(Denied::Revocations)),
            ("SSHKRL\n\0".into(), Err(Denied::Revocations), Err(Denied::Revocations)),
        ] {
            assert_eq!(judge(&list, bare.public()), of_key, "{list}");
            assert_eq!(judge(&list, &certificate), of_certificate, "{list}");
        }
    }

    #[test]
    fn a_certificate_that_nobody_trusts() {
        assert_eq!(by_line(&line(1), &situation()).map(drop), Ok(()));
        let lists = line(1);
        let lists = Lists { keys: lists.as_bytes(), ..Lists::default() };
        let judged = authorize(&lists, &situation(), &certificate(SAID), Proof::None);
        assert_eq!(judged, Err(Denied::Unknown), "the line of its key does not speak for it");
    }
}
