"""A small real HTTP server that keeps the contract of docs/capture-protocol.md, and can misbehave on demand."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from instruments.canonical import canonical
from instruments.captures import capture_hash
from instruments.keys import signing_bytes


class Receiving:
    """``lose_replies``: how many requests to carry out without answering; ``refuse``: (status, code) for all."""

    def __init__(self, port=0):
        self.keys, self.captures, self.live, self.commands = {}, {}, [], []
        self.results, self.seen = [], set()
        self.profiles = []  # offered where a post says what the gateway holds, and it holds another
        self.codes = {"K7QM-2FZD"}
        self.lose_replies, self.refuse, self.batches = 0, None, 0
        self._lock = threading.Lock()
        outer = self

        class Answer(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with outer._lock:
                    status, said = outer.answer(self.path, body, self.headers)
                    lost = self.path == "/api/captures" and outer.lose_replies > 0
                    outer.lose_replies -= lost
                if lost:
                    self.close_connection = True
                    return
                content = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

        self._server = Quiet(("127.0.0.1", port), Answer)
        self.port = self._server.server_address[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def answer(self, path, body, headers):
        if self.refuse:
            status, code = self.refuse
            return status, {"code": code, "detail": code, "status": status}
        document = json.loads(body)
        if canonical(document) != body:
            return 400, {"code": "not_canonical", "detail": "not canonical"}
        purpose = {"/api/captures": "captures", "/api/gateways/live": "live", "/api/gateways/enrol": "enrol"}[
            path
        ]
        key = document["public_key"] if purpose == "enrol" else self.keys.get(headers["Lims-Gateway"])
        if key is None:
            return 401, {"code": "gateway_unknown", "detail": "unknown gateway"}
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key))
        try:
            public.verify(base64.b64decode(headers["Lims-Signature"]), signing_bytes(purpose, body))
        except InvalidSignature:
            return 401, {"code": "signature_wrong", "detail": "wrong signature"}
        return getattr(self, f"_{purpose}")(document)

    def _enrol(self, document):
        if document["code"] not in self.codes:
            return 403, {"code": "enrolment_code_wrong", "detail": "this code is not open"}
        self.codes.discard(document["code"])
        self.keys["gw-1"] = document["public_key"]
        return 201, {"gateway_id": "gw-1"}

    def _captures(self, document):
        self.batches += 1
        epoch = self.captures.setdefault(document["epoch"], {})
        stored = 0
        for capture in document["captures"]:
            claimed = capture.pop("hash")
            if capture_hash(canonical(capture)) != claimed:
                return 400, {"code": "capture_hash_wrong", "detail": f"capture {capture['seq']}"}
            held = epoch.get(capture["seq"])
            if held is not None and held["hash"] != claimed:
                return 409, {"code": "capture_conflict", "detail": f"capture {capture['seq']}"}
            stored += held is None
            epoch[capture["seq"]] = {**capture, "hash": claimed}
        acknowledged = document["oldest"] - 1
        while acknowledged + 1 in epoch:
            acknowledged += 1
        already = len(document["captures"]) - stored
        return 200, {"acknowledged": acknowledged, "stored": stored, "already": already}

    def _live(self, document):
        self.live.append(document)
        self.seen.update(document["seen"])
        self.results += document["results"]
        open_commands = [command for command in self.commands if command["id"] not in self.seen]
        return 200, {"next_ms": 100, "profiles": self._offers(document), "commands": open_commands}

    def _offers(self, document):
        if "profiles" not in document:
            return []
        held = document["profiles"]["held"]
        return [one for one in self.profiles if held.get(one["key"]) != one["sha256"]]

    def all_captures(self):
        with self._lock:
            return [epoch[seq] for epoch in self.captures.values() for seq in sorted(epoch)]
