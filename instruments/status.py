"""How the gateway is, for the technician beside it: a JSON file, and a page on 127.0.0.1 where wanted."""

import html
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from instruments.canonical import JsonObject, JsonValue

WELL = frozenset({"connected", "connecting"})
_STYLE = (
    "body{font:16px system-ui,sans-serif;margin:1.5rem;color:#1b2a33}h1{font-size:1.3rem}"
    "table{border-collapse:collapse}th,td{text-align:left;padding:.35rem .9rem .35rem 0;border-bottom:1px solid #d5dde2}"
    ".n{text-align:right;font-variant-numeric:tabular-nums}.live{font-size:1.4rem;white-space:nowrap}.bad{color:#a3200d;font-weight:600}"
)


def write_status(path: Path, status: JsonObject) -> None:
    """Never seen half-written; not synced, because it is worthless a second later."""
    draft = path.with_suffix(".new")
    # One line: laid out by indentation, a hundred devices would cost more than all that they say in a second.
    draft.write_text(json.dumps(status, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(path)


class StatusPage:
    """``/`` for people, ``/status.json`` for programs. Serves until closed."""

    def __init__(self, port: int, status: Callable[[], JsonObject]) -> None:
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/status.json":
                    kind, body = "application/json", json.dumps(status(), ensure_ascii=False)
                elif self.path == "/":
                    kind, body = "text/html", page(status())
                else:
                    self.send_error(404)
                    return
                content = body.encode()
                self.send_response(200)
                self.send_header("Content-Type", f"{kind}; charset=utf-8")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                """A page that refreshes itself would fill the journal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Answer)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="status", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def devices_of(status: JsonObject) -> list[JsonObject]:
    listed = status["devices"]
    found = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    return sorted(found, key=lambda row: str(row["device"]))


def reading_of(device: JsonObject) -> str:
    live = device["live"]
    if not isinstance(live, dict):
        return ""
    return f"{live.get('value') or live.get('code') or live.get('kind')} {live.get('unit') or ''}".strip()


def troubles(status: JsonObject) -> Iterator[str]:
    """What somebody should do something about, in sentences."""
    spool = status["spool"]
    if isinstance(spool, dict):
        yield from (str(spool[name]) for name in ("disk", "sentence") if spool.get(name))
    for device in devices_of(status):
        if device["state"] not in WELL:
            reason = f", {device['reason']}" if device["reason"] else ""
            yield f"{device['device']}: {in_words(device['state'])}{reason}"


def in_words(state: JsonValue) -> str:
    return str(state).replace("_", " ")


def delivery_of(status: JsonObject) -> str:
    spool = status["spool"]
    if not isinstance(spool, dict) or not spool:
        return ""
    return (
        f"{spool['last_seq']} captures kept, {spool['pending']} not yet with the server ({spool['delivery']}); "
        f"{spool['disk_free_mb']} MB free"
    )


def page(status: JsonObject) -> str:
    name = html.escape(str(status["name"]))
    rows = "".join(_row(device) for device in devices_of(status))
    bad = "".join(f'<li class="bad">{html.escape(sentence)}' for sentence in troubles(status))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="1">'
        f'<meta name="viewport" content="width=device-width"><title>{name}</title><style>{_STYLE}</style>'
        f"<h1>{name}</h1><ul>{bad}</ul><table><tr><th>device<th>state<th>reading<th>serial"
        f'<th class="n">captures<th class="n">not understood</tr>{rows}</table>'
        f"<p>{html.escape(delivery_of(status))}. {html.escape(str(status.get('at', '')))}</html>"
    )


def _row(device: JsonObject) -> str:
    state = f'<td class="{"" if device["state"] in WELL else "bad"}">{html.escape(in_words(device["state"]))}'
    texts = [(device["device"], ""), (reading_of(device), "live"), (device["serial"] or "", "")]
    texts += [(device["captures"], "n"), (device["unparsed"], "n")]
    key, *rest = [f'<td class="{kind}">{html.escape(str(text))}' for text, kind in texts]
    return f"<tr>{key}{state}{''.join(rest)}</tr>"
