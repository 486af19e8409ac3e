"""The downloader against a server of its own on this machine."""

import hashlib
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pellucid.data._cache import RemoteFile, obtain
from pellucid.data._download import download
from pellucid.errors import DatasetError

CONTENT = bytes(range(256)) * 1_000  # 256,000 bytes
SIZE = len(CONTENT)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves CONTENT in a way that each test chooses.

    Attributes:
        cuts: how many of the next answers break off in the middle of what is left.
        ranges: whether Range requests are honored.
        content: what is served.
        status: an error that is answered instead, if not 0.
        asked: the Range header of each request, in order.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.cuts, self.ranges, self.content, self.status = 0, True, CONTENT, 0
        self.shift = 0  # added to the start of the range that the answer claims
        self.length = True  # whether the answer states its length
        self.asked = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/file.bin"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append(wanted)
        if server.status:
            self.send_error(server.status)
            return
        start = 0
        if wanted and server.ranges:
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
            if start >= len(server.content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(server.content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            last, whole = len(server.content) - 1, len(server.content)
            self.send_header("Content-Range", f"bytes {start + server.shift}-{last}/{whole}")
        else:
            self.send_response(200)
        body = server.content[start:]
        if server.length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if server.cuts:
            server.cuts -= 1
            body = body[: len(body) // 2]
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def closed_url(monkeypatch):
    """An address where nothing answers."""
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        yield f"http://127.0.0.1:{held.getsockname()[1]}/file.bin"


@pytest.fixture
def folder(data, tmp_path):
    return tmp_path / "cache" / "data" / "some-set"


def remote(*urls, size=SIZE, sha256=SHA256, md5=""):
    return RemoteFile("file.bin", urls, size, sha256=sha256, md5=md5)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("digests", [{"sha256": SHA256}, {"sha256": "", "md5": MD5}])
def test_download(server, folder, digests):
    path = download("some-set", remote(server.url, **digests), folder)
    assert path == folder / "file.bin"
    assert path.read_bytes() == CONTENT
    assert names(folder) == ["file.bin"]


def test_obtain_downloads_once(server, folder):
    first = obtain("some-set", remote(server.url))
    assert first == folder / "file.bin"
    assert obtain("some-set", remote(server.url)) == first
    assert server.asked == [None]


def test_progress_is_reported_to_the_end(server, folder):
    seen = []
    download("some-set", remote(server.url), folder, lambda *state: seen.append(state))
    done = [state[0] for state in seen]
    assert done == sorted(done)
    assert len(seen) > 2
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_one_line_of_progress_where_there_is_no_terminal(server, folder, capsys):
    download("some-set", remote(server.url), folder)
    output = capsys.readouterr()
    assert output.err == "some-set: downloading file.bin (0.3 MB)\n"
    assert output.out == ""


def test_terminal_progress_ends_with_a_whole_line(server, folder, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    download("some-set", remote(server.url), folder)
    assert capsys.readouterr().err.endswith("\rsome-set: downloading file.bin 0.3 of 0.3 MB\n")


def test_a_cut_connection_is_taken_up_where_it_broke(server, folder):
    server.cuts = 2
    path = download("some-set", remote(server.url), folder)
    assert path.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=128000-", "bytes=192000-"]


def test_a_server_that_ignores_ranges_starts_over(server, folder):
    server.cuts, server.ranges = 1, False
    path = download("some-set", remote(server.url), folder)
    assert path.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=128000-"]


def test_a_part_of_an_earlier_call_is_used(server, folder):
    folder.mkdir(parents=True)
    (folder / "file.bin.part").write_bytes(CONTENT[:1000])
    assert download("some-set", remote(server.url), folder).read_bytes() == CONTENT
    assert server.asked == ["bytes=1000-"]


def test_a_part_that_is_whole_already_is_kept(server, folder):
    folder.mkdir(parents=True)
    (folder / "file.bin.part").write_bytes(CONTENT)
    assert download("some-set", remote(server.url), folder).read_bytes() == CONTENT
    assert server.asked == [f"bytes={len(CONTENT)}-"]
    assert names(folder) == ["file.bin"]


def test_a_part_longer_than_the_file_is_thrown_away(server, folder):
    folder.mkdir(parents=True)
    (folder / "file.bin.part").write_bytes(CONTENT + b"more")
    assert download("some-set", remote(server.url), folder).read_bytes() == CONTENT
    assert server.asked == [f"bytes={len(CONTENT) + 4}-", None]


def test_the_next_mirror_goes_on_where_the_first_stopped(server, folder, closed_url):
    folder.mkdir(parents=True)
    (folder / "file.bin.part").write_bytes(CONTENT[:500])
    path = download("some-set", remote(closed_url, server.url), folder)
    assert path.read_bytes() == CONTENT
    assert server.asked == ["bytes=500-"]


def test_a_wrong_range_is_refused(server, folder):
    folder.mkdir(parents=True)
    (folder / "file.bin.part").write_bytes(CONTENT[:500])
    server.shift = 1
    with pytest.raises(DatasetError, match="sent another range than the one asked for"):
        download("some-set", remote(server.url), folder)


@pytest.mark.parametrize(
    ("kind", "digests", "got"),
    [
        ("sha256", {"sha256": "0" * 64}, SHA256),
        ("md5", {"sha256": "", "md5": "0" * 32}, MD5),
        ("md5", {"sha256": SHA256, "md5": "0" * 32}, MD5),
    ],
)
def test_a_wrong_checksum_deletes_the_file(server, folder, kind, digests, got):
    zeros = "0" * len(got)
    with pytest.raises(DatasetError, match=f"wrong {kind} checksum, expected {zeros}, got {got}"):
        download("some-set", remote(server.url, **digests), folder)
    assert names(folder) == []


def test_after_a_wrong_checksum_the_next_mirror_is_tried(server, folder):
    with Server() as wrong:
        wrong.content = b"a page that says please log in"
        thread = threading.Thread(target=wrong.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        path = download("some-set", remote(wrong.url, server.url), folder)
        wrong.shutdown()
        thread.join()
    assert path.read_bytes() == CONTENT
    assert server.asked == [None]


@pytest.mark.parametrize("length", [True, False])
def test_a_file_that_is_too_large_is_stopped(server, folder, length):
    server.length = length
    with pytest.raises(DatasetError, match="sends more than the 1,000 bytes of the published"):
        download("some-set", remote(server.url, size=1000), folder)
    assert names(folder) == []


def test_a_server_error_is_named(server, folder):
    server.status = 404
    with pytest.raises(DatasetError, match=r"file\.bin: the server answered 404 Not Found"):
        download("some-set", remote(server.url), folder)


def test_a_server_that_always_cuts_is_given_up(server, folder, monkeypatch):
    server.cuts = 1000
    monkeypatch.setattr("pellucid.data._download._CONTINUATIONS", 3)
    with pytest.raises(DatasetError, match="broken off 3 times"):
        download("some-set", remote(server.url), folder)
    assert server.asked == [None, "bytes=128000-", "bytes=192000-"]
    assert (folder / "file.bin.part").read_bytes() == CONTENT[:224_000]


def test_a_server_that_gives_nothing_new_is_given_up(server, folder):
    server.cuts = 1000
    folder.mkdir(parents=True)
    (folder / "file.bin.part").write_bytes(CONTENT[:-1])
    with pytest.raises(DatasetError, match="connection broke after 255,999 of 256,000 bytes"):
        download("some-set", remote(server.url), folder)
    assert server.asked == ["bytes=255999-"]


def test_a_silent_server_is_given_up(folder, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/file.bin"
        with pytest.raises(DatasetError, match="no answer in time"):
            download("some-set", remote(url), folder, timeout=0.1)


def test_no_network_is_one_clear_sentence(data, folder, closed_url):
    with pytest.raises(DatasetError) as caught:
        obtain("some-set", remote(closed_url, closed_url + "2"))
    sentence = str(caught.value)
    assert sentence == (
        f"some-set: file.bin is not in {data / 'some-set'} or {folder} and cannot be downloaded "
        f"({closed_url}: Connection refused; {closed_url}2: Connection refused); connect to the "
        "network, or set the environment variable PELLUCID_DATA to a folder that holds "
        "some-set/file.bin."
    )
    assert caught.value.__cause__ is not None


def test_a_cache_that_cannot_be_written(server, tmp_path, data):
    blocked = tmp_path / "blocked"
    blocked.write_bytes(b"a file where a folder should be")
    with pytest.raises(DatasetError, match=r"cannot be written to .*; set PELLUCID_CACHE to"):
        download("some-set", remote(server.url), blocked / "some-set")


def test_a_full_disk(server, folder, monkeypatch):
    class Full:
        def __enter__(self):
            return self

        def __exit__(self, *arguments):
            pass

        def write(self, block):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("pellucid.data._download.open", lambda *a: Full(), raising=False)
    with pytest.raises(DatasetError, match=r"cannot be written to .*No space left on device"):
        download("some-set", remote(server.url), folder)


def test_two_downloads_at_once_fetch_one_file(server, folder):
    paths = []

    def fetch():
        paths.append(download("some-set", remote(server.url), folder))

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert paths == [folder / "file.bin"] * 4
    assert server.asked == [None]
    assert (folder / "file.bin").read_bytes() == CONTENT
