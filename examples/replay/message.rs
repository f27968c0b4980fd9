//! Messages in words: the name and the fields that the core's tables give, with the parts that an earlier field decides.

use crate::dialogue::Said;
use sanssh_core::wire::auth::{
    HostFields, HostboundFields, HostboundSignedFields, InteractiveFields, PasswordChangeFields, PasswordFields,
    ProbeFields, SignedFields, UserauthBanner, UserauthFailure, UserauthInfoRequest, UserauthInfoResponse,
    UserauthPasswdChangereq, UserauthPkOk, UserauthRequest, UserauthSuccess,
};
use sanssh_core::wire::connection::{
    Break, ChannelClose, ChannelData, ChannelEof, ChannelExtendedData, ChannelFailure, ChannelOpen,
    ChannelOpenConfirmation, ChannelOpenFailure, ChannelRequest, ChannelSuccess, ChannelWindowAdjust, Env, Exec,
    ExitSignal, ExitStatus, GlobalRequest, PtyReq, RequestFailure, RequestSuccess, Signal, StreamlocalDirect,
    StreamlocalForward, StreamlocalForwarded, Subsystem, TcpipForward, TcpipOpen, WindowChange, X11Open, X11Req,
    XonXoff,
};
use sanssh_core::wire::transport::{
    Debug, Disconnect, ExtInfo, GroupInitiate, GroupOffer, GroupReply, GroupRequest, Ignore, KexInit, KexInitiate,
    KexReply, NewKeys, Ping, Pong, ServiceAccept, ServiceRequest, Unimplemented,
};
use sanssh_core::wire::{Message, Reader, Value};

/// What of a login cannot be taken apart: a password may be in it.
pub(crate) const UNREAD: &str = "unread";

/// A field: its name, and what it holds.
pub(crate) type Field = (&'static str, Held);

/// What a field holds, kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Held {
    Flag(bool),
    Number(u64),
    Bytes(Vec<u8>),
}

/// A message's name and its fields; `None` for bytes that are not what their number says.
pub(crate) fn read(said: &Said, payload: &[u8]) -> Option<(&'static str, Vec<Field>)> {
    let (number, body) = payload.split_first()?;
    let mut fields = Vec::new();
    let name = if said.grouped && (30..50).contains(number) {
        group(*number, body, &mut fields)
    } else if (60..80).contains(number) {
        reply(*number, &said.method, body, &mut fields)
    } else {
        plain(*number, body, &mut fields)
    };
    let name = name?;
    inner(name, &mut fields);
    Some((name, fields))
}

/// Rows of number, name and type: what a number means, and how it is read.
macro_rules! rows {
    ($number:expr, $body:expr, $fields:expr, $($name:literal $kind:ident),* $(,)?) => {
        match $number {
            $($kind::NUMBER => {
                $kind::decode($body).ok()?.each(&mut |name, value| keep($fields, name, value));
                Some($name)
            })*
            _ => None,
        }
    };
}

fn plain(number: u8, body: &[u8], fields: &mut Vec<Field>) -> Option<&'static str> {
    transport(number, body, fields).or_else(|| above(number, body, fields))
}

fn transport(number: u8, body: &[u8], fields: &mut Vec<Field>) -> Option<&'static str> {
    rows!(number, body, fields,
        "DISCONNECT" Disconnect, "IGNORE" Ignore, "UNIMPLEMENTED" Unimplemented, "DEBUG" Debug,
        "SERVICE_REQUEST" ServiceRequest, "SERVICE_ACCEPT" ServiceAccept, "EXT_INFO" ExtInfo, "KEXINIT" KexInit,
        "NEWKEYS" NewKeys, "KEX_ECDH_INIT" KexInitiate, "KEX_ECDH_REPLY" KexReply, "PING" Ping, "PONG" Pong,
    )
}

