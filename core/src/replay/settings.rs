//! The `config` line of a recording: `key=value`, and what each key sets. Keys that are missing keep their default, so
//! that a default that changes shows as a recording that no longer fits; a recorder names every key.

use super::words::method_words;
use crate::Config;
use crate::algorithm::{Cipher, HostKey, Kex, Mac, Preferences, Zip};
use crate::auth::{Method, MethodSet};
use crate::config::{Deadlines, Keepalive, Login, Rekey};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;
use core::time::Duration;

/// Sets what `settings` say; `None` if a key or a value is not known.
pub(super) fn configure(settings: &[String]) -> Option<Config> {
    let mut config = Config::default();
    for setting in settings {
        let (key, value) = setting.split_once('=')?;
        set_list(&mut config, key, value).or_else(|| set(&mut config, key, value))?;
    }
    Some(config)
}

/// Every setting. Everything is taken apart whole, so that what is new is not forgotten here.
pub(super) fn settings(config: &Config) -> Vec<String> {
    let Config {
        software,
        preferences,
        max_packet,
        window,
        max_data,
        min_rsa_bits,
        require_strict,
        forwarding,
        rekey: Rekey { bytes, packets, time },
        deadlines: Deadlines { handshake, login: login_within, rekey: rekey_within, close },
        keepalive: Keepalive { interval, count },
        login,
    } = config;
    let mut settings = lists(preferences);
    settings.extend([
        setting("software", software),
        setting("max-packet", max_packet),
        setting("window", window),
        setting("max-data", max_data),
        setting("min-rsa-bits", min_rsa_bits),
        setting("require-strict", require_strict),
        setting("forwarding", forwarding),
        setting("rekey-bytes", bytes),
        setting("rekey-packets", packets),
        setting("rekey-seconds", &seconds(*time)),
        setting("handshake-seconds", &seconds(*handshake)),
        setting("login-seconds", &seconds(*login_within)),
        setting("slow-rekey-seconds", &seconds(*rekey_within)),
        setting("close-seconds", &seconds(*close)),
        setting("keepalive-seconds", &seconds(*interval)),
        setting("keepalive-count", count),
    ]);
    settings.extend(of_login(login));
    settings
}

fn setting(key: &str, value: &dyn Display) -> String {
    format!("{key}={value}")
}

fn lists(preferences: &Preferences) -> Vec<String> {
    let Preferences { kex, host_keys, user_keys, authorities, ciphers, macs, zips } = preferences;
    Vec::from([
        setting("kex", &joined(kex)),
        setting("hostkey", &joined(host_keys)),
        setting("userkey", &joined(user_keys)),
        setting("authority", &joined(authorities)),
        setting("cipher", &joined(ciphers)),
        setting("mac", &joined(macs)),
        setting("zip", &joined(zips)),
    ])
}

fn of_login(login: &Login) -> [String; 8] {
    let Login {
        methods,
        max_attempts,
        max_probes,
        max_packet,
        failure_delay,
        max_rounds,
        max_banners,
        require_credential,
    } = login;
    [
        setting("methods", &method_words(*methods)),
        setting("max-attempts", max_attempts),
        setting("max-probes", max_probes),
        setting("login-packet", max_packet),
        setting("failure-seconds", &seconds(*failure_delay)),
        setting("max-rounds", max_rounds),
        setting("max-banners", max_banners),
        setting("require-credential", require_credential),
    ]
}

fn set_list(config: &mut Config, key: &str, value: &str) -> Option<()> {
    let preferences = &mut config.preferences;
    match key {
        "kex" => preferences.kex = names(value, Kex::from_name)?,
        "hostkey" => preferences.host_keys = names(value, HostKey::from_name)?,
        "userkey" => preferences.user_keys = names(value, HostKey::from_name)?,
        "authority" => preferences.authorities = names(value, HostKey::from_name)?,
        "cipher" => preferences.ciphers = names(value, Cipher::from_name)?,
        "mac" => preferences.macs = names(value, Mac::from_name)?,
        "zip" => preferences.zips = names(value, Zip::from_name)?,
        "methods" => config.login.methods = methods(value)?,
        _ => return None,
    }
    Some(())
}

