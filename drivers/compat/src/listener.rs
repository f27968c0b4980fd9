//! Ports that the server listens at for us, `ssh2.listener`.
