//! Which key belongs to which host, `ssh2.knownhost`.
