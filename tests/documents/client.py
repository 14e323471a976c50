"""Stands for a command: `client.py NAME ARGUMENTS...` has the server run it, with its own streams."""

import json
import os
import socket
import sys

with socket.socket(socket.AF_UNIX) as server:
    server.connect(os.environ["DOCUMENTS_SERVER"])
    call = {
        "name": sys.argv[1],
        "arguments": sys.argv[2:],
        "folder": os.getcwd(),
        "environment": dict(os.environ),
    }
    socket.send_fds(server, [json.dumps(call).encode()], [0, 1, 2])
    sys.exit(int(server.recv(16) or 1))