fn above(number: u8, body: &[u8], fields: &mut Vec<Field>) -> Option<&'static str> {
    rows!(number, body, fields,
        "USERAUTH_REQUEST" UserauthRequest, "USERAUTH_FAILURE" UserauthFailure, "USERAUTH_SUCCESS" UserauthSuccess,
        "USERAUTH_BANNER" UserauthBanner, "GLOBAL_REQUEST" GlobalRequest, "REQUEST_SUCCESS" RequestSuccess,
        "REQUEST_FAILURE" RequestFailure, "CHANNEL_OPEN" ChannelOpen,
        "CHANNEL_OPEN_CONFIRMATION" ChannelOpenConfirmation, "CHANNEL_OPEN_FAILURE" ChannelOpenFailure,
        "CHANNEL_WINDOW_ADJUST" ChannelWindowAdjust, "CHANNEL_DATA" ChannelData,
        "CHANNEL_EXTENDED_DATA" ChannelExtendedData, "CHANNEL_EOF" ChannelEof, "CHANNEL_CLOSE" ChannelClose,
        "CHANNEL_REQUEST" ChannelRequest, "CHANNEL_SUCCESS" ChannelSuccess, "CHANNEL_FAILURE" ChannelFailure,
    )
}

fn group(number: u8, body: &[u8], fields: &mut Vec<Field>) -> Option<&'static str> {
    rows!(number, body, fields,
        "KEX_DH_GEX_GROUP" GroupOffer, "KEX_DH_GEX_INIT" GroupInitiate, "KEX_DH_GEX_REPLY" GroupReply,
        "KEX_DH_GEX_REQUEST" GroupRequest,
    )
}

/// Numbers that mean what the method of the login says.
fn reply(number: u8, method: &[u8], body: &[u8], fields: &mut Vec<Field>) -> Option<&'static str> {
    match method {
        b"password" => rows!(number, body, fields, "USERAUTH_PASSWD_CHANGEREQ" UserauthPasswdChangereq),
        b"keyboard-interactive" => rows!(number, body, fields,
            "USERAUTH_INFO_REQUEST" UserauthInfoRequest, "USERAUTH_INFO_RESPONSE" UserauthInfoResponse),
        _ => rows!(number, body, fields, "USERAUTH_PK_OK" UserauthPkOk),
    }
}

fn keep(fields: &mut Vec<Field>, name: &'static str, value: Value<'_>) {
    let held = match value {
        Value::Flag(flag) => Held::Flag(flag),
        Value::Number(number) => Held::Number(number),
        Value::Bytes(bytes) => Held::Bytes(bytes.to_vec()),
        Value::Other => return,
    };
    fields.push((name, held));
}

/// Rows of types for the rest of a message.
macro_rules! parts {
    ($key:expr, $rest:expr, $fields:expr, $($name:pat => $kind:ident),* $(,)?) => {
        match $key {
            $($name => {
                let Ok(part) = $kind::decode($rest) else { return };
                $fields.pop();
                part.each(&mut |name, value| keep($fields, name, value));
            })*
            _ => {}
        }
    };
}

/// Takes the last field apart, where an earlier one says what it is.
fn inner(message: &str, fields: &mut Vec<Field>) {
    let text = |name: &str| match fields.iter().find(|(field, _)| *field == name) {
        Some((_, Held::Bytes(bytes))) => bytes.clone(),
        _ => Vec::new(),
    };
    let (name, kind, method) = (text("name"), text("kind"), text("method"));
    let Some((_, Held::Bytes(rest))) = fields.last().cloned() else { return };
    match message {
        "USERAUTH_REQUEST" => login(&method, &rest, fields),
        "USERAUTH_INFO_RESPONSE" => answers(&rest, fields),
        "CHANNEL_OPEN" => parts!(&kind[..], &rest, fields,
            b"direct-tcpip" | b"forwarded-tcpip" => TcpipOpen, b"direct-streamlocal@openssh.com" => StreamlocalDirect,
            b"forwarded-streamlocal@openssh.com" => StreamlocalForwarded, b"x11" => X11Open),
        "GLOBAL_REQUEST" => parts!(&name[..], &rest, fields,
            b"tcpip-forward" | b"cancel-tcpip-forward" => TcpipForward,
            b"streamlocal-forward@openssh.com" | b"cancel-streamlocal-forward@openssh.com" => StreamlocalForward),
        "CHANNEL_REQUEST" => parts!(&name[..], &rest, fields,
            b"pty-req" => PtyReq, b"env" => Env, b"exec" => Exec, b"subsystem" => Subsystem, b"signal" => Signal,
            b"window-change" => WindowChange, b"xon-xoff" => XonXoff, b"break" => Break, b"x11-req" => X11Req,
            b"exit-status" => ExitStatus, b"exit-signal" => ExitSignal),
        _ => {}
    }
}

