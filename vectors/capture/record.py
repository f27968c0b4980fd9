"""Records conversations of asyncssh with other servers: all bytes of both directions, what every packet holds, and the
secret of every key exchange. The files are described in vectors/README.md, and nothing in them is worth a secret.

    target/peers-venv/bin/sanssh-asyncssh vectors/capture/record.py [NAME...]

makes all captures anew, or those named, beside this program. It needs OpenSSH's server and asyncssh (tests/run installs
them), and UMAC needs libnettle. Servers listen on 127.0.0.1, with keys that are made for the recording."""

import asyncio
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import warnings

import asyncssh
from asyncssh import connection, encryption, packet
from asyncssh.sftp import SFTPHandler

HERE = pathlib.Path(__file__).parent
STRICT = b"kex-strict-c-v00@openssh.com"
# Name of the file: server, key exchange, cipher, MAC, compression, and whether strict key exchange is asked for.
CAPTURES = {
    "chacha20": ("openssh", "curve25519-sha256", "chacha20-poly1305@openssh.com", None, "none", True),
    "aes128-gcm": ("openssh", "ecdh-sha2-nistp256", "aes128-gcm@openssh.com", None, "none", True),
    "aes256-gcm": ("asyncssh", "mlkem768x25519-sha256", "aes256-gcm@openssh.com", None, "none", True),
    "aes128-ctr-hmac-sha2-256": ("openssh", "diffie-hellman-group14-sha256", "aes128-ctr", "hmac-sha2-256", "none", True),
    "aes192-ctr-hmac-sha2-256-etm": (
        "openssh", "ecdh-sha2-nistp384", "aes192-ctr", "hmac-sha2-256-etm@openssh.com", "none", True),
    "aes256-ctr-hmac-sha2-512-etm": (
        "openssh", "diffie-hellman-group-exchange-sha256", "aes256-ctr", "hmac-sha2-512-etm@openssh.com", "none", True),
    "aes128-ctr-umac-64-etm": ("openssh", "ecdh-sha2-nistp521", "aes128-ctr", "umac-64-etm@openssh.com", "none", True),
    "aes256-ctr-umac-128": ("asyncssh", "mlkem1024nistp384-sha384", "aes256-ctr", "umac-128@openssh.com", "none", True),
    "aes128-cbc": ("openssh", "diffie-hellman-group16-sha512", "aes128-cbc", "hmac-sha2-512", "none", True),
    "zlib": ("openssh", "curve25519-sha256", "aes256-gcm@openssh.com", None, "zlib@openssh.com", True),
    "lax": ("openssh", "curve25519-sha256", "chacha20-poly1305@openssh.com", None, "none", False),
    "lax-zlib": ("openssh", "ecdh-sha2-nistp256", "aes128-ctr", "hmac-sha2-256", "zlib@openssh.com", False),
}


class Tape:
    """What the client's end of one connection sent, received and agreed upon, as lines of a capture."""

    def __init__(self):
        self.lines = []
        self.received = b""
        self.secrets = []

    def ident(self, mark, line):
        self.lines += [f"{mark} ident {line.hex()}", ""]

    def packet(self, mark, sequence, wire, plain, payload):
        """`plain` is the packet before it was encrypted, from the padding length on."""
        end = len(plain) - plain[0]
        self.lines.append(f"{mark} packet {sequence}  # {NAMES.get(payload[0], payload[0])}")
        self.lines.append(f"  payload {payload.hex()}")
        if plain[1:end] != payload:
            self.lines.append(f"  zipped {plain[1:end].hex()}")
        self.lines += [f"  padding {plain[end:].hex()}", f"  wire {wire.hex()}", ""]

    def exchange(self, kex, secret, exchange_hash, to_server, to_client):
        form = "string" if kex.startswith("mlkem") else "mpint"
        self.lines += [f"exchange {kex}", f"  secret {form} {secret[4:].hex()}", f"  hash {exchange_hash.hex()}"]
        self.lines += [f"  to-server {' '.join(to_server)}", f"  to-client {' '.join(to_client)}", ""]


NAMES = {
    value: name.removeprefix("MSG_")
    for name, value in vars(asyncssh.constants).items()
    if name.startswith("MSG_") and not name.endswith(("_FIRST", "_LAST"))
}
tape = None
# The packet that was encrypted or decrypted last, from the padding length on, and the connection that receives one.
plain, receiver = None, None


