//! Keywords that are known and do nothing here, with what it means to do without.

/// What it means to do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Nothing that anybody would miss.
    Light,
    /// Something that was wanted is not there.
    Heavy,
    /// It would not be what was asked for, or not as safe.
    Fatal,
}

/// A keyword that says something and does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lacking {
    /// The keyword.
    pub keyword: &'static str,
    /// What it means.
    pub weight: Weight,
}

/// Every keyword that does nothing.
const ROWS: [(&str, Weight); 43] = [
    ("addkeystoagent", Weight::Light),
    ("bindaddress", Weight::Fatal),
    ("bindinterface", Weight::Fatal),
    ("canonicaldomains", Weight::Light),
    ("canonicalizefallbacklocal", Weight::Light),
    ("canonicalizehostname", Weight::Heavy),
    ("canonicalizemaxdots", Weight::Light),
    ("canonicalizepermittedcnames", Weight::Light),
    ("certificatefile", Weight::Heavy),
    ("checkhostip", Weight::Light),
    ("controlmaster", Weight::Light),
    ("controlpath", Weight::Light),
    ("controlpersist", Weight::Light),
    ("enableescapecommandline", Weight::Light),
    ("enablesshkeysign", Weight::Light),
    ("fingerprinthash", Weight::Light),
    ("forkafterauthentication", Weight::Fatal),
    ("gssapiauthentication", Weight::Light),
    ("gssapiclientidentity", Weight::Light),
    ("gssapidelegatecredentials", Weight::Light),
    ("gssapikexalgorithms", Weight::Light),
    ("gssapikeyexchange", Weight::Light),
    ("gssapirenewalforcesrekey", Weight::Light),
    ("gssapiserveridentity", Weight::Light),
    ("gssapitrustdns", Weight::Light),
    ("hostbasedacceptedalgorithms", Weight::Light),
    ("hostbasedauthentication", Weight::Light),
    ("ipqos", Weight::Light),
    ("kbdinteractivedevices", Weight::Light),
    ("knownhostscommand", Weight::Heavy),
    ("logverbose", Weight::Light),
    ("nohostauthenticationforlocalhost", Weight::Light),
    ("permitlocalcommand", Weight::Heavy),
    ("permitremoteopen", Weight::Light),
    ("pkcs11provider", Weight::Heavy),
    ("proxyusefdpass", Weight::Light),
    ("revokedhostkeys", Weight::Fatal),
    ("securitykeyprovider", Weight::Light),
    ("syslogfacility", Weight::Light),
    ("tunnel", Weight::Heavy),
    ("tunneldevice", Weight::Light),
    ("verifyhostkeydns", Weight::Heavy),
    ("visualhostkey", Weight::Light),
];

/// Those of these keywords that do nothing.
pub(super) fn of(changed: &[&str]) -> Vec<Lacking> {
    let rows = ROWS.iter().filter(|(keyword, _)| changed.contains(keyword));
    rows.map(|(keyword, weight)| Lacking { keyword, weight: *weight }).collect()
}

#[cfg(test)]
mod tests {
    use super::ROWS;
    use crate::ssh_config::table::is_keyword;

    #[test]
    fn rows_are_keywords_in_order() {
        assert!(ROWS.is_sorted_by_key(|(keyword, _)| *keyword));
        for (keyword, _) in ROWS {
            assert!(is_keyword(keyword), "{keyword}");
        }
    }
}
