//! Every message of the wire: what decodes is encoded again, into no more bytes, and decodes to the same.

use crate::forger::encode;
use sanssh_core::agent::message as agent;
use sanssh_core::wire::auth::{self, Answers, Prompts};
use sanssh_core::wire::{Message, Mpint, Names, Reader, Strings, connection, transport};

/// Bodies of messages: the first byte is the number, and all messages of that number are tried.
pub fn message(bytes: &[u8]) {
    let Some((number, body)) = bytes.split_first() else { return };
    macro_rules! messages {
        ($($layer:ident: $($kind:ident)*;)*) => {$($(
            if let Ok(message) = $layer::$kind::decode(body)
                && $layer::$kind::NUMBER == *number
            {
                let again = encode(&message);
                assert_eq!((again.len(), again[0]), (message.encoded_len(), *number));
                assert!(again.len() <= bytes.len(), "a message does not grow");
                assert_eq!($layer::$kind::decode(&again[1..]), Ok(message), "it is the same message");
            }
        )*)*};
    }
    messages! {
        transport: Disconnect Ignore Unimplemented Debug ServiceRequest ServiceAccept ExtInfo KexInit NewKeys KexInitiate
            KexReply GroupOffer GroupInitiate GroupReply GroupRequest Ping Pong;
        auth: UserauthRequest UserauthFailure UserauthSuccess UserauthBanner UserauthPkOk UserauthPasswdChangereq
            UserauthInfoRequest UserauthInfoResponse;
        connection: GlobalRequest RequestSuccess RequestFailure ChannelOpen ChannelOpenConfirmation ChannelOpenFailure
            ChannelWindowAdjust ChannelData ChannelExtendedData ChannelEof ChannelClose ChannelRequest ChannelSuccess
            ChannelFailure;
        agent: Failure Success RequestIdentities IdentitiesAnswer SignRequest SignResponse AddIdentity RemoveIdentity
            RemoveAllIdentities Lock Unlock AddIdConstrained Extension ExtensionFailure ExtensionResponse;
    }
    fields(body);
    lists(body);
}

/// The parts of messages that an earlier field chooses.
fn fields(body: &[u8]) {
    macro_rules! fields {
        ($($layer:ident: $($kind:ident)*;)*) => {$($(
            if let Ok(fields) = $layer::$kind::decode(body) {
                let mut again = crate::forger::blob();
                fields.encode(&mut again);
                let again = again.done();
                assert!(again.len() <= body.len(), "fields do not grow");
                assert_eq!($layer::$kind::decode(&again), Ok(fields), "they are the same fields");
            }
        )*)*};
    }
    fields! {
        auth: PasswordFields PasswordChangeFields ProbeFields SignedFields HostFields HostboundFields
            HostboundSignedFields InteractiveFields;
        connection: PtyReq Env Exec Subsystem WindowChange XonXoff Signal ExitStatus ExitSignal Break
            TcpipOpen StreamlocalDirect StreamlocalForwarded X11Open TcpipForward StreamlocalForward ForwardedPort X11Req;
    }
}

/// Lists inside messages hold what they were said to hold.
fn lists(body: &[u8]) {
    let mut reader = Reader::new(body);
    let Ok(count) = reader.u32() else { return };
    let rest = reader.rest();
    if let Ok(prompts) = Prompts::decode(count, rest) {
        assert_eq!(prompts.iter().count(), count as usize);
        assert_eq!(prompts.iter().map(|prompt| prompt.text.len() + 5).sum::<usize>(), rest.len());
    }
    if let Ok(answers) = Answers::decode(count, rest) {
        assert_eq!(answers.iter().count(), count as usize);
        assert_eq!(answers.iter().map(|answer| answer.len() + 4).sum::<usize>(), rest.len());
    }
    let names = Names::new(body);
    assert!(names.iter().count() <= body.len() + 1);
    if let Ok(Mpint(digits)) = Mpint::content(body) {
        let mut again = crate::forger::blob();
        sanssh_core::wire::Sink::mpint(&mut again, digits);
        assert_eq!(again.done()[4..], *body, "a number has one form");
    }
    if let Ok(strings) = Strings::decode(body, 1000) {
        assert!(strings.count() * 4 <= body.len());
    }
}
