//! Values as OpenSSH's configuration writes them: lists of algorithms, sizes, times, yes and no.
//! What cannot be understood is an error that quotes it.

use crate::pattern::fits;
use core::time::Duration;
use sanssh_core::algorithm::{Cipher, HostKey, Kex, LIST, Mac, Preferences, Zip, list};
use sanssh_core::config::Rekey;

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
        "kexalgorithms" => preferences.kex = algorithms("key exchange", &preferences.kex, value)?,
        "hostkeyalgorithms" => preferences.host_keys = algorithms("host key algorithm", &preferences.host_keys, value)?,
        "pubkeyacceptedalgorithms" => {
            preferences.user_keys = algorithms("signature algorithm", &preferences.user_keys, value)?
        }
        "casignaturealgorithms" => {
            preferences.authorities = algorithms("signature algorithm", &preferences.authorities, value)?;
        }
        "ciphers" => preferences.ciphers = algorithms("cipher", &preferences.ciphers, value)?,
        "macs" => preferences.macs = algorithms("MAC", &preferences.macs, value)?,
        "compression" => preferences.zips = compressions(&preferences.zips, value)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// `yes`, `no`, or a list.
fn compressions(now: &[Zip], text: &str) -> Result<heapless::Vec<Zip, LIST>, String> {
    match flag(text) {
        Ok(true) => Ok(list(&[Zip::ZlibDelayed, Zip::None])),
        Ok(false) => Ok(list(&[Zip::None])),
        Err(_) if text.eq_ignore_ascii_case("delayed") => compressions(now, "yes"),
        Err(_) => algorithms("compression", now, text),
    }
}

/// A list, or a change of the one there is: `+` appends, `-` takes away what fits, `^` puts in front.
fn algorithms<T: Named>(kind: &str, now: &[T], text: &str) -> Result<heapless::Vec<T, LIST>, String> {
    let known = |name: &str| T::ALL.iter().copied().find(|one| one.name() == name);
    let find = |name: &str| known(name).ok_or_else(|| unknown::<T>(kind, name));
    let names = |text: &str| text.split(',').map(str::trim).map(find).collect::<Result<Vec<T>, String>>();
    let mut wanted = match text.split_at_checked(1) {
        Some(("+", rest)) => [now, &names(rest)?].concat(),
        Some(("^", rest)) => [&names(rest)?, now].concat(),
        Some(("-", rest)) => {
            let gone = |one: &T| rest.split(',').any(|pattern| fits(pattern.trim(), one.name()));
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
    Ok(list(&wanted))
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
        total = count.checked_mul(unit).and_then(|more| total.checked_add(more)).ok_or_else(wrong)?;
        rest = behind.as_str();
    }
    if text.is_empty() { Err(wrong()) } else { Ok(Duration::from_secs(total)) }
}

/// `RekeyLimit`: bytes with `K`, `M` or `G` behind them, then perhaps a time; `default` and `none` for either.
///
/// # Errors
/// For anything else, and for fewer than 16 bytes, which no packet fits into.
pub fn rekey(text: &str) -> Result<Rekey, String> {
    let mut rekey = Rekey::default();
    let mut words = text.split_ascii_whitespace();
    match words.next().unwrap_or_default() {
        "default" | "none" => {}
        word => rekey.bytes = size(word)?,
    }
    match words.next() {
        None | Some("none") => {}
        Some(word) => rekey.time = span(word)?,
    }
    if rekey.time.is_zero() || words.next().is_some() {
        return Err(format!("\"{text}\" is not a limit of the form BYTES [TIME]"));
    }
    Ok(rekey)
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
    if bytes < 16 { Err(wrong()) } else { Ok(bytes) }
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
        for text in ["", "x", "1T", "3", "1M 0", "1M 1h 1h", "99999999999G"] {
            assert!(rekey(text).is_err(), "{text}");
        }
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
