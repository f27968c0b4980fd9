//! The keys that a user's account takes, `ssh2.publickey` (RFC 4819).