fn set(config: &mut Config, key: &str, value: &str) -> Option<()> {
    let Config { rekey, deadlines, keepalive, login, .. } = config;
    match key {
        "software" => config.software = lasting(value),
        "max-packet" => config.max_packet = value.parse().ok()?,
        "window" => config.window = value.parse().ok()?,
        "max-data" => config.max_data = value.parse().ok()?,
        "min-rsa-bits" => config.min_rsa_bits = value.parse().ok()?,
        "require-strict" => config.require_strict = value.parse().ok()?,
        "forwarding" => config.forwarding = value.parse().ok()?,
        "rekey-bytes" => rekey.bytes = value.parse().ok()?,
        "rekey-packets" => rekey.packets = value.parse().ok()?,
        "rekey-seconds" => rekey.time = span(value)?,
        "handshake-seconds" => deadlines.handshake = span(value)?,
        "login-seconds" => deadlines.login = span(value)?,
        "slow-rekey-seconds" => deadlines.rekey = span(value)?,
        "close-seconds" => deadlines.close = span(value)?,
        "keepalive-seconds" => keepalive.interval = span(value)?,
        "keepalive-count" => keepalive.count = value.parse().ok()?,
        "max-attempts" => login.max_attempts = value.parse().ok()?,
        "max-probes" => login.max_probes = value.parse().ok()?,
        "login-packet" => login.max_packet = value.parse().ok()?,
        "failure-seconds" => login.failure_delay = span(value)?,
        "max-rounds" => login.max_rounds = value.parse().ok()?,
        "max-banners" => login.max_banners = value.parse().ok()?,
        "require-credential" => login.require_credential = value.parse().ok()?,
        _ => return None,
    }
    Some(())
}

/// The few bytes of another version's line live as long as the program.
fn lasting(value: &str) -> &'static str {
    let ours = Config::default().software;
    if value == ours { ours } else { value.to_owned().leak() }
}

fn joined<T: Display>(list: &[T]) -> String {
    if list.is_empty() {
        return "-".to_owned();
    }
    list.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}

fn names<T: Copy, const N: usize>(value: &str, known: impl Fn(&str) -> Option<T>) -> Option<heapless::Vec<T, N>> {
    let mut list = heapless::Vec::new();
    for name in value.split(',').filter(|name| *name != "-") {
        list.push(known(name)?).ok()?;
    }
    Some(list)
}

/// A set of methods from their names, joined.
pub(super) fn methods(names: &str) -> Option<MethodSet> {
    names.split(',').filter(|name| *name != "-").map(|name| Method::from_name(name.as_bytes())).collect()
}

/// Seconds, with microseconds behind a point where there are some.
fn seconds(span: Duration) -> String {
    let (whole, micros) = (span.as_secs(), span.subsec_micros());
    if micros == 0 { whole.to_string() } else { format!("{whole}.{micros:06}") }
}

fn span(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let micros: u32 = if fraction.is_empty() { 0 } else { format!("{fraction:0<6}").parse().ok()? };
    let nanos = micros.checked_mul(1000).filter(|nanos| *nanos < 1_000_000_000)?;
    Some(Duration::new(whole.parse().ok()?, nanos))
}

#[cfg(test)]
mod tests {
    use super::{configure, seconds, settings, span};
    use crate::Config;
    use crate::algorithm::{Grade, Preferences, Zip};
    use crate::auth::MethodSet;
    use core::time::Duration;

    #[test]
    fn settings_say_everything() {
        let default = Config::default();
        let mut other =
            Config { preferences: Preferences::up_to(Grade::Modern), require_strict: true, ..default.clone() };
        other.preferences.macs.clear();
        other.preferences.zips.push(Zip::Zlib).expect("room");
        (other.software, other.window, other.min_rsa_bits) = ("another_1", 7, 1024);
        other.login.methods = MethodSet::EMPTY;
        other.login.failure_delay = Duration::from_micros(1_000_250);
        other.deadlines.close = Duration::ZERO;
        (other.login.max_packet, other.login.require_credential, other.forwarding) = (9, true, true);
        for config in [default, other] {
            assert_eq!(configure(&settings(&config)), Some(config));
        }
        assert_eq!(configure(&["windows=1".into()]), None);
        assert_eq!(configure(&["kex=rot13".into()]), None);
    }

    #[test]
    fn spans_to_the_microsecond() {
        for (span_of, text) in [(Duration::from_secs(3600), "3600"), (Duration::from_micros(2_000_001), "2.000001")] {
            assert_eq!((seconds(span_of).as_str(), span(text)), (text, Some(span_of)));
        }
        assert_eq!(span("1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(span("1.1234567"), None);
    }
}
