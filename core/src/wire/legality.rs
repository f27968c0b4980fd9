//! Which message number is lawful in which phase and role: the only place that says so.
//!
//! A row names the numbers, who may send them, and what they mean in each [`Phase`]. What no row names is unassigned
//! and answered with UNIMPLEMENTED once there are keys (RFC 4253 §11.4); before that it is unlawful.

/// How far the connection has come, as seen by the receiver of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Phase {
    /// Before the peer's first KEXINIT.
    Start,
    /// First exchange: the group is being chosen.
    Group,
    /// First exchange: the peer's share in the chosen group is due.
    GroupExchange,
    /// First exchange: the peer's share is due.
    Exchange,
    /// First exchange: the peer's NEWKEYS is due.
    NewKeys,
    /// Keys, no service yet.
    Service,
    /// The authentication protocol.
    Login,
    /// Logged in: the connection protocol.
    Connected,
    /// A later exchange: the group is being chosen.
    RekeyGroup,
    /// A later exchange: the peer's share in the chosen group is due.
    RekeyGroupExchange,
    /// A later exchange: the peer's share is due.
    RekeyExchange,
    /// A later exchange: the peer's NEWKEYS is due.
    RekeyNewKeys,
}

/// Every phase, in order.
pub const PHASES: [Phase; 12] = [
    Phase::Start,
    Phase::Group,
    Phase::GroupExchange,
    Phase::Exchange,
    Phase::NewKeys,
    Phase::Service,
    Phase::Login,
    Phase::Connected,
    Phase::RekeyGroup,
    Phase::RekeyGroupExchange,
    Phase::RekeyExchange,
    Phase::RekeyNewKeys,
];

/// Who sent the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// The client did: we are the server.
    Client,
    /// The server did: we are the client.
    Server,
}

/// What to do with a message number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Lawful: decode and handle it.
    Lawful,
    /// Drop it unread.
    Ignored,
    /// Answer UNIMPLEMENTED.
    Unknown,
    /// The connection is over.
    Unlawful,
}

/// Sets of phases as bits.
const fn bit(phase: Phase) -> u16 {
    1 << phase as u8
}
const SERVICE: u16 = bit(Phase::Service);
const LOGIN: u16 = bit(Phase::Login);
const CONNECTED: u16 = bit(Phase::Connected);
const KEYED: u16 = SERVICE | LOGIN | CONNECTED;
const GROUP: u16 = bit(Phase::Group) | bit(Phase::RekeyGroup);
const GROUP_SHARE: u16 = bit(Phase::GroupExchange) | bit(Phase::RekeyGroupExchange);
const SHARE: u16 = bit(Phase::Exchange) | bit(Phase::RekeyExchange);
const KEYS: u16 = bit(Phase::NewKeys) | bit(Phase::RekeyNewKeys);
const ALWAYS: u16 = bit(Phase::Start) | GROUP | GROUP_SHARE | SHARE | KEYS | KEYED;

struct Row {
    first: u8,
    last: u8,
    /// Phases in which the client may send it.
    client: u16,
    /// Phases in which the server may send it.
    server: u16,
}

const fn row(first: u8, last: u8, client: u16, server: u16) -> Row {
    Row { first, last, client, server }
}

/// Assigned numbers (RFC 4250 §4.1). A number in a row is unlawful wherever the row does not allow it.
const ROWS: &[Row] = &[
    row(1, 1, ALWAYS, ALWAYS),                                         // DISCONNECT
    row(2, 4, ALWAYS, ALWAYS),                                         // IGNORE, UNIMPLEMENTED, DEBUG
    row(5, 5, SERVICE | LOGIN, 0),                                     // SERVICE_REQUEST
    row(6, 6, 0, SERVICE),                                             // SERVICE_ACCEPT
    row(7, 7, SERVICE, SERVICE | LOGIN),                               // EXT_INFO (RFC 8308 §2.4)
    row(20, 20, bit(Phase::Start) | KEYED, bit(Phase::Start) | KEYED), // KEXINIT
    row(21, 21, KEYS, KEYS),                                           // NEWKEYS
    row(30, 30, SHARE, 0),                                             // KEXDH_INIT, KEX_ECDH_INIT
    row(31, 31, 0, SHARE | GROUP),                                     // their REPLY; KEX_DH_GEX_GROUP
    row(32, 32, GROUP_SHARE, 0),                                       // KEX_DH_GEX_INIT
    row(33, 33, 0, GROUP_SHARE),                                       // KEX_DH_GEX_REPLY
    row(34, 34, GROUP, 0),                                             // KEX_DH_GEX_REQUEST
    row(35, 49, 0, 0),                                                 // other methods' messages
    row(50, 50, LOGIN | CONNECTED, 0),                                 // USERAUTH_REQUEST
    row(51, 52, 0, LOGIN),                                             // USERAUTH_FAILURE, SUCCESS
    row(53, 53, 0, LOGIN),                                             // USERAUTH_BANNER
    row(60, 60, 0, LOGIN),                                             // PK_OK, PASSWD_CHANGEREQ, INFO_REQUEST
    row(61, 61, LOGIN, 0),                                             // INFO_RESPONSE
    row(80, 82, CONNECTED, CONNECTED),                                 // global requests
    row(90, 100, CONNECTED, CONNECTED),                                // channels
    row(192, 193, KEYED, KEYED),                                       // PING, PONG
];

/// The verdict on message `number` from `sender` in `phase`.
pub fn verdict(phase: Phase, sender: Sender, number: u8) -> Verdict {
    let Some(row) = ROWS.iter().find(|row| (row.first..=row.last).contains(&number)) else {
        return unassigned(phase, number);
    };
    let phases = match sender {
        Sender::Client => row.client,
        Sender::Server => row.server,
    };
    match number {
        _ if phases & bit(phase) == 0 => Verdict::Unlawful,
        // "once SSH_MSG_USERAUTH_SUCCESS has been sent, further requests SHOULD be silently ignored" (RFC 4252 §5.1).
        50 if phase == Phase::Connected => Verdict::Ignored,
        // Before the login nobody is owed an echo, nor the memory for it.
        192 | 193 if phase != Phase::Connected => Verdict::Ignored,
        _ => Verdict::Lawful,
    }
}

/// Numbers of the connection protocol are unlawful before the login, whether they are assigned or not.
fn unassigned(phase: Phase, number: u8) -> Verdict {
    match phase {
        Phase::Connected => Verdict::Unknown,
        Phase::Service | Phase::Login if !(80..=127).contains(&number) => Verdict::Unknown,
        Phase::Service
        | Phase::Login
        | Phase::Start
        | Phase::Group
        | Phase::GroupExchange
        | Phase::Exchange
        | Phase::NewKeys
        | Phase::RekeyGroup
        | Phase::RekeyGroupExchange
        | Phase::RekeyExchange
        | Phase::RekeyNewKeys => Verdict::Unlawful,
    }
}