def patched(owner, name):
    """Has the decorated function called in the place of `owner.name`, with that as its first argument."""

    def patch(function):
        inner = getattr(owner, name)
        setattr(owner, name, lambda *args, **kwargs: function(inner, *args, **kwargs))

    return patch


def spy_on_ciphers():
    for kind in (encryption.BasicEncryption, encryption.ETMEncryption, encryption.GCMEncryption,
                 encryption.ChachaEncryption):

        @patched(kind, "encrypt_packet")
        def encrypt(inner, self, sequence, header, body):
            global plain
            plain = body
            return inner(self, sequence, header, body)

        @patched(kind, "decrypt_packet")
        def decrypt(inner, *args):
            global plain
            plain = inner(*args)
            return plain


# SFTP logs its own packets by the methods that packets of SSH are logged by.
def spy_on_sending():
    wire = None

    @patched(connection.SSHConnection, "_send")
    def send(inner, self, data):
        nonlocal wire
        wire = data if self.is_client() else None
        if wire and wire.startswith(b"SSH-"):
            tape.ident(">", wire)
        inner(self, data)

    @patched(packet.SSHPacketLogger, "log_sent_packet")
    def sent(inner, self, kind, sequence, payload, *args):
        global plain
        if not isinstance(self, SFTPHandler):
            if wire:
                tape.packet(">", sequence, wire, plain or wire[4:], payload)
            plain = None
        inner(self, kind, sequence, payload, *args)


def spy_on_receiving():
    @patched(connection.SSHConnection, "data_received")
    def received(inner, self, data, *args):
        if self.is_client():
            tape.received += data
        inner(self, data, *args)

    @patched(connection.SSHConnection, "_recv_version")
    def version(inner, self):
        before = self._inpbuf
        done = inner(self)
        if self.is_client() and done:
            end = len(before) - len(self._inpbuf)
            tape.ident("<", before[:end])
            tape.received = tape.received[end:]
        return done

    @patched(connection.SSHConnection, "_recv_packet")
    def receive(inner, self):
        global receiver
        receiver = self
        return inner(self)

    @patched(packet.SSHPacketLogger, "log_received_packet")
    def log(inner, self, kind, sequence, content, *args):
        global plain
        if not isinstance(self, SFTPHandler):
            if receiver.is_client():
                body = plain or tape.received[4:4 + int.from_bytes(tape.received[:4], "big")]
                end = 4 + len(body) + receiver._recv_macsize
                tape.packet("<", sequence, tape.received[:end], body, content.get_full_payload())
                tape.received = tape.received[end:]
            plain = None
        inner(self, kind, sequence, content, *args)


def spy_on_exchanges():
    @patched(connection.SSHConnection, "send_newkeys")
    def keys(inner, self, secret, exchange_hash):
        if self.is_client():
            kex, none = self._kex.algorithm.decode(), b"-"
            suites = (self._enc_alg_cs, self._mac_alg_cs, self._cmp_alg_cs), (
                self._enc_alg_sc, self._mac_alg_sc, self._cmp_alg_sc)
            suites = [(c, m if encryption.encryption_needs_mac(c) else none, z) for c, m, z in suites]
            tape.exchange(kex, secret, exchange_hash, *([name.decode() for name in suite] for suite in suites))
        inner(self, secret, exchange_hash)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def answers(port):
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        except OSError:
            await asyncio.sleep(0.05)
    sys.exit(f"nothing listens on {port}")


