"""A stand-in for an inference engine: maps its weights and serves the API's list of models. Standard library only."""
import argparse
import json
import mmap
import pathlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

flags = argparse.ArgumentParser()
flags.add_argument("--model", type=pathlib.Path, required=True)
flags.add_argument("--port", type=int, required=True)
args = flags.parse_args()

config = json.loads((args.model / "config.json").read_text())
with (args.model / "model.safetensors").open("rb") as f:
    weights = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)  # as engines hold them


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/v1/models":
            self.send_error(404)
            return
        body = json.dumps({"object": "list", "data": [{"id": args.model.name, "object": "model", "bytes": len(weights)}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", args.port), Handler).serve_forever()
