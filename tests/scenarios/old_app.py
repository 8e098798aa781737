"""An app as they are in the field: python-socketio, the old four events, the token in the URL.

Told what to do by JSON lines on stdin, tells what happens by JSON lines on stdout:
    {"do": "connect"} {"do": "register", "space_name": "…"} {"do": "result", "data": {…}} {"do": "disconnect"}
"""
import asyncio
import json
import sys

import socketio


def tell(event, data=None):
    print(json.dumps({"event": event, "data": data}), flush=True)


async def main(url):
    client = socketio.AsyncClient(reconnection=False)
    client.on("connect", lambda: tell("connect"))
    client.on("disconnect", lambda: tell("disconnect"))
    client.on("register_response", lambda data: tell("register_response", data))
    client.on("inference_request", lambda data: tell("inference_request", data))

    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        command = json.loads(line)
        if command["do"] == "connect":
            await client.connect(url)
        elif command["do"] == "register":
            await client.emit("register", {"space_name": command["space_name"]})
        elif command["do"] == "result":
            await client.emit("inference_result", command["data"])
        elif command["do"] == "disconnect":
            await client.disconnect()
    await client.disconnect()


asyncio.run(main(sys.argv[1]))
