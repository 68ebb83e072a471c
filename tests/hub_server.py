"""A model hub on loopback: the part of its HTTP API that its client libraries use to read."""

import hashlib
import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

API = re.compile(
    r"/api/(models|datasets)/([^/]+/[^/]+)(?:/(revision|tree|paths-info)/([^/]+))?(.*)"
)
FILE = re.compile(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


LARGE = 4096


@dataclass
class Repository:
    """Files of one commit; `refuses` is the status it answers with, `code` the hub's name of it.

    The last `missing` bytes of its large files never arrive, though nothing looks cut.
    """

    files: dict[str, bytes]
    refuses: int | None = None
    code: str | None = None
    missing: int = 0

    @property
    def commit(self) -> str:
        """Of 40 hexadecimal digits, another for other files."""
        names = json.dumps({n: hashlib.sha1(c).hexdigest() for n, c in sorted(self.files.items())})
        return hashlib.sha1(names.encode()).hexdigest()

    def told(self, path: str) -> dict[str, Any]:
        """A file as the API tells of it."""
        content = self.files[path]
        return {"type": "file", "path": path, "size": len(content), "oid": etag(content)}


@dataclass
class Hub:
    """Repositories by kind and name, what was asked of the hub, and what goes wrong with it."""

    url: str
    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    out_of_order: int = 0
    """So many more requests are answered by 503."""
    cut: int = 0
    """So many more large files are cut in the middle."""

    def add(self, kind: str, name: str, files: dict[str, bytes] | Path) -> Repository:
        """Publish files, or those of a directory."""
        if isinstance(files, Path):
            paths = [path for path in files.rglob("*") if path.is_file()]
            files = {str(path.relative_to(files)): path.read_bytes() for path in paths}
        self.repositories[kind, name] = Repository(files)
        return self.repositories[kind, name]

    def environment(self, home: Path) -> dict[str, str]:
        """Of a process that knows no other hub, with its cache in `home`."""
        ours = {"HF_ENDPOINT": self.url, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1"}
        return {k: v for k, v in os.environ.items() if not k.startswith("HF_")} | ours


def etag(content: bytes) -> str:
    """Of a file that is no large one."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Answers for the hub of its class."""

    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Send a whole answer."""
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def tell(self, value: Any) -> None:
        """Send JSON."""
        self.answer(200, json.dumps(value).encode(), Content_Type="application/json")

    def respond(self) -> None:
        """Find what the address means."""
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        path = self.path.partition("?")[0]
        self.hub.asked.append(f"{self.command} {path}")
        if self.hub.out_of_order > 0:
            self.hub.out_of_order -= 1
            return self.answer(503)
        if found := FILE.fullmatch(path):
            kind = "datasets" if found[1] else "models"
            repository = self.repository(kind, found[2], found[3])
            return repository and self.send_file(repository, found[4])
        if found := API.fullmatch(path):
            repository = self.repository(found[1], found[2], found[4] or "main")
            return repository and self.tell_of(repository, found, body)
        return self.answer(404)

    do_GET = do_HEAD = do_POST = respond

    def repository(self, kind: str, name: str, revision: str) -> Repository | None:
        """The repository at this revision, or else an answer that says why not."""
        found = self.hub.repositories.get((kind, name))
        if found is None:
            self.answer(401, X_Error_Code="RepoNotFound", X_Error_Message="Repository not found")
        elif found.refuses:
            self.answer(found.refuses, **({"X_Error_Code": found.code} if found.code else {}))
        elif revision not in (found.commit, "main"):
            self.answer(404, X_Error_Code="RevisionNotFound", X_Error_Message="Invalid rev id")
        else:
            return found
        return None

    def tell_of(self, repository: Repository, found: re.Match[str], body: bytes) -> None:
        """A repository, a folder of it, or some of its files."""
        if found[3] == "tree":
            folder = found[5].strip("/")
            inside = [p for p in repository.files if p.startswith(f"{folder}/" if folder else "")]
            if not inside:
                return self.answer(404, X_Error_Code="EntryNotFound")
            depth = folder.count("/") + 1 if folder else 0
            deep = "recursive=true" in self.path.lower()
            files = [repository.told(p) for p in inside if deep or p.count("/") == depth]
            folders = {"/".join(p.split("/")[: depth + 1]) for p in inside if p.count("/") > depth}
            ours = [{"type": "directory", "path": p, "oid": etag(b""), "size": 0} for p in folders]
            return self.tell(files + ours)
        if found[3] == "paths-info":
            paths = json.loads(body)["paths"]
            return self.tell([repository.told(path) for path in paths if path in repository.files])
        siblings = [{"rfilename": path} for path in sorted(repository.files)]
        about = {"id": found[2], "sha": repository.commit, "siblings": siblings}
        return self.tell(about | {"private": False, "gated": False, "tags": [], "downloads": 0})

    def send_file(self, repository: Repository, path: str) -> None:
        """A file or the rest of it, cut short if the hub is to do so."""
        content = repository.files.get(path)
        if content is None:
            return self.answer(404, X_Error_Code="EntryNotFound", X_Error_Message="Entry not found")
        headers = {"ETag": f'"{etag(content)}"', "X_Repo_Commit": repository.commit}
        start, status = 0, 200
        if asked := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            start, size = int(asked[1]), len(content)
            content, status = content[start : int(asked[2] or size) + 1], 206
            headers["Content_Range"] = f"bytes {start}-{start + len(content) - 1}/{size}"
        if self.command == "GET" and repository.missing and len(content) > LARGE:
            content = content[: -repository.missing]
        if self.command == "GET" and self.hub.cut > 0 and len(content) > LARGE:
            self.hub.cut -= 1
            headers["Content_Length"] = str(len(content))
            self.close_connection = True
            content = content[: len(content) // 2]
        return self.answer(status, content, Accept_Ranges="bytes", **headers)


@contextmanager
def serve() -> Iterator[Hub]:
    """A hub without repositories, until the block ends."""
    handler = type("OurHandler", (Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    handler.hub = Hub(f"http://127.0.0.1:{server.server_port}")  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield handler.hub  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
