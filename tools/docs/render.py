#!/usr/bin/env python3
"""Renders a recording of script(1) (classic format: output and timing) as an animated SVG: each line appears when it was
printed (pauses are kept up to two seconds), and the whole text stays at the end.

usage: render.py COMMAND OUTPUT TIMING

Knows what line-by-line programs print: text, newline, carriage return and colours (SGR). No cursor movement."""
import html
import re
import sys
import unicodedata

COLOURS = {"31": "#f7768e", "32": "#9ece6a", "33": "#e0af68", "34": "#7aa2f7", "35": "#bb9af7", "36": "#7dcfff"}
INK, PAPER, DIM = "#c0caf5", "#16161e", "#737aa2"
CELL, LINE, PAD = 8.0, 18, 18
TOKEN = re.compile(r"\x1b\[([0-9;]*)m|\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\r|\n|[^\x1b\r\n]+")


def lines(data, timing):
    """(seconds, [(column, style, text)]) of each line."""
    moments = []  # (offset of the end, seconds)
    at, offset = 0.0, 0
    for row in timing.splitlines():
        delay, count = row.split()[:2]
        at += min(float(delay), 2.0)
        offset += int(count)
        moments.append((offset, at))
    text = re.sub(rb"^Script started.*?\n", b"", data)
    skipped = len(data) - len(text)
    text = re.sub(rb"\nScript done.*\s*$", b"\n", text)
    style, current, column, consumed = {}, [], 0, 0
    index = 0
    for m in TOKEN.finditer(text.decode("utf-8", "replace")):
        token = m[0]
        consumed += len(token.encode())
        if token == "\n":
            while index < len(moments) - 1 and moments[index][0] < consumed:
                index += 1
            yield moments[index][1] if moments else 0.0, current
            current, column = [], 0
        elif token == "\r":
            column = 0
        elif m[1] is not None:
            for code in m[1].split(";"):
                if code in ("", "0"):
                    style = {}
                elif code == "1":
                    style = style | {"font-weight": "bold"}
                elif code == "2":
                    style = style | {"fill": DIM}
                elif code in COLOURS:
                    style = style | {"fill": COLOURS[code]}
        elif not token.startswith("\x1b"):
            current.append((column, style, token))
            column += sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in token)
    assert skipped >= 0
    if current:
        yield moments[-1][1], current


def main():
    command, out, timing = sys.argv[1:]
    with open(out, "rb") as f, open(timing, encoding="ascii") as t:
        rows = list(lines(f.read(), t.read()))
    rows.insert(0, (0.0, [(0, {"fill": DIM}, "$ "), (2, {"font-weight": "bold"}, command)]))
    columns = max(c + len(text) for _, row in rows for c, _, text in row)
    width, height = int(columns * CELL + 2 * PAD), len(rows) * LINE + 2 * PAD
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
          f'aria-label="A recording of {html.escape(command)}">')
    print("<style>text{font:13.3px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre;"
          f"fill:{INK}}}g{{opacity:0;animation:show .01s linear forwards}}@keyframes show{{to{{opacity:1}}}}"
          "@media(prefers-reduced-motion:reduce){g{animation-delay:0s!important}}</style>")
    print(f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/>')
    for i, (at, row) in enumerate(rows):
        y = PAD + i * LINE + 13
        print(f'<g style="animation-delay:{at:.2f}s">', end="")
        for column, style, text in row:
            css = "".join(f"{k}:{v};" for k, v in style.items())
            print(f'<text x="{PAD + column * CELL:.0f}" y="{y}" textLength="{len(text) * CELL:.0f}"' + (f' style="{css}"' if css else "") +
                  f">{html.escape(text)}</text>", end="")
        print("</g>")
    print("</svg>")


main()
