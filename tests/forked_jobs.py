"""Jobs of a workflow in processes that are forked with the libraries imported.

Most of a job on tiny data is the import of PyTorch and sentence-transformers. A server imports
them once, for all test processes; a `python` that comes first on PATH hands it the scripts, with
their arguments, environment, directory and streams. Scripts of the hub have a server that has not
imported the libraries of Hugging Face, because these read the environment as they are imported.
Other commands, and scripts of the name WHOLE_JOB, go to the interpreter itself.
"""

import array
import atexit
import contextlib
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

PLACE = "FORKED_JOBS"
"""Names, in the environment, the folder of the `python`."""
OF_BOTH = (
    *("cyclopts.core", "cyclopts.bind", "cyclopts.argument", "matplotlib.pyplot", "polars"),
    *("pyarrow.parquet", "torch._dynamo"),
)
LIBRARIES = {
    "offline": (
        *OF_BOTH,
        *("accelerate", "captum.attr", "datasets", "markdown_it", "scipy.stats"),
        *("fontTools.subset", "matplotlib.backends.backend_pdf", "matplotlib.backends.backend_svg"),
        *("sentence_transformers", "sentence_transformers.sentence_transformer.evaluation"),
        *("sentence_transformers.sentence_transformer.trainer", "shap"),
        *("transformers.models.bert.modeling_bert", "transformers.trainer"),
    ),
    "online": (
        *OF_BOTH,
        *("fsspec", "httpx2", "jinja2", "pandas", "safetensors.torch", "sklearn.metrics"),
        *("tokenizers", "torch.distributed.fsdp", "trio", "yaml"),
    ),
}
OF_THE_HUB = ("download_dataset", "download_snapshot", "pin_revisions", "weigh_sentences")
"""Scripts that may reach the hub, or its cache."""
CLIENT = """#!{python} -IS
import array, json, os, socket, sys
script = len(sys.argv) > 1 and "scripts/" in sys.argv[1]
whole = os.environ.get("WHOLE_JOB")
if not script or (whole and whole in sys.argv[1]):
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
kind = "online" if any(name in sys.argv[1] for name in {hub!r}) else "offline"
request = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
with socket.socket(socket.AF_UNIX) as job:
    job.connect({place!r} + "/" + kind)
    streams = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))]
    job.sendmsg([len(request).to_bytes(8, "big")], streams)
    job.sendall(request)
    told = job.recv(1)
sys.exit(told[0] if told else 137)
"""
ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}


def folder_of_python() -> str:
    """The folder of the `python`, whose servers the first test process to ask starts for all."""
    place = Path(os.environ[PLACE])
    client = place / "python"
    with FileLock(place / "lock"):
        if not client.exists():
            for kind in LIBRARIES:
                _start_server(place, kind)
            client.write_text(
                CLIENT.format(python=sys.executable, place=str(place), hub=OF_THE_HUB)
            )
            client.chmod(0o755)
    return str(place)


def _start_server(place: Path, kind: str) -> None:
    command = [sys.executable, __file__, str(place), kind]
    server = subprocess.Popen(command, env=os.environ | ENVIRONMENT, start_new_session=True)
    (place / f"{kind}.pid").write_text(str(server.pid))
    while not (place / kind).exists():
        assert server.poll() is None, "the server of forked jobs ended"
        time.sleep(0.05)


@contextlib.contextmanager
def servers() -> Iterator[None]:
    """Let processes started in the block have servers, which end with it."""
    with tempfile.TemporaryDirectory() as place:
        os.environ[PLACE] = place
        try:
            yield
        finally:
            for file in Path(place).glob("*.pid"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(file.read_text()), signal.SIGKILL)


def receive(connection: socket.socket) -> tuple[list[str], dict[str, str], str, list[int]]:
    """Arguments, environment, directory and streams of a job.

    Raises
    ------
    ConnectionError
        The client was killed before it had sent them.
    """
    streams = array.array("i")
    size, ancillary, *_ = connection.recvmsg(8, socket.CMSG_LEN(3 * streams.itemsize))
    request = b""
    while ancillary and len(request) < int.from_bytes(size, "big"):
        part = connection.recv(1 << 16)
        if not part:
            break
        request += part
    if not request or len(request) < int.from_bytes(size, "big"):
        raise ConnectionError("the client was killed")
    streams.frombytes(ancillary[0][2])
    return *json.loads(request), list(streams)


def run_job(
    arguments: list[str], environment: dict[str, str], directory: str, streams: list[int]
) -> None:
    """Run a script in this process, as the interpreter would."""
    import torch

    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # which is that of the environment from now on
    sys.argv[:] = arguments
    sys.path[0] = str(Path(arguments[0]).resolve().parent)
    torch.set_num_threads(int(environment.get("OMP_NUM_THREADS", 1)))
    runpy.run_path(arguments[0], run_name="__main__")


@contextlib.contextmanager
def short_end() -> Iterator[None]:
    """End as processes of multiprocessing do: freeing all that was imported would take seconds."""
    code: object = 1
    try:
        yield
        code = 0
    except SystemExit as stop:
        code = stop.code or 0
    except Exception:
        traceback.print_exc()
    if not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def watch(connection: socket.socket, job: int) -> None:
    """Tell the client how its job ended; end the job if the client is killed."""
    connection.setblocking(False)
    while True:
        ended, status = os.waitpid(job, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            with contextlib.suppress(OSError):
                connection.send(bytes([code if code >= 0 else 128 - code]))
            return
        with contextlib.suppress(BlockingIOError):
            if not connection.recv(1):
                os.kill(job, signal.SIGKILL)
        time.sleep(0.01)


def serve(place: str, kind: str) -> None:
    """Fork a process for each job, and one that watches it."""
    for name in LIBRARIES[kind]:
        __import__(name)
    assert kind == "offline" or "huggingface_hub" not in sys.modules
    gc.collect()
    gc.freeze()  # or a job that collects garbage would copy the memory that it shares with us
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{place}/{kind}.new")
        server.listen(64)
        Path(f"{place}/{kind}.new").rename(f"{place}/{kind}")
        while True:
            connection, _ = server.accept()
            if os.fork():
                connection.close()
                continue
            server.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            with contextlib.suppress(ConnectionError):
                request = receive(connection)
                job = os.fork()
                if not job:
                    connection.close()
                    # threads of the hub may read on when Python ends, which is to be seen
                    with short_end() if kind == "offline" else contextlib.nullcontext():
                        run_job(*request)
                    return
                watch(connection, job)
            os._exit(0)


if __name__ == "__main__":
    try:
        serve(*sys.argv[1:])
    except SystemExit:
        raise
    except Exception:
        traceback.print_exc()
        raise SystemExit(1) from None
