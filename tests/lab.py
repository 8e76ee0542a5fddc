"""JupyterLab as `make lab` starts it, served while a test asks it."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

TOKEN = "a-token-for-tests"
INSTALL_LIMIT = 900  # seconds, until the server answers; a cold package cache on two cores


def clean_environment():
    """The environment without what a surrounding make or virtual environment would pass on."""
    surrounding = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if name not in surrounding}


def ask(url, method="GET"):
    """The JSON with which the server answers; None when it answers nothing."""
    request = urllib.request.Request(url, method=method, headers={"Authorization": f"token {TOKEN}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or "null")


def free_port():
    """A TCP port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(server, url, log):
    """Return as soon as the server answers; fail with the log when it ends first or takes too long."""
    deadline = time.monotonic() + INSTALL_LIMIT
    while time.monotonic() < deadline and server.poll() is None:
        try:
            ask(f"{url}/api/status")
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(1)
    raise AssertionError(f"no answer from {url}; make lab said:\n{log.read_text()[-3000:]}")


@contextmanager
def served(folder, log, *settings, environment=None):
    """The address of the server that `make lab` starts in `folder`, with make's `settings`; it ends with the block."""
    port = free_port()
    flags = f"LAB_FLAGS=--no-browser --IdentityProvider.token={TOKEN} --ServerApp.port_retries=0"
    with log.open("w") as output:
        server = subprocess.Popen(
            ["make", "lab", f"PORT={port}", flags, *settings],
            cwd=folder,
            env=environment or clean_environment(),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(server, url, log)
            yield url
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(timeout=60)
