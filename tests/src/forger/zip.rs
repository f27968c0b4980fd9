//! Compressed payloads by hand (RFC 4253 §6.2, draft-miller-secsh-compression-delayed): the streams of both directions,
//! which begin where a sound peer's do.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use sanssh_core::algorithm::Zip;

/// NEWKEYS and USERAUTH_SUCCESS, behind which streams begin.
const NEW_KEYS: &[u8] = &[21];
const SUCCESS: &[u8] = &[52];
/// No sound payload of a machine under test expands to more.
const MOST: usize = 1 << 20;

/// Compression of a line.
#[derive(Debug)]
pub struct Zipped {
    /// What was negotiated.
    pub method: Zip,
    /// The stream of what is sent, while there is one.
    pub deflate: Option<Compress>,
    inflate: Option<Decompress>,
    logged_in: bool,
}

impl Zipped {
    /// No compression.
    pub const fn new() -> Self {
        Self { method: Zip::None, deflate: None, inflate: None, logged_in: false }
    }

    /// A payload to be sent, as it stands in its packet.
    pub fn deflate(&mut self, payload: &[u8]) -> Vec<u8> {
        let sent = self.piece(payload, FlushCompress::Partial);
        if payload == NEW_KEYS {
            self.deflate = self.runs().then(fresh);
        }
        self.note_login(payload);
        sent
    }

    /// The same with a flush of choice.
    ///
    /// # Panics
    /// If zlib does.
    pub fn piece(&mut self, payload: &[u8], flush: FlushCompress) -> Vec<u8> {
        let Some(stream) = &mut self.deflate else { return payload.to_vec() };
        let mut sent = Vec::with_capacity(payload.len() + payload.len() / 1000 + 100);
        stream.compress_vec(payload, &mut sent, flush).expect("compression");
        sent
    }

    /// A payload that came.
    ///
    /// # Panics
    /// If it cannot be expanded.
    pub fn inflate(&mut self, payload: Vec<u8>) -> Vec<u8> {
        let payload = match &mut self.inflate {
            None => payload,
            Some(stream) => {
                let mut expanded = Vec::with_capacity(MOST);
                let before = stream.total_in();
                let status = stream.decompress_vec(&payload, &mut expanded, FlushDecompress::Sync);
                assert!(matches!(status, Ok(Status::Ok)), "what the machine sends expands: {status:?}");
                let taken = usize::try_from(stream.total_in() - before).expect("a length");
                assert!(taken == payload.len() && expanded.len() < MOST, "the machine ends each payload in a flush");
                expanded
            }
        };
        if payload == NEW_KEYS {
            self.inflate = self.runs().then(|| Decompress::new(true));
        }
        self.note_login(&payload);
        payload
    }

    fn runs(&self) -> bool {
        self.method == Zip::Zlib || (self.method == Zip::ZlibDelayed && self.logged_in)
    }

    fn note_login(&mut self, payload: &[u8]) {
        if payload == SUCCESS {
            self.logged_in = true;
            if self.method == Zip::ZlibDelayed {
                (self.deflate, self.inflate) = (Some(fresh()), Some(Decompress::new(true)));
            }
        }
    }
}

impl Default for Zipped {
    fn default() -> Self {
        Self::new()
    }
}

fn fresh() -> Compress {
    Compress::new(Compression::default(), true)
}
