//! Values as OpenSSH's configuration writes them: lists of algorithms, sizes, times, yes and no.
//! What cannot be understood is an error that quotes it.

use core::time::Duration;
use sanssh_core::algorithm::{Cipher, HostKey, Kex, Mac, Preferences, Zip, list};
use sanssh_core::config::Rekey;
use sanssh_core::file::pattern::takes_exactly;

/// An algorithm with a name.
trait Named: Copy + PartialEq + 'static {
    const ALL: &'static [Self];
    fn name(self) -> &'static str;
}

macro_rules! named {
    ($($set:ident),*) => {
        $(impl Named for $set {
            const ALL: &'static [Self] = Self::ALL;
            fn name(self) -> &'static str {
                self.name()
            }
        })*
    };
}

named!(Kex, HostKey, Cipher, Mac, Zip);

/// Algorithms of OpenSSH's that do not exist here. Lists that name them are made for both, so they are passed over.
const FOREIGN: [&str; 9] = [
    "hmac-md5",
    "hmac-md5-96",
    "hmac-md5-96-etm@openssh.com",
    "hmac-md5-etm@openssh.com",
    "hmac-sha1-96",
    "hmac-sha1-96-etm@openssh.com",
    "ssh-dss",
    "ssh-dss-cert-v01@openssh.com",
    "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
];

/// Splits what follows `-o`: `Name=value`, `Name value`, blanks around both, quotes around the value.
///
/// # Errors
/// If there is no value.
pub fn split(option: &str) -> Result<(&str, &str), String> {
    let option = option.trim();
    let end = option.find(|c: char| c == '=' || c.is_ascii_whitespace()).unwrap_or(option.len());
    let (name, rest) = option.split_at(end);
    let rest = rest.trim_start();
    let value = rest.strip_prefix('=').unwrap_or(rest).trim();
    let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    if name.is_empty() || bare.is_empty() {
        return Err(format!("-o {option}: not of the form Name=value"));
    }
    Ok((name, bare))
}

/// Changes one of the preference lists, if that is what the option is about. `Ok(false)`: it is not.
///
/// # Errors
/// If the list names something unknown, or nothing.
pub fn prefer(preferences: &mut Preferences, option: &str, value: &str) -> Result<bool, String> {
    match option.to_ascii_lowercase().as_str() {
        "kexalgorithms" => preferences.kex = list(&algorithms("key exchange", &preferences.kex, value)?),
        "hostkeyalgorithms" => {
            preferences.host_keys = list(&algorithms("host key algorithm", &preferences.host_keys, value)?)
        }
        "pubkeyacceptedalgorithms" | "pubkeyacceptedkeytypes" => {
            preferences.user_keys = list(&algorithms("signature algorithm", &preferences.user_keys, value)?);
        }
        "casignaturealgorithms" => {
            preferences.authorities = list(&algorithms("signature algorithm", &preferences.authorities, value)?);
        }
        "ciphers" => preferences.ciphers = list(&algorithms("cipher", &preferences.ciphers, value)?),
        "macs" => preferences.macs = list(&algorithms("MAC", &preferences.macs, value)?),
        "compression" => preferences.zips = list(&compressions(&preferences.zips, value)?),
        _ => return Ok(false),
    }
    Ok(true)
}

/// What one of the lists of algorithms holds, with commas between.
pub(super) fn names(preferences: &Preferences, option: &str) -> String {
    fn joined<T: Named>(list: &[T]) -> String {
        list.iter().map(|one| one.name()).collect::<Vec<_>>().join(",")
    }
    match option {
        "kexalgorithms" => joined(&preferences.kex),
        "hostkeyalgorithms" => joined(&preferences.host_keys),
        "pubkeyacceptedalgorithms" => joined(&preferences.user_keys),
        "casignaturealgorithms" => joined(&preferences.authorities),
        "ciphers" => joined(&preferences.ciphers),
        "macs" => joined(&preferences.macs),
        _ => joined(&preferences.zips),
    }
}

/// `yes`, `no`, or a list.
fn compressions(now: &[Zip], text: &str) -> Result<Vec<Zip>, String> {
    match flag(text) {
        Ok(true) => Ok(vec![Zip::ZlibDelayed, Zip::None]),
        Ok(false) => Ok(vec![Zip::None]),
        Err(_) if text.eq_ignore_ascii_case("delayed") => compressions(now, "yes"),
        Err(_) => algorithms("compression", now, text),
    }
}

