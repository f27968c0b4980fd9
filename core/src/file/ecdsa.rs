//! ECDSA private keys on the three NIST curves (RFC 5656), signing with the nonces of RFC 6979: none is ever drawn, so
//! none can be drawn badly.

use crate::wire::Malformed;
use alloc::boxed::Box;
use alloc::vec::Vec;
use p256::ecdsa::signature::Signer;
use zeroize::Zeroizing;

/// The curves that SSH has algorithms for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    pub(super) const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    /// The curve's name inside keys; a key's type is this behind `ecdsa-sha2-`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::P256 => "nistp256",
            Self::P384 => "nistp384",
            Self::P521 => "nistp521",
        }
    }

    /// Bytes of a scalar.
    const fn width(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// The bits of a scalar's first byte that may be set.
    pub(super) const fn mask(self) -> u8 {
        match self {
            Self::P256 | Self::P384 => 0xff,
            Self::P521 => 0x01,
        }
    }

    /// Space for a scalar.
    pub(super) fn scalar(self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(alloc::vec![0; self.width()])
    }
}

/// A private key, wiped when dropped.
pub(super) enum Key {
    P256(Box<p256::ecdsa::SigningKey>),
    P384(Box<p384::ecdsa::SigningKey>),
    P521(Box<p521::ecdsa::SigningKey>),
}

/// The same for each curve's own type.
macro_rules! each {
    ($key:expr, $secret:ident => $value:expr) => {
        match $key {
            Key::P256($secret) => $value,
            Key::P384($secret) => $value,
            Key::P521($secret) => $value,
        }
    };
}

/// `r` and `s` as `mpint`s (RFC 5656 §3.1.2).
macro_rules! pair {
    ($curve:ident, $key:expr, $message:expr) => {{
        let signature: $curve::ecdsa::Signature = $key.try_sign($message).ok()?;
        let (r, s) = signature.split_bytes();
        super::compose(|sink| {
            sink.mpint(&r);
            sink.mpint(&s);
        })
    }};
}

impl Key {
    /// The key of a scalar, big-endian, with or without leading zeros. Zero, and the group's order and above, make none.
    pub(super) fn new(curve: Curve, scalar: &[u8]) -> Result<Self, Malformed> {
        let scalar = crate::wire::Mpint::trim(scalar);
        let mut wide = curve.scalar();
        let start = wide.len().checked_sub(scalar.len()).ok_or(Malformed)?;
        wide.get_mut(start..).ok_or(Malformed)?.copy_from_slice(scalar);
        Ok(match curve {
            Curve::P256 => Self::P256(Box::new(p256::ecdsa::SigningKey::from_slice(&wide).map_err(|_| Malformed)?)),
            Curve::P384 => Self::P384(Box::new(p384::ecdsa::SigningKey::from_slice(&wide).map_err(|_| Malformed)?)),
            Curve::P521 => Self::P521(Box::new(p521::ecdsa::SigningKey::from_slice(&wide).map_err(|_| Malformed)?)),
        })
    }

    pub(super) const fn curve(&self) -> Curve {
        match self {
            Self::P256(_) => Curve::P256,
            Self::P384(_) => Curve::P384,
            Self::P521(_) => Curve::P521,
        }
    }

    /// The public point, uncompressed.
    pub(super) fn point(&self) -> Vec<u8> {
        each!(self, key => key.verifying_key().to_sec1_point(false).as_bytes().to_vec())
    }

    /// The scalar at full width.
    pub(super) fn scalar(&self) -> Zeroizing<Vec<u8>> {
        each!(self, key => Zeroizing::new(Zeroizing::new(key.to_bytes()).to_vec()))
    }

