"""A model hub of one repository, on this machine."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer


class Hub(SimpleHTTPRequestHandler):
    """Answers like a model hub: files under /OWNER/NAME/resolve/main/."""

    def translate_path(self, path):
        return super().translate_path("/" + path.split("/resolve/main/")[-1] if "/resolve/main/" in path else "/none")

    def end_headers(self):
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("ETag", f'"{abs(hash(self.path)):040x}"')
        super().end_headers()

    def log_message(self, *_):
        """Stay silent."""


@contextmanager
def serving(folder, cache) -> Iterator[dict[str, str]]:
    """Serve `folder`; yields the environment in which a fresh interpreter asks this hub, its cache in `cache`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Hub, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield os.environ | {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HOME": str(cache)}
    finally:
        server.shutdown()
        server.server_close()
