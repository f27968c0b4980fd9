"""A client that runs a command with its standard input: key exchange method, port, user, key, known hosts, command.

It changes keys about every 64 KiB."""

import asyncio
import sys

import asyncssh

method, port, user, key, known_hosts, command = sys.argv[1:]


async def main():
    connection = await asyncssh.connect(
        "127.0.0.1",
        int(port),
        username=user,
        client_keys=[key],
        known_hosts=known_hosts,
        kex_algs=[method],
        rekey_bytes=1 << 16,
        agent_path=None,
        config=None,
    )
    async with connection:
        ran = await connection.run(command, input=sys.stdin.buffer.read(), encoding=None)
        sys.stdout.buffer.write(ran.stdout)
        sys.exit(ran.exit_status)


asyncio.run(main())
