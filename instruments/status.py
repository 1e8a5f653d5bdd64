"""How the gateway is, for the technician beside it: a JSON file, and a page on 127.0.0.1 where wanted."""

import html
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from instruments.canonical import JsonObject


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


def page(status: JsonObject) -> str:
    devices = status["devices"]
    rows = "".join(_row(device) for device in devices) if isinstance(devices, list) else ""
    spool = html.escape(json.dumps(status["spool"], ensure_ascii=False))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="1">'
        f"<title>{html.escape(str(status['name']))}</title><h1>{html.escape(str(status['name']))}</h1>"
        "<table border=1><tr><th>device<th>state<th>reading<th>serial<th>captures<th>not understood<th>why</tr>"
        f"{rows}</table><p>{spool}</p></html>"
    )


def _row(device: JsonObject) -> str:
    live = device["live"]
    figure = (
        f"{live.get('value') or live.get('code')} {live.get('unit') or ''}" if isinstance(live, dict) else ""
    )
    cells = [device["device"], device["state"], figure, device["serial"] or ""]
    cells += [device["captures"], device["unparsed"], device["reason"]]
    return "<tr>" + "".join(f"<td>{html.escape(str(cell))}" for cell in cells) + "</tr>"
