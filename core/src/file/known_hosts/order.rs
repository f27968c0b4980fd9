//! Which host key algorithms to offer first, so that a host shows a key by which it is known.

use super::name::PORT;
use super::{KnownHosts, Mark};
use crate::algorithm::HostKey;
use alloc::vec::Vec;

impl KnownHosts {
    /// Puts algorithms first by which the host can prove a key or certificate on record, and leaves their order alone
    /// otherwise. If the first one is of a key on record already, all stay: the order then tells nobody what is on
    /// record.
    pub fn order(&self, host: &str, port: u16, offer: &mut [HostKey]) {
        let about = |mark| {
            let on = move |port| self.find(host, port).filter(move |entry| entry.mark == mark).collect::<Vec<_>>();
            let own = on(port);
            if own.is_empty() { on(PORT) } else { own }
        };
        let (keys, authorities) = (about(Mark::None), about(Mark::CertAuthority));
        let recorded = |algorithm: &HostKey| keys.iter().any(|entry| entry.key.kind() == algorithm.plain().key_type());
        if offer.first().is_none_or(recorded) {
            return;
        }
        let certified = |algorithm: &HostKey| algorithm.is_certified() && !authorities.is_empty();
        offer.sort_by_key(|algorithm| !(certified(algorithm) || recorded(algorithm)));
    }
}

#[cfg(test)]
mod tests {
    use crate::algorithm::HostKey::{
        self, EcdsaP256, EcdsaP256Cert, Ed25519, Ed25519Cert, RsaSha256, RsaSha512, RsaSha512Cert,
    };
    use crate::file::known_hosts::KnownHosts;
    use crate::file::known_hosts::tests::{ecdsa, ed25519};
    use alloc::format;

    #[test]
    fn certificates_come_first_where_an_authority_is_known() {
        let text = format!("@cert-authority *.x {}\nhost {}", ed25519(1), ecdsa());
        let hosts = KnownHosts::read(text.as_bytes());
        let all = [RsaSha512, EcdsaP256, RsaSha512Cert, Ed25519Cert, EcdsaP256Cert];
        let mut offer = all;
        hosts.order("a.x", 22, &mut offer);
        assert_eq!(offer, [RsaSha512Cert, Ed25519Cert, EcdsaP256Cert, RsaSha512, EcdsaP256]);
        // Under a certificate a recorded key is a recorded key: the host may have lost its authority.
        offer = all;
        hosts.order("host", 22, &mut offer);
        assert_eq!(offer, [EcdsaP256, EcdsaP256Cert, RsaSha512, RsaSha512Cert, Ed25519Cert]);
        offer[0] = EcdsaP256Cert;
        let kept = offer;
        hosts.order("host", 22, &mut offer);
        assert_eq!(offer, kept);
    }

    #[test]
    fn l06_the_recorded_type_comes_first_unless_it_was() {
        let order = |text: &str, port, offer: &[HostKey]| {
            let mut offer = offer.to_vec();
            KnownHosts::read(text.as_bytes()).order("host", port, &mut offer);
            offer
        };
        let all = [RsaSha512, Ed25519, RsaSha256, EcdsaP256];
        let (one, other) = (format!("host {}\n", ecdsa()), format!("host {}\n", ed25519(1)));
        assert_eq!(order(&one, 22, &all), [EcdsaP256, RsaSha512, Ed25519, RsaSha256]);
        assert_eq!(order(&format!("{one}{other}"), 22, &all), [Ed25519, EcdsaP256, RsaSha512, RsaSha256]);
        assert_eq!(
            order(&format!("{one}{other}"), 22, &[Ed25519, RsaSha512, EcdsaP256]),
            [Ed25519, RsaSha512, EcdsaP256]
        );
        // What verdicts fall back on, offers do as well.
        assert_eq!(order(&one, 23, &all), order(&one, 22, &all));
        assert_eq!(
            order(&format!("{one}[host]:23 {}", ed25519(1)), 23, &all),
            [Ed25519, RsaSha512, RsaSha256, EcdsaP256]
        );
        assert_eq!(order(&one.replace("host", "[host]:23"), 22, &all), all);
        assert_eq!(order(&format!("@revoked {one}@cert-authority {other}"), 22, &all), all);
        assert_eq!(order(&one, 22, &[]), []);
    }
}
