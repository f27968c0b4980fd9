//! The keys of an agent, `ssh2.agent`.
