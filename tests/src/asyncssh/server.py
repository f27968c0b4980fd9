"""A server that runs commands by the shell: key exchange method, host key, authorized keys."""

import asyncio
import sys

import asyncssh

method, host_key, authorized = sys.argv[1:]


async def serve(process):
    child = await asyncio.create_subprocess_shell(
        process.command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr)
    status = await child.wait()
    await process.stdout.drain()
    process.exit(status)


async def main():
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[host_key],
        authorized_client_keys=authorized,
        kex_algs=[method],
        encoding=None,
        process_factory=serve,
    )
    print(f"listening on {server.get_port()}.", file=sys.stderr, flush=True)
    await server.wait_closed()


asyncio.run(main())
