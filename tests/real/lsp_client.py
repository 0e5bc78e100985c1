#!/usr/bin/env python3
"""Speaks to a language server as an editor does (Language Server Protocol 3.17, base protocol and the requests named here).

    lsp_client.py FILE LANGUAGE LINE CHARACTER -- SERVER [ARG…]

Starts SERVER, initialises it, opens FILE, asks for the definition at LINE:CHARACTER (from 0), waits for the file's
diagnostics, and shuts the server down in order. Prints "server NAME", "definition LINE", "diagnostic LINE MESSAGE" and
"exit STATUS".
"""
import json
import pathlib
import queue
import subprocess
import sys
import threading


class Server:
    def __init__(self, argv):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.messages = queue.Queue()
        self.pending = []
        self.number = 0
        threading.Thread(target=self.reader, daemon=True).start()

    def reader(self):
        out = self.process.stdout
        while True:
            length = 0
            while (line := out.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if line == b"":
                self.messages.put(None)
                return
            self.messages.put(json.loads(out.read(length)))

    def send(self, **message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def notify(self, method, params):
        self.send(method=method, params=params)

    def request(self, method, params):
        self.number += 1
        wanted = self.number
        self.send(id=wanted, method=method, params=params)
        return self.wait(lambda m: m.get("id") == wanted and "method" not in m)["result"]

    def wait(self, match):
        for message in self.pending:
            if match(message):
                self.pending.remove(message)
                return message
        while True:
            message = self.messages.get(timeout=60)
            if message is None:
                raise SystemExit("the server closed its output")
            if "method" in message and "id" in message:
                self.answer(message)
            elif match(message):
                return message
            else:
                self.pending.append(message)

    def answer(self, message):
        """What the server asks of the editor."""
        result = None
        if message["method"] == "workspace/configuration":
            result = [None] * len(message["params"]["items"])
        self.send(id=message["id"], result=result)


def main():
    file, language, line, character, dashes, *argv = sys.argv[1:]
    assert dashes == "--"
    path = pathlib.Path(file).resolve()
    root = pathlib.Path.cwd().as_uri()
    server = Server(argv)
    about = server.request("initialize", {
        "processId": None, "rootUri": root, "workspaceFolders": [{"uri": root, "name": "project"}],
        "capabilities": {"textDocument": {"publishDiagnostics": {}, "definition": {}}, "workspace": {"configuration": True}},
    })
    print("server", about.get("serverInfo", {}).get("name", "without a name"))
    server.notify("initialized", {})
    server.notify("textDocument/didOpen", {"textDocument": {
        "uri": path.as_uri(), "languageId": language, "version": 1, "text": path.read_text()}})
    found = server.request("textDocument/definition", {
        "textDocument": {"uri": path.as_uri()}, "position": {"line": int(line), "character": int(character)}})
    for place in found if isinstance(found, list) else [found]:
        print("definition", place["range"]["start"]["line"])
    published = server.wait(lambda m: m.get("method") == "textDocument/publishDiagnostics" and m["params"]["diagnostics"])
    for diagnostic in published["params"]["diagnostics"]:
        print("diagnostic", diagnostic["range"]["start"]["line"], diagnostic["message"].split("\n")[0])
    server.request("shutdown", None)
    server.notify("exit", None)
    print("exit", server.process.wait(timeout=30))


if __name__ == "__main__":
    main()