fn login(method: &[u8], rest: &[u8], fields: &mut Vec<Field>) {
    if let Some((name, _)) = fields.last_mut() {
        *name = UNREAD;
    }
    if rest.is_empty() {
        fields.pop();
    }
    let more = rest.first().is_some_and(|flag| *flag != 0);
    parts!((method, more), rest, fields,
        (b"password", false) => PasswordFields, (b"password", true) => PasswordChangeFields,
        (b"publickey", false) => ProbeFields, (b"publickey", true) => SignedFields,
        (b"publickey-hostbound-v00@openssh.com", false) => HostboundFields,
        (b"publickey-hostbound-v00@openssh.com", true) => HostboundSignedFields,
        (b"hostbased", _) => HostFields, (b"keyboard-interactive", _) => InteractiveFields);
}

fn answers(rest: &[u8], fields: &mut Vec<Field>) {
    fields.pop();
    let mut reader = Reader::new(rest);
    while let Ok(answer) = reader.string() {
        fields.push(("answer", Held::Bytes(answer.to_vec())));
    }
    if !reader.is_empty() {
        fields.push((UNREAD, Held::Bytes(reader.rest().to_vec())));
    }
}

#[cfg(test)]
mod tests {
    use super::{Said, read};
    use crate::dialogue::Who;
    use crate::wire::Piece;
    use sanssh_core::wire::Message;
    use sanssh_core::wire::auth::UserauthRequest;

    fn names(method: &[u8], payload: &[u8]) -> Vec<&'static str> {
        let what = Piece::Message(0, payload.to_vec());
        let said = Said { who: Who::Us, what, method: method.to_vec(), grouped: false };
        read(&said, payload).map(|(_, fields)| fields.iter().map(|(name, _)| *name).collect()).unwrap_or_default()
    }

    fn request(method: &[u8], fields: &[u8]) -> Vec<u8> {
        let mut payload = vec![UserauthRequest::NUMBER];
        for field in [b"me", &b"ssh-connection"[..], method] {
            payload.extend(u32::try_from(field.len()).unwrap().to_be_bytes());
            payload.extend(field);
        }
        [&payload, fields].concat()
    }

    #[test]
    fn what_of_a_login_cannot_be_read_goes_by_no_other_name() {
        let whole = b"\0\0\0\0\x06secret";
        for (fields, last) in [(&whole[..], "password"), (&whole[..9], "unread"), (b"\0\0\0\0\x06secret!", "unread")] {
            assert_eq!(names(b"", &request(b"password", fields)).last(), Some(&last), "{fields:?}");
        }
        assert_eq!(names(b"", &request(b"unheard-of", b"secret")).last(), Some(&"unread"));
        assert_eq!(names(b"", &request(b"none", b"")), ["user", "service", "method"]);
        let answers = [&[61, 0, 0, 0, 2, 0, 0, 0, 1, b'a'][..], b"\0\0\0\x09secret"].concat();
        assert_eq!(names(b"keyboard-interactive", &answers), ["count", "answer", "unread"]);
    }
}
