"""A webhook receiver that takes everything, for the measures: `python -m bench.receiver` prints its port.

It reads just enough of HTTP to answer, so that the machine's processors are left to what is measured.
"""

import asyncio
import signal

HEAD_END = b"\r\n\r\n"
ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class Receiver(asyncio.Protocol):
    """One connection: answers each request when its body has come."""

    received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._held = b""

    def data_received(self, data: bytes) -> None:
        """Answer what is whole."""
        self._held += data
        while (end := self._held.find(HEAD_END)) >= 0:
            head = self._held[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            whole = end + len(HEAD_END) + length
            if len(self._held) < whole:
                return
            self._held = self._held[whole:]
            Receiver.received += 1
            self._transport.write(ANSWER)


async def main() -> None:
    """Receive until told to stop, and print how many requests came."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Receiver, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    print(Receiver.received, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
