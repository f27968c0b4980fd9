//! Names of message numbers (RFC 4250 §4.1), for people.

/// Numbers and names; 30 and 31 are those of the elliptic exchanges, of which 31 is also a group, 60 depends on the method of the login.
const NAMES: &[(u8, &str)] = &[
    (1, "DISCONNECT"),
    (2, "IGNORE"),
    (3, "UNIMPLEMENTED"),
    (4, "DEBUG"),
    (5, "SERVICE_REQUEST"),
    (6, "SERVICE_ACCEPT"),
    (7, "EXT_INFO"),
    (20, "KEXINIT"),
    (21, "NEWKEYS"),
    (30, "KEX_ECDH_INIT"),
    (31, "KEX_ECDH_REPLY, KEX_DH_GEX_GROUP"),
    (32, "KEX_DH_GEX_INIT"),
    (33, "KEX_DH_GEX_REPLY"),
    (34, "KEX_DH_GEX_REQUEST"),
    (50, "USERAUTH_REQUEST"),
    (51, "USERAUTH_FAILURE"),
    (52, "USERAUTH_SUCCESS"),
    (53, "USERAUTH_BANNER"),
    (60, "PK_OK, CHANGEREQ, INFO_REQUEST"),
    (61, "INFO_RESPONSE"),
    (80, "GLOBAL_REQUEST"),
    (81, "REQUEST_SUCCESS"),
    (82, "REQUEST_FAILURE"),
    (90, "CHANNEL_OPEN"),
    (91, "CHANNEL_OPEN_CONFIRMATION"),
    (92, "CHANNEL_OPEN_FAILURE"),
    (93, "CHANNEL_WINDOW_ADJUST"),
    (94, "CHANNEL_DATA"),
    (95, "CHANNEL_EXTENDED_DATA"),
    (96, "CHANNEL_EOF"),
    (97, "CHANNEL_CLOSE"),
    (98, "CHANNEL_REQUEST"),
    (99, "CHANNEL_SUCCESS"),
    (100, "CHANNEL_FAILURE"),
    (192, "PING"),
    (193, "PONG"),
];

/// The name of a message, if its number is assigned.
#[must_use]
pub fn of(number: u8) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}
