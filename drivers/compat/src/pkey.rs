//! A public key of an agent's, `ssh2.pkey`.
