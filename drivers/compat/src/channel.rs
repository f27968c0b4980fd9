//! A channel of a session, `ssh2.channel`: a command with its streams.