/// A list, or a change of the one there is: `+` appends, `-` takes away what fits, `^` puts in front.
fn algorithms<T: Named>(kind: &str, now: &[T], text: &str) -> Result<Vec<T>, String> {
    let names = |text: &str| {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(|name| found(kind, name)).collect::<Result<Vec<_>, String>>().map(|found| found.concat())
    };
    let mut wanted = match text.split_at_checked(1) {
        Some(("+", rest)) => [now, &names(rest)?].concat(),
        Some(("^", rest)) => [&names(rest)?, now].concat(),
        Some(("-", rest)) => {
            let gone = |one: &T| rest.split(',').any(|pattern| fits(pattern.trim(), *one));
            now.iter().copied().filter(|one| !gone(one)).collect()
        }
        _ => names(text)?,
    };
    let mut seen = Vec::new();
    wanted.retain(|one| {
        !seen.contains(one) && {
            seen.push(*one);
            true
        }
    });
    if wanted.is_empty() {
        return Err(format!("no {kind} is left by \"{text}\""));
    }
    Ok(wanted)
}

fn fits<T: Named>(pattern: &str, one: T) -> bool {
    takes_exactly(pattern.as_bytes(), one.name().as_bytes())
}

/// What a name or pattern of names stands for; nothing for what only OpenSSH has.
fn found<T: Named>(kind: &str, name: &str) -> Result<Vec<T>, String> {
    let found: Vec<T> = T::ALL.iter().copied().filter(|one| fits(name, *one)).collect();
    if found.is_empty() && !FOREIGN.contains(&name) { Err(unknown::<T>(kind, name)) } else { Ok(found) }
}

fn unknown<T: Named>(kind: &str, name: &str) -> String {
    let names: Vec<_> = T::ALL.iter().map(|one| one.name()).collect();
    format!("unknown {kind} \"{name}\"; there are {}", names.join(", "))
}

/// `yes` or `no`, with their other spellings.
///
/// # Errors
/// For anything else.
pub fn flag(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" => Ok(true),
        "no" | "false" => Ok(false),
        _ => Err(format!("\"{text}\" is neither yes nor no")),
    }
}

/// A variable of the environment.
///
/// # Errors
/// If there is no `=`, or nothing before it.
pub fn variable(text: &str) -> Result<(String, String), String> {
    let wrong = || format!("\"{text}\" is not of the form NAME=VALUE");
    let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(wrong)?;
    Ok((name.to_owned(), value.to_owned()))
}

/// A number.
///
/// # Errors
/// For anything else.
pub fn number<T: core::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("\"{text}\" is not a number that fits here"))
}

/// The longest time, in seconds, as in OpenSSH; 68 years.
const LONGEST_SPAN: u64 = 0x7fff_ffff;

/// A time: seconds, or numbers with `s`, `m`, `h`, `d`, `w` behind them.
///
/// # Errors
/// For anything else.
pub fn span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("\"{text}\" is not a time; write seconds, or as in 1h30m");
    let mut total = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let count: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        let mut behind = rest[digits..].chars();
        let unit = match behind.next().map(|c| c.to_ascii_lowercase()) {
            None | Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3600,
            Some('d') => 86_400,
            Some('w') => 604_800,
            Some(_) => return Err(wrong()),
        };
        let more = count.checked_mul(unit);
        total = more.and_then(|more| total.checked_add(more)).filter(|all| *all <= LONGEST_SPAN).ok_or_else(wrong)?;
        rest = behind.as_str();
    }
    if text.is_empty() { Err(wrong()) } else { Ok(Duration::from_secs(total)) }
}

/// `RekeyLimit`: bytes with `K`, `M` or `G` behind them, then perhaps a time; `default` and `none` for either.
///
/// # Errors
/// For anything else, and for fewer than 16 bytes, which no packet fits into.
pub fn rekey(text: &str) -> Result<Rekey, String> {
    let mut words = text.split_ascii_whitespace();
    let (bytes, time) = (words.next().unwrap_or_default(), words.next());
    if words.next().is_some() {
        return Err(format!("\"{text}\" is not a limit of the form BYTES [TIME]"));
    }
    Ok(RekeyLimit::read(bytes, time)?.limit())
}

/// What `RekeyLimit` says; `None` and zero leave it to the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RekeyLimit {
    /// Bytes.
    pub bytes: Option<u64>,
    /// Time.
    pub time: Option<Duration>,
}

impl RekeyLimit {
    pub(super) fn read(bytes: &str, time: Option<&str>) -> Result<Self, String> {
        let bytes = if matches!(bytes, "default" | "none") { 0 } else { size(bytes)? };
        let time = time.filter(|time| *time != "none").map(span).transpose()?;
        Ok(Self { bytes: Some(bytes), time })
    }

    /// The limits of a connection.
    pub fn limit(self) -> Rekey {
        let default = Rekey::default();
        Rekey {
            bytes: self.bytes.filter(|bytes| *bytes > 0).unwrap_or(default.bytes),
            time: self.time.filter(|time| !time.is_zero()).unwrap_or(default.time),
            ..default
        }
    }
}

fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("\"{text}\" is not a size of 16 bytes or more; write as in 64K, 512M, 1G");
    let (digits, unit) = match text.char_indices().next_back() {
        Some((at, 'k' | 'K')) => (&text[..at], 1 << 10),
        Some((at, 'm' | 'M')) => (&text[..at], 1 << 20),
        Some((at, 'g' | 'G')) => (&text[..at], 1 << 30),
        _ => (text, 1_u64),
    };
    let bytes = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(unit)).ok_or_else(wrong)?;
    if (1..16).contains(&bytes) || bytes > i64::MAX.cast_unsigned() { Err(wrong()) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::{prefer, rekey, span, split};
    use core::time::Duration;
    use sanssh_core::algorithm::{Cipher, Mac, Preferences};

    #[test]
    fn options_are_split_as_openssh_splits_them() {
        for text in ["Port=22", "Port 22", " Port = 22 ", "Port=\"22\""] {
            assert_eq!(split(text), Ok(("Port", "22")), "{text}");
        }
        assert_eq!(split("RekeyLimit=1M 10m"), Ok(("RekeyLimit", "1M 10m")));
        assert!(split("Port").is_err() && split("=22").is_err());
    }

    #[test]
    fn lists_replace_extend_and_shrink() {
        let mut preferences = Preferences::default();
        let before = preferences.clone();
        assert_eq!(prefer(&mut preferences, "ciphers", "-*ctr"), Ok(true));
        assert_eq!(preferences.ciphers.len(), before.ciphers.len() - 3);
        assert_eq!(prefer(&mut preferences, "CIPHERS", "aes256-ctr,aes128-ctr"), Ok(true));
        assert_eq!(preferences.ciphers, [Cipher::Aes256Ctr, Cipher::Aes128Ctr]);
        assert_eq!(prefer(&mut preferences, "Ciphers", "+3des-cbc"), Ok(true));
        assert_eq!(preferences.ciphers, [Cipher::Aes256Ctr, Cipher::Aes128Ctr, Cipher::TripleDesCbc]);
        assert_eq!(prefer(&mut preferences, "macs", "^hmac-sha2-512"), Ok(true));
        assert_eq!((preferences.macs[0], preferences.macs.len()), (Mac::HmacSha512, before.macs.len()));
        assert_eq!(prefer(&mut preferences, "Frobnication", "yes"), Ok(false));
    }

    #[test]
    fn unknown_algorithms_are_named() {
        let error = prefer(&mut Preferences::default(), "Ciphers", "aes128-ctr,rot13").unwrap_err();
        assert!(error.contains("rot13") && error.contains("aes256-ctr"), "{error}");
        assert!(prefer(&mut Preferences::default(), "Ciphers", "-*").unwrap_err().contains("left"));
    }

    #[test]
    fn limits_have_units() {
        let limit = rekey("1M 10m").unwrap();
        assert_eq!((limit.bytes, limit.time), (1 << 20, Duration::from_secs(600)));
        assert_eq!(rekey("default none").unwrap(), sanssh_core::config::Rekey::default());
        assert_eq!(rekey("2g").unwrap().bytes, 2 << 30);
        for text in ["", "x", "1T", "3", "-1", "1M x", "1M 1h 1h", "99999999999G"] {
            assert!(rekey(text).is_err(), "{text}");
        }
    }

    #[test]
    fn l10_sizes_and_times_do_not_overflow() {
        for text in ["99999999999999999G", "18446744073709551616", "9223372036854775808", "8589934592G"] {
            assert!(rekey(text).unwrap_err().contains(text), "{text}");
        }
        assert_eq!(rekey("8589934591G").unwrap().bytes, 8_589_934_591 << 30);
        for text in ["2147483648", "3551w", "99999999999999999999", "2147483647s1", "1w18446744073709551615"] {
            assert!(span(text).is_err() && rekey(&format!("1G {text}")).is_err(), "{text}");
        }
        assert_eq!(span("2147483647"), Ok(Duration::from_secs(0x7fff_ffff)));
    }

    #[test]
    fn names_may_be_patterns_and_those_of_others_are_passed_over() {
        let mut preferences = Preferences::default();
        assert_eq!(prefer(&mut preferences, "macs", "hmac-md5,hmac-sha2-2*,hmac-sha1-96"), Ok(true));
        assert_eq!(preferences.macs, [Mac::HmacSha256Etm, Mac::HmacSha256]);
        assert!(prefer(&mut preferences, "macs", "hmac-md5").unwrap_err().contains("left"));
    }

    #[test]
    fn times_have_units() {
        assert_eq!(span("90"), Ok(Duration::from_secs(90)));
        assert_eq!(span("1h30m5"), Ok(Duration::from_secs(5405)));
        for text in ["", "m", "1y", "-1"] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
