"""Between gateway and server: deliveries that come twice, late, out of order, without an answer, or not at all."""

import http.client
import random
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CAPTURES = "/api/captures"
HEADERS = ("Content-Type", "Lims-Gateway", "Lims-Signature")
OLD = 30  # deliveries that are remembered, to be repeated out of their time


class BadNetwork:
    """``fault``: none | twice | late | unanswered | away; what happens to the deliveries from now on."""

    def __init__(self, server_port: int, seed: str):
        self.fault, self.counts = "none", dict.fromkeys(("twice", "late", "unanswered", "away"), 0)
        self._server_port = server_port
        self._dice = random.Random(seed)
        self._old: list[tuple[bytes, dict[str, str]]] = []
        self._lock = threading.Lock()
        outer = self

        class Pass(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name: self.headers[name] for name in HEADERS if self.headers[name]}
                answer = outer.carry(self.path, body, headers)
                if answer is None:
                    return  # the connection closes without a word
                status, content = answer
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_):
                pass  # whoever waited for the answer was killed

        self._listening = Quiet(("127.0.0.1", 0), Pass)
        self.address = f"http://127.0.0.1:{self._listening.server_address[1]}"
        self._thread = threading.Thread(target=self._listening.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listening.shutdown()
        self._listening.server_close()
        self._thread.join()

    def carry(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes] | None:
        fault = self.fault
        if fault == "away":
            self.counts["away"] += 1
            return None
        if path != CAPTURES:
            return self._forward(path, body, headers)
        with self._lock:
            if fault in self.counts:
                self.counts[fault] += 1
            self._old = [*self._old, (body, headers)][-OLD:]
            old = self._dice.choice(self._old)
        answer = self._forward(path, body, headers)
        if fault == "twice":
            answer = self._forward(path, body, headers) or answer
        elif fault == "late":
            self._forward(path, *old)
        return None if fault == "unanswered" else answer

    def _forward(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes] | None:
        connection = http.client.HTTPConnection("127.0.0.1", self._server_port, timeout=20)
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