    /// The bare signature.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        Some(match self {
            Self::P256(key) => pair!(p256, key, message),
            Self::P384(key) => pair!(p384, key, message),
            Self::P521(key) => pair!(p521, key, message),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Curve, Key};
    use crate::crypto::hex;
    use crate::wire::{Malformed, Mpint, Reader};
    use alloc::format;
    use alloc::vec::Vec;

    /// RFC 6979 A.2.5 to A.2.7: key, and the signature of "sample" with the hash that SSH uses on the curve.
    const SAMPLES: [(Curve, &str, &str, &str); 3] = [
        (
            Curve::P256,
            "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
            "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
            "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
        ),
        (
            Curve::P384,
            "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5",
            "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46",
            "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8",
        ),
        (
            Curve::P521,
            "00FAD06DAA62BA3B25D2FB40133DA757205DE67F5BB0018FEE8C86E1B68C7E75CAA896EB32F1F47C70855836A6D16FCC1466F6D8FBEC67DB89EC0C08B0E996B83538",
            "00C328FAFCBD79DD77850370C46325D987CB525569FB63C5D3BC53950E6D4C5F174E25A1EE9017B5D450606ADD152B534931D7D4E8455CC91F9B15BF05EC36E377FA",
            "00617CCE7CF5064806C467F678D3B4080D6F1CC50AF26CA209417308281B68AF282623EAA63E5B5C0723D8B8C37FF0777B1A20F8CCB1DCCC43997F1EE0E44DA4A67A",
        ),
    ];

    fn pair(signature: &[u8]) -> [Vec<u8>; 2] {
        let mut reader = Reader::new(signature);
        [(), ()].map(|()| reader.read().map(|Mpint(number)| number.to_vec()).unwrap())
    }

    #[test]
    fn g14_nonces_are_those_of_rfc_6979() {
        for (curve, scalar, r, s) in SAMPLES {
            let key = Key::new(curve, &hex(scalar)).unwrap();
            let expected = [r, s].map(|number| Mpint::trim(&hex(number)).to_vec());
            assert_eq!(pair(&key.sign(b"sample").unwrap()), expected);
        }
    }

    /// A generator of 512 bits once made nonces for P-521 whose first nine bits were zero, and gave keys away. The nonce
    /// is `(hash + r key) / s`.
    #[test]
    fn g14_the_upper_bits_of_a_nonce_differ() {
        use p521::elliptic_curve::PrimeField;
        use p521::elliptic_curve::ops::{Invert, Reduce};
        use p521::{FieldBytes, NonZeroScalar, Scalar};
        use sha2::{Digest, Sha512};
        let wide = |digits: &[u8]| {
            let mut wide = [0; 66];
            wide[66 - digits.len()..].copy_from_slice(digits);
            FieldBytes::from(wide)
        };
        let scalar = |digits: &[u8]| Scalar::from_repr(wide(digits)).unwrap();
        let (_, key, ..) = SAMPLES[2];
        let (secret, key) = (scalar(Mpint::trim(&hex(key))), Key::new(Curve::P521, &hex(key)).unwrap());
        let (mut high, mut carried) = (0, 0);
        for n in 0..256 {
            let message = format!("message {n}");
            let [r, s] = pair(&key.sign(message.as_bytes()).unwrap());
            let hash = <Scalar as Reduce<FieldBytes>>::reduce(&wide(&Sha512::digest(&message)));
            let s = NonZeroScalar::new(scalar(&s)).unwrap();
            let nonce = (hash + scalar(&r) * secret) * *s.invert();
            let digits = nonce.to_repr();
            high += usize::from(digits[0] & 1);
            carried += usize::from(digits[1] >> 7);
        }
        assert!((80..176).contains(&high) && (80..176).contains(&carried), "{high} {carried} of 256");
    }

    #[test]
    fn scalars_are_bounded() {
        for curve in Curve::ALL {
            let width = curve.scalar().len();
            for scalar in [&[][..], &[0], &vec_of(0xff, width), &vec_of(1, width + 1)] {
                assert_eq!(Key::new(curve, scalar).err(), Some(Malformed));
            }
            let key = Key::new(curve, &[&vec_of(0, 9)[..], &[5]].concat()).unwrap();
            assert_eq!(key.scalar().len(), width);
            assert_eq!(key.scalar().last(), Some(&5));
        }
    }

    fn vec_of(byte: u8, length: usize) -> Vec<u8> {
        alloc::vec![byte; length]
    }
}