class Openssh:
    """OpenSSH's server, whose user logs in with a key."""

    def __init__(self, kex, cipher, mac, directory):
        self.user, self.port, self.client_key = os.environ.get("USER", "root"), free_port(), make_key(directory, "user")
        options = [f"HostKey {make_key(directory, 'host')}", f"AuthorizedKeysFile {self.client_key}.pub", "UsePAM no"]
        options += [f"ListenAddress 127.0.0.1:{self.port}", "StrictModes no", "PermitRootLogin yes", "PidFile none"]
        options += [f"KexAlgorithms {kex}", f"Ciphers {cipher}", f"MACs {mac or 'hmac-sha2-256'}"]
        options += ["Compression yes", "Subsystem sftp internal-sftp", "PrintMotd no", "PrintLastLog no"]
        config = pathlib.Path(directory, "sshd_config")
        config.write_text("\n".join(options) + "\n")
        os.makedirs("/run/sshd", exist_ok=True)
        self.process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", config], stderr=subprocess.DEVNULL)

    async def started(self):
        await answers(self.port)

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Asyncssh:
    """asyncssh's server, whose user has a password."""

    def __init__(self, kex, cipher, mac, directory):
        self.user, self.port, self.client_key, self.directory = "capture", free_port(), None, directory
        self.algorithms = {"kex_algs": [kex], "encryption_algs": [cipher], **({"mac_algs": [mac]} if mac else {})}

    async def started(self):
        class Users(asyncssh.SSHServer):
            def password_auth_supported(self):
                return True

            def validate_password(self, user, password):
                return (user, password) == ("capture", "open sesame")

        async def serve(process):
            child = await asyncio.create_subprocess_shell(
                process.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr)
            status = await child.wait()
            await process.stdout.drain()
            process.exit(status)

        self.server = await asyncssh.create_server(
            Users, "127.0.0.1", self.port, server_host_keys=[make_key(self.directory, "host")],
            process_factory=serve, sftp_factory=True, encoding=None, **self.algorithms)

    def stop(self):
        self.server.close()


def make_key(directory, name):
    file = pathlib.Path(directory, name)
    key = asyncssh.generate_private_key("ssh-ed25519", comment=name)
    key.write_private_key(file)
    file.chmod(0o600)
    key.write_public_key(f"{file}.pub")
    return str(file)


async def converse(client, directory):
    """A command with data both ways, new keys, a file there and back, new keys, a command, and goodbye."""
    echoed = await client.run("cat; echo done >&2; exit 3", input=b"back and forth", encoding=None)
    assert (echoed.stdout, echoed.stderr, echoed.exit_status) == (b"back and forth", b"done\n", 3)
    # More was sent than a key is good for: the next packet begins an exchange.
    client._rekey_bytes_sent = client._rekey_bytes
    async with client.start_sftp_client() as sftp:
        file = str(pathlib.Path(directory, "file"))
        async with sftp.open(file, "w") as handle:
            await handle.write("what is in the file\n" * 20)
        async with sftp.open(file) as handle:
            assert await handle.read() == "what is in the file\n" * 20
    client._rekey_bytes_sent = client._rekey_bytes
    assert (await client.run("seq 100", encoding=None)).exit_status == 0


def be_strict(strict):
    """asyncssh would believe in a server's marker even if it sent none."""
    client, markers = connection.SSHClientConnection, [b"ext-info-c"] + ([STRICT] if strict else [])
    client._get_extra_kex_algs = lambda self: markers
    client._strict_kex = property(
        lambda self: strict and vars(self).get("strict", False), lambda self, value: vars(self).update(strict=value))


async def record(name):
    global tape
    server, kex, cipher, mac, zip_method, strict = CAPTURES[name]
    tape = Tape()
    be_strict(strict)
    with tempfile.TemporaryDirectory() as directory:
        peer = {"openssh": Openssh, "asyncssh": Asyncssh}[server](kex, cipher, mac, directory)
        try:
            await peer.started()
            tape = Tape()
            options = {"client_keys": [peer.client_key]} if peer.client_key else {"password": "open sesame"}
            client = await asyncssh.connect(
                "127.0.0.1", peer.port, username=peer.user, known_hosts=None, config=None, agent_path=None,
                kex_algs=[kex], encryption_algs=[cipher], mac_algs=[mac or "hmac-sha2-256"],
                compression_algs=[zip_method], **options)
            async with client:
                await converse(client, directory)
        finally:
            peer.stop()
    if tape.received:
        sys.exit(f"{name}: {len(tape.received)} bytes of no packet")
    head = ["capture 1", f"title asyncssh with {server}: {kex}, {cipher}, {mac or 'no MAC'}, {zip_method}",
            f"strict {'yes' if client._strict_kex else 'no'}", ""]
    (HERE / f"{name}.ssh").write_text("\n".join(head + tape.lines).rstrip() + "\n")
    print(f"{name}: {len(tape.lines)} lines")


warnings.simplefilter("ignore")
spy_on_ciphers()
spy_on_sending()
spy_on_receiving()
spy_on_exchanges()
for wanted in sys.argv[1:] or CAPTURES:
    asyncio.run(record(wanted))
