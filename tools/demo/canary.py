#!/usr/bin/env python3
"""Listens on a loopback port and on an abstract socket; writes a line into VISITS for whoever connects.

usage: canary.py TOKEN PORT-FILE VISITS"""
import os
import selectors
import socket
import sys

token, port_file, visits = sys.argv[1:]
inet = socket.create_server(("127.0.0.1", 0))
unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
unix.bind(f"\0demo-{token}")
unix.listen()
with open(port_file + ".new", "w", encoding="ascii") as f:
    f.write(str(inet.getsockname()[1]))
os.rename(port_file + ".new", port_file)
ready = selectors.DefaultSelector()
ready.register(inet, selectors.EVENT_READ, "loopback port")
ready.register(unix, selectors.EVENT_READ, "abstract socket")
while True:
    for key, _ in ready.select():
        connection, _ = key.fileobj.accept()
        connection.close()
        with open(visits, "a", encoding="ascii") as f:
            f.write(key.data + "\n")
