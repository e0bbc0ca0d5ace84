#!/usr/bin/env python3
"""A TCP proxy that makes a server seem further away. Arguments: the server's port, and the
milliseconds by which a round trip takes longer; half of them in each direction."""

import asyncio
import sys


async def hand_on(reader, writer, delay):
    """What comes in at one time goes out that much later; the order stays."""
    loop = asyncio.get_running_loop()
    queue = asyncio.Queue(1000)

    async def write():
        while True:
            due, chunk = await queue.get()
            await asyncio.sleep(max(0, due - loop.time()))
            if not chunk:
                writer.close()
                return
            writer.write(chunk)
            await writer.drain()

    writing = asyncio.create_task(write())
    try:
        while chunk := await reader.read(65536):
            await queue.put((loop.time() + delay, chunk))
        await queue.put((loop.time() + delay, b""))
        await writing
    except ConnectionError:
        writing.cancel()
        writer.close()


async def main():
    upstream, delay = int(sys.argv[1]), float(sys.argv[2]) / 2000

    async def accept(reader, writer):
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", upstream)
        await asyncio.gather(hand_on(reader, server_writer, delay), hand_on(server_reader, writer, delay),
                             return_exceptions=True)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    print(f"listening on 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


asyncio.run(main())
