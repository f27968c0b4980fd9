"""A client that does with files what there is to do, in the directory where it begins: port, user, key, known hosts.

It prints a line when all went as it should."""

import asyncio
import sys

import asyncssh
from asyncssh import SFTPError, SFTPFailure, SFTPNoSuchFile

port, user, key, known_hosts = sys.argv[1:]


async def refused(kind, wanted):
    try:
        await wanted
    except kind:
        return
    raise AssertionError("it should have been refused")


async def names(sftp):
    for name in ["with blank", "new\nline", "\u00fcber", "-rf", "*?[", "'\"\\"]:
        async with sftp.open("d/" + name, "wb") as file:
            await file.write(name.encode())
        assert name in await sftp.listdir("d")
        async with sftp.open("d/" + name, "rb") as file:
            assert await file.read() == name.encode()
        await sftp.remove("d/" + name)
    assert sorted(await sftp.listdir("d")) == [".", ".."]


async def links(sftp):
    async with sftp.open("d/file", "w") as file:
        await file.write("text")
    await sftp.symlink("file", "d/link")
    assert await sftp.readlink("d/link") == "file"
    assert await sftp.islink("d/link") and await sftp.isfile("d/link")
    assert await sftp.realpath("d/../d/link") == (await sftp.getcwd() or await sftp.realpath(".")).rstrip("/") + "/d/file"
    await sftp.link("d/file", "d/hard")
    await refused(SFTPFailure, sftp.rename("d/file", "d/hard"))
    await sftp.posix_rename("d/link", "d/hard")
    await refused(SFTPNoSuchFile, sftp.stat("d/none"))
    await refused(SFTPError, sftp.rmdir("d"))


async def attributes(sftp):
    await sftp.chmod("d/file", 0o600)
    await sftp.truncate("d/file", 2)
    await sftp.utime("d/file", (1, 2))
    told = await sftp.stat("d/file")
    assert (told.size, told.permissions & 0o777, told.atime, told.mtime) == (2, 0o600, 1, 2), told
    space = await sftp.statvfs("d")
    assert space.bsize > 0 and space.blocks > 0


async def large(sftp):
    """More than 4 GiB, of which nearly nothing is there."""
    far = (1 << 32) + 5
    async with sftp.open("d/large", "w+b") as file:
        await file.write(b"end", far)
        assert (await file.stat()).size == far + 3
        assert await file.read(16, far - 2) == b"\0\0end"
        assert await file.read(16, far + 3) == b""
        await file.fsync()


async def appended(sftp):
    async with sftp.open("d/log", "ab") as file:
        for part in [b"one", b"two", b"three"]:
            await file.write(part)
    async with sftp.open("d/log", "ab") as file:
        await file.write(b"four")
    async with sftp.open("d/log", "rb") as file:
        assert await file.read() == b"onetwothreefour"


async def copied(sftp):
    body = bytes(range(256)) * 10000
    async with sftp.open("d/from", "wb") as file:
        await file.write(body)
    await sftp.remote_copy("d/from", "d/to")
    async with sftp.open("d/to", "rb") as file:
        assert await file.read() == body


async def main():
    connection = await asyncssh.connect(
        "127.0.0.1",
        int(port),
        username=user,
        client_keys=[key],
        known_hosts=known_hosts,
        agent_path=None,
        config=None,
    )
    async with connection, connection.start_sftp_client() as sftp:
        await sftp.mkdir("d")
        for part in [names, links, attributes, large, appended, copied]:
            await part(sftp)
        await sftp.rmtree("d")
        await refused(SFTPNoSuchFile, sftp.stat("d"))
    print("all went well")


asyncio.run(main())
