"""Downloads against a server that cuts, stalls, lies and refuses, and against a full disk.

Speakers s11 and up are used where the content is made up: their md5s are not known beforehand.
"""

import errno
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from email.utils import formatdate
from hashlib import md5
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from gridkit.cli.download import command
from gridkit.cli.file_bars import FileBars
from gridkit.compute.lock import folder_lock
from gridkit.errors import (
    ChecksumError,
    DiskFullError,
    EnvironmentProblem,
    LockedError,
    NetworkError,
    UsageError,
)
from gridkit.prepare import download as download_module
from gridkit.prepare.download import download
from gridkit.prepare.partial import Partial
from gridkit.prepare.transfer import Patience
from gridkit.prepare.unpack import unpack

SIZE = 300_000
BODY = random.Random(0).randbytes(SIZE)
OTHER = random.Random(1).randbytes(SIZE)
ALIGNMENTS = b"alignments" * 50
ZENODO_S11 = "/records/3625687/files/s11.zip"
SHEFFIELD_S11 = "/s11/video/s11.mpg_vcd.zip"


@pytest.fixture
def waits():
    """Every wait that the download asked for, in seconds."""
    return []


@pytest.fixture
def patience(waits):
    return Patience(attempts=4, sleep=waits.append, stall_s=5.0)


@pytest.fixture
def zenodo(archive_server):
    archive_server.host_zenodo({"s11.zip": BODY, "s12.zip": OTHER, "alignments.zip": ALIGNMENTS})
    return archive_server


@pytest.fixture
def fetch(zenodo, tmp_path, patience):
    """Download s11 from the loopback into `tmp_path / "archives"`."""

    def call(**options):
        arguments = {"speakers": ["s11"], "base_url": zenodo.url, "patience": patience}
        return download(tmp_path / "archives", **(arguments | options))

    call.folder = tmp_path / "archives"
    return call


@pytest.fixture
def sheffield(archive_server, tmp_path, patience):
    """Download s11 from a publisher without checksums."""
    archive_server.host(SHEFFIELD_S11, BODY)
    archive_server.host("/s11/align/s11.tar", ALIGNMENTS)
    options = {"source": "sheffield", "speakers": ["s11"], "patience": patience}

    def call():
        return download(tmp_path / "sheffield", base_url=archive_server.url, **options)

    call.site = archive_server
    return call


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if ".part" in path.name)


def test_only_the_speakers_asked_for_and_the_alignments(zenodo, fetch):
    archives = fetch()
    assert [(a.name, a.speaker, a.size_bytes, a.fetched_bytes) for a in archives] == [
        ("s11.zip", "s11", SIZE, SIZE),
        ("alignments.zip", None, len(ALIGNMENTS), len(ALIGNMENTS)),
    ]
    assert archives[0].path.read_bytes() == BODY
    assert not zenodo.gets("/records/3625687/files/s12.zip")
    assert leftovers(fetch.folder) == []


def test_a_second_run_fetches_nothing_and_hashes_nothing(zenodo, fetch, monkeypatch):
    fetch()
    monkeypatch.setattr("gridkit.prepare.transfer.hash_file", pytest.fail)
    assert [a.fetched_bytes for a in fetch()] == [0, 0]
    assert zenodo.sent_bytes(ZENODO_S11) == SIZE


def test_a_file_put_there_by_hand_is_hashed_and_kept(zenodo, fetch):
    fetch.folder.mkdir()
    (fetch.folder / "s11.zip").write_bytes(BODY)
    assert fetch()[0].fetched_bytes == 0
    assert not zenodo.gets(ZENODO_S11)


@pytest.mark.parametrize("damaged", [BODY[:-1], OTHER], ids=["short", "altered"])
def test_a_file_that_changed_after_its_check_is_fetched_again(zenodo, fetch, damaged):
    path = fetch()[0].path
    path.write_bytes(damaged)
    os.utime(path, ns=(1, 1))
    assert fetch()[0].fetched_bytes == SIZE
    assert path.read_bytes() == BODY


def test_cut_is_resumed_and_no_byte_served_twice(zenodo, fetch):
    zenodo.cut(ZENODO_S11, after=100_000)
    zenodo.cut(ZENODO_S11, after=50_000)
    archive = fetch()[0]
    assert archive.path.read_bytes() == BODY
    assert zenodo.sent_bytes(ZENODO_S11) == SIZE == archive.fetched_bytes
    ranges = [request.range for request in zenodo.gets(ZENODO_S11)]
    assert ranges == [None, "bytes=100000-", "bytes=150000-"]
    assert zenodo.gets(ZENODO_S11)[1].if_range == zenodo.files[ZENODO_S11].etag


def test_many_cuts_do_not_count_as_failures_while_bytes_come(zenodo, fetch):
    for _ in range(20):
        zenodo.cut(ZENODO_S11, after=10_000)
    assert fetch()[0].path.read_bytes() == BODY
    assert zenodo.sent_bytes(ZENODO_S11) == SIZE


def test_gives_up_where_nothing_comes_and_keeps_what_has(zenodo, fetch, patience):
    zenodo.cut(ZENODO_S11, after=100_000)
    for _ in range(patience.attempts):
        zenodo.cut(ZENODO_S11, after=0)
    with pytest.raises(NetworkError, match=r"s11\.zip.*gave up after 4 attempts.*run it again"):
        fetch()
    assert (fetch.folder / "s11.zip.part").read_bytes() == BODY[:100_000]
    fetch()
    assert zenodo.sent_bytes(ZENODO_S11) == SIZE


def test_server_that_ignores_ranges_and_always_cuts_does_not_loop_forever(zenodo, fetch):
    for _ in range(50):
        zenodo.ignore_range(ZENODO_S11, stop_after=100_000)
    with pytest.raises(NetworkError, match="gave up"):
        fetch()
    assert len(zenodo.gets(ZENODO_S11)) == 5


def test_server_that_ignores_ranges_is_read_from_the_start(zenodo, fetch):
    zenodo.cut(ZENODO_S11, after=100_000)
    zenodo.ignore_range(ZENODO_S11)
    assert fetch()[0].path.read_bytes() == BODY
    assert zenodo.sent_bytes(ZENODO_S11) == SIZE + 100_000


@pytest.mark.parametrize(
    ("content_range", "body"),
    [
        ("bytes 0-299999/300000", BODY),
        ("bytes 50000-249999/300000", BODY[50_000:250_000]),
        ("bytes 100000-299999/300001", BODY[100_000:]),
        ("bytes */300000", BODY[100_000:]),
        ("nonsense", BODY[100_000:]),
    ],
)
def test_wrong_content_range_is_not_glued_on(sheffield, content_range, body):
    sheffield.site.cut(SHEFFIELD_S11, after=100_000)

    def answer(handler, file):
        handler.head(206, {"Content-Range": content_range, "Content-Length": str(len(body))})
        handler.send(body)

    sheffield.site.faults[SHEFFIELD_S11].append(answer)
    assert sheffield()[0].path.read_bytes() == BODY
    ranges = [request.range for request in sheffield.site.gets(SHEFFIELD_S11)]
    assert ranges == [None, "bytes=100000-", None]


def test_range_beyond_the_end_starts_over(zenodo, fetch):
    zenodo.cut(ZENODO_S11, after=100_000)
    zenodo.answer(ZENODO_S11, 416)
    assert fetch()[0].path.read_bytes() == BODY


@pytest.mark.parametrize("length", [SIZE - 1, SIZE + 1])
def test_file_of_another_length_than_the_api_says(zenodo, fetch, length):
    zenodo.host(ZENODO_S11, (BODY + b"!")[:length])
    with pytest.raises(NetworkError, match=f"offers {length} bytes, expected {SIZE}"):
        fetch()
    assert not (fetch.folder / "s11.zip").exists()


def test_more_bytes_than_announced_without_a_length(zenodo, fetch):
    def unending(handler, file):
        handler.head(200, {"Transfer-Encoding": "chunked"})
        handler.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (SIZE + 1, BODY + b"!"))

    zenodo.faults[ZENODO_S11] = [unending] * 50
    with pytest.raises(NetworkError, match=f"sends more than the {SIZE} bytes"):
        fetch()
    assert leftovers(fetch.folder) == []


def test_wrong_checksum_once_is_fetched_again(zenodo, fetch):
    zenodo.send_instead(ZENODO_S11, OTHER)
    assert fetch()[0].path.read_bytes() == BODY


def test_wrong_checksum_twice_is_an_error_and_nothing_is_kept(zenodo, fetch):
    zenodo.send_instead(ZENODO_S11, OTHER)
    zenodo.send_instead(ZENODO_S11, OTHER)
    with pytest.raises(ChecksumError, match=r"http://.*s11\.zip.*expected md5 .*, got .*try later"):
        fetch()
    assert not (fetch.folder / "s11.zip").exists()
    assert leftovers(fetch.folder) == []
    assert (fetch.folder / "alignments.zip").read_bytes() == ALIGNMENTS


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured(zenodo, fetch, waits, status):
    zenodo.answer(ZENODO_S11, status, Retry_After="17")
    assert fetch()[0].path.read_bytes() == BODY
    assert waits == [17.0]


def test_retry_after_as_a_date(zenodo, fetch, waits):
    zenodo.answer(ZENODO_S11, 503, Retry_After=formatdate(time.time() + 300, usegmt=True))
    fetch()
    assert len(waits) == 1
    assert 200 < waits[0] <= 300


def test_a_server_that_wants_hours_is_left_alone(zenodo, fetch, waits):
    zenodo.answer(ZENODO_S11, 429, Retry_After="7200")
    with pytest.raises(NetworkError, match="asks to wait 7200 s"):
        fetch()
    assert waits == []


def test_backoff_doubles_has_jitter_and_a_limit():
    patience = Patience(first_wait_s=1.0, longest_wait_s=60.0)
    for failures, longest in [(1, 1), (2, 2), (3, 4), (7, 60), (50, 60)]:
        drawn = [patience.wait_s(failures) for _ in range(50)]
        assert longest / 2 <= min(drawn) < max(drawn) <= longest


def test_backoff_between_failures_without_retry_after(zenodo, fetch, waits):
    for _ in range(3):
        zenodo.answer(ZENODO_S11, 500)
    fetch()
    assert len(waits) == 3
    assert all(low <= wait <= 2 * low for wait, low in zip(waits, (0.5, 1, 2), strict=True))


def test_missing_file_is_told_at_once(zenodo, fetch, waits):
    del zenodo.files[ZENODO_S11]
    with pytest.raises(NetworkError, match=r"s11\.zip.* answers 404 Not Found"):
        fetch()
    assert waits == []


def test_redirect_keeps_the_range(zenodo, fetch):
    zenodo.host("/elsewhere", BODY)
    zenodo.cut("/elsewhere", after=100_000)
    for _ in range(2):
        zenodo.answer(ZENODO_S11, 302, Location="/elsewhere")
    assert fetch()[0].path.read_bytes() == BODY
    assert [request.range for request in zenodo.gets("/elsewhere")] == [None, "bytes=100000-"]
    assert zenodo.sent_bytes("/elsewhere") == SIZE


def test_redirects_in_a_circle(zenodo, fetch):
    for _ in range(30):
        zenodo.answer(ZENODO_S11, 302, Location=ZENODO_S11)
    with pytest.raises(NetworkError, match="redirect"):
        fetch()


def test_stalled_connection_is_cut_and_resumed(zenodo, fetch, waits):
    zenodo.stall(ZENODO_S11, after=100_000)
    archive = fetch(patience=Patience(sleep=waits.append, stall_s=0.3))[0]
    assert archive.path.read_bytes() == BODY
    assert zenodo.sent_bytes(ZENODO_S11) == SIZE


def test_a_file_that_changes_between_attempts_is_not_glued_together(sheffield):
    # Without a checksum only the ETag can tell.
    def cut_then_replace(handler, file):
        handler.body(file, stop_after=100_000)
        sheffield.site.host(SHEFFIELD_S11, OTHER)

    sheffield.site.faults[SHEFFIELD_S11] = [cut_then_replace]
    assert sheffield()[0].path.read_bytes() == OTHER
    assert sheffield.site.gets(SHEFFIELD_S11)[1].range == "bytes=100000-"


def test_a_changed_file_is_noticed_even_if_the_server_ignores_if_range(sheffield):
    def cut_then_replace(handler, file):
        handler.body(file, stop_after=100_000)
        sheffield.site.host(SHEFFIELD_S11, OTHER)

    def go_on_regardless(handler, file):
        handler.request_seen.if_range = None
        handler.body(file)

    sheffield.site.faults[SHEFFIELD_S11] = [cut_then_replace, go_on_regardless]
    assert sheffield()[0].path.read_bytes() == OTHER


def test_sheffield_sizes_come_from_head_and_are_remembered(sheffield):
    first = sheffield()
    assert [a.path.name for a in first] == ["s11.mpg_vcd.zip", "s11.align.tar"]
    assert [a.path.read_bytes() for a in first] == [BODY, ALIGNMENTS]
    requests = len(sheffield.site.seen)
    assert [a.fetched_bytes for a in sheffield()] == [0, 0]
    assert len(sheffield.site.seen) == requests


def test_a_sheffield_file_that_changed_after_its_check_is_fetched_again(sheffield):
    path = sheffield()[0].path
    os.utime(path, ns=(1, 1))
    assert sheffield()[0].fetched_bytes == 0
    path.write_bytes(OTHER)
    assert sheffield()[0].fetched_bytes == SIZE
    assert path.read_bytes() == BODY


def test_without_etag_and_checksum_nothing_is_resumed(sheffield):
    sheffield.site.host(SHEFFIELD_S11, BODY, etag=None)
    sheffield.site.cut(SHEFFIELD_S11, after=100_000)
    assert sheffield()[0].path.read_bytes() == BODY
    assert [request.range for request in sheffield.site.gets(SHEFFIELD_S11)] == [None, None]


def test_wrong_checksum_then_many_cuts_is_no_reason_to_give_up(zenodo, fetch):
    zenodo.send_instead(ZENODO_S11, OTHER)
    for _ in range(10):
        zenodo.cut(ZENODO_S11, after=20_000)
    assert fetch()[0].path.read_bytes() == BODY


def test_api_that_contradicts_a_known_md5_stops_before_the_first_byte(archive_server, tmp_path):
    archive_server.host_zenodo({"s1.zip": BODY, "alignments.zip": ALIGNMENTS})
    with pytest.raises(ChecksumError, match=r"s1\.zip .* known to be cbd6556668f0"):
        download(tmp_path, speakers=["s1"], base_url=archive_server.url)
    assert [request.path for request in archive_server.seen] == ["/api/records/3625687"]


def test_api_that_contradicts_a_known_size(archive_server, tmp_path):
    known = {"s2.zip": "36e513652d9abec68c721221ede557df"}
    archive_server.host_zenodo({"s2.zip": BODY, "alignments.zip": ALIGNMENTS}, md5s=known)
    with pytest.raises(ChecksumError, match="known to have 394644122"):
        download(tmp_path, speakers=["s2"], base_url=archive_server.url)


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>",
        b"[]",
        b'{"files": 3}',
        b'{"files": []}',
        b'{"files": [{"key": "s11.zip"}]}',
        b'{"files": [{"key": "s11.zip", "size": 3, "checksum": "sha1:00"}]}',
    ],
)
def test_api_that_answers_nonsense(zenodo, fetch, answer):
    zenodo.host("/api/records/3625687", answer)
    with pytest.raises(NetworkError, match="api/records/3625687"):
        fetch()


def test_every_further_attempt_is_told_with_its_reason(zenodo, fetch, waits):
    told = []

    class Waiting(Recorder):
        def on_wait(self, url, reason, wait_s):
            told.append((url, reason, wait_s))

    zenodo.cut(ZENODO_S11, after=100_000)
    zenodo.answer(ZENODO_S11, 503, Retry_After="7")
    fetch(progress=Waiting())
    assert [(url, wait_s) for url, _, wait_s in told] == [
        (f"{zenodo.url}{ZENODO_S11}?download=1", wait_s) for wait_s in waits
    ]
    assert [reason for _, reason, _ in told] == [told[0][1], "answers 503 Service Unavailable"]
    assert "peer closed" in told[0][1] or "ends after" in told[0][1]
    assert told[1][2] == 7


def test_waiting_is_one_plain_line(capsys):
    with FileBars() as bars:
        bars.on_wait("http://127.0.0.1/s1.zip", "ConnectError [Errno 111] refused", 3.4)
    line = "http://127.0.0.1/s1.zip: ConnectError [Errno 111] refused; trying again in 3 s\n"
    assert capsys.readouterr().err == line


def test_a_server_that_never_answered_is_left_sooner(tmp_path, waits, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    patience = Patience(sleep=waits.append)
    with pytest.raises(NetworkError, match="gave up after 5 attempts, none of them answered; "):
        download(tmp_path, speakers=["s11"], base_url="http://127.0.0.1:9", patience=patience)
    assert sum(waits) <= 15


def test_a_server_that_answers_only_errors_has_answered(zenodo, fetch, waits):
    for _ in range(7):
        zenodo.answer("/api/records/3625687", 503)
    fetch(patience=Patience(sleep=waits.append))
    assert len(waits) == 7


def test_no_server_at_all(tmp_path, waits, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    patience = Patience(attempts=3, sleep=waits.append)
    with pytest.raises(NetworkError, match=r"127\.0\.0\.1:9/.*gave up after 3"):
        download(tmp_path, speakers=["s11"], base_url="http://127.0.0.1:9", patience=patience)
    assert len(waits) == 2


def test_two_archives_come_in_at_once(zenodo, fetch):
    # Neither is answered before both are asked for.
    barrier = threading.Barrier(2)
    for name in ("s11.zip", "s12.zip"):
        zenodo.meet(zenodo.zenodo_path(name), barrier)
    archives = fetch(speakers=["s11", "s12"], workers=2)
    assert [a.path.read_bytes() for a in archives] == [BODY, OTHER, ALIGNMENTS]


def test_one_that_fails_does_not_keep_the_others_out(zenodo, fetch):
    del zenodo.files[ZENODO_S11]
    with pytest.raises(NetworkError, match=r"s11\.zip"):
        fetch(speakers=["s11", "s12"], workers=1)
    assert (fetch.folder / "s12.zip").read_bytes() == OTHER


def free(monkeypatch, free_bytes):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free_bytes))


def test_disk_too_small_is_told_before_the_first_byte(zenodo, fetch, monkeypatch):
    free(monkeypatch, download_module.DISK_MARGIN_BYTES + SIZE)
    with pytest.raises(DiskFullError, match=r"0\.00 GB are to be fetched .* 0\.10 GB are free"):
        fetch()
    assert not zenodo.gets(ZENODO_S11)


def test_what_is_there_needs_no_space(zenodo, fetch, monkeypatch):
    zenodo.cut(ZENODO_S11, after=100_000)
    with pytest.raises(NetworkError):
        fetch(patience=Patience(attempts=1, longest_retry_after_s=-1))
    needed = SIZE - 100_000
    fetch.folder.joinpath("alignments.zip").write_bytes(ALIGNMENTS)
    free(monkeypatch, download_module.DISK_MARGIN_BYTES + needed - 1)
    with pytest.raises(DiskFullError):
        fetch()
    free(monkeypatch, download_module.DISK_MARGIN_BYTES + needed)
    fetch()
    free(monkeypatch, 0)
    assert [a.fetched_bytes for a in fetch()] == [0, 0]


def test_disk_that_fills_up_keeps_what_has_arrived(zenodo, fetch, monkeypatch):
    append = Partial.append

    def full_at_100k(self, out, chunk):
        if self.have_bytes + len(chunk) > 100_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        append(self, out, chunk)

    with monkeypatch.context() as patched:
        patched.setattr(Partial, "append", full_at_100k)
        with pytest.raises(DiskFullError, match=r"s11\.zip.*free some space"):
            fetch()
    have_bytes = (fetch.folder / "s11.zip.part").stat().st_size
    assert not (fetch.folder / "s11.zip").exists()
    served = zenodo.sent_bytes(ZENODO_S11)
    assert fetch()[0].path.read_bytes() == BODY
    assert zenodo.sent_bytes(ZENODO_S11) - served == SIZE - have_bytes


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_disk_that_is_really_full(zenodo, fetch):
    fetch.folder.mkdir()
    (fetch.folder / "s11.zip.part").symlink_to("/dev/full")
    with pytest.raises(DiskFullError):
        fetch()


def test_folder_that_is_a_file(zenodo, tmp_path):
    (tmp_path / "archives").write_text("")
    with pytest.raises(EnvironmentProblem, match="archives"):
        download(tmp_path / "archives", speakers=["s11"], base_url=zenodo.url)


def test_second_run_in_one_folder_says_so(zenodo, fetch):
    with folder_lock(fetch.folder), pytest.raises(LockedError):
        fetch()
    assert not zenodo.seen


OTHER_RECORD = {"url": "http://other/", "size_bytes": SIZE, "md5": md5(BODY).hexdigest()}
OTHER_RECORD |= {"validator": '"other"', "total_bytes": SIZE}


@pytest.mark.parametrize("record", ["", "{", "[]", "{}", json.dumps(OTHER_RECORD)])
def test_partial_without_its_record_is_started_over(zenodo, fetch, record):
    fetch.folder.mkdir()
    (fetch.folder / "s11.zip.part").write_bytes(OTHER[:1000])
    (fetch.folder / "s11.zip.part.json").write_text(record)
    assert fetch()[0].path.read_bytes() == BODY
    assert [request.range for request in zenodo.gets(ZENODO_S11)] == [None]


def test_bytes_that_changed_in_the_partial_are_found_by_the_checksum(zenodo, fetch):
    zenodo.cut(ZENODO_S11, after=100_000)
    with pytest.raises(NetworkError):
        fetch(patience=Patience(attempts=1, longest_retry_after_s=-1))
    part = fetch.folder / "s11.zip.part"
    part.write_bytes(b"!" + part.read_bytes()[1:])
    assert fetch()[0].path.read_bytes() == BODY


class Recorder:
    def __init__(self):
        self.events = []
        self.have = {}

    def on_start(self, name, total_bytes, already_bytes):
        self.events.append(("start", name, total_bytes, already_bytes))
        self.have[name] = already_bytes

    def on_bytes(self, name, count):
        self.have[name] += count

    def on_wait(self, url, reason, wait_s):
        pass

    def on_done(self, name):
        self.events.append(("done", name))


def test_progress_ends_at_the_size_of_each_file(zenodo, fetch):
    zenodo.cut(ZENODO_S11, after=100_000)
    zenodo.ignore_range(ZENODO_S11)
    recorder = Recorder()
    fetch(progress=recorder)
    assert recorder.have == {"s11.zip": SIZE, "alignments.zip": len(ALIGNMENTS)}
    starts = [event[2:] for event in recorder.events if event[:2] == ("start", "s11.zip")]
    # At the first byte, where the cut was, and over again.
    assert starts[0] == (SIZE, 0)
    assert starts[-2:] == [(SIZE, 100_000), (SIZE, 0)]
    assert {event[1] for event in recorder.events if event[0] == "done"} == set(recorder.have)


def test_ctrl_c_keeps_the_partial_and_does_not_wait_for_a_stalled_server(zenodo, fetch):
    class Interrupting(Recorder):
        interrupted = False

        def on_bytes(self, name, count):
            super().on_bytes(name, count)
            if self.have[name] >= 100_000 and not self.interrupted:
                self.interrupted = True
                # to the process, as Ctrl-C: raised in this thread, it would not wake the main one
                os.kill(os.getpid(), signal.SIGINT)

    def stall_then_go_on(handler, file):
        handler.head(200, {"Content-Length": str(SIZE), "ETag": file.etag})
        handler.send(BODY[:100_000])
        zenodo.released.wait(timeout=60)
        handler.send(BODY[100_000:])

    zenodo.faults[ZENODO_S11] = [stall_then_go_on]
    with pytest.raises(KeyboardInterrupt):
        fetch(progress=Interrupting(), patience=Patience(stall_s=60))
    part = fetch.folder / "s11.zip.part"
    assert part.read_bytes() == BODY[:100_000]
    zenodo.released.set()
    for thread in threading.enumerate():
        if thread.name == "gridkit-download":
            thread.join(timeout=20)
    # What came after the interrupt was not written: the folder may be somebody else's by now.
    assert part.read_bytes() == BODY[:100_000]
    assert fetch()[0].fetched_bytes == SIZE - 100_000


def test_killed_in_mid_download_and_run_again(zenodo, fetch):
    zenodo.stall(ZENODO_S11, after=1_000)
    arguments = [sys.executable, "-c", "from gridkit.cli.download import command; command()"]
    arguments += [str(fetch.folder), "--speakers", "s11", "--base-url", zenodo.url]
    process = subprocess.Popen(arguments)
    part = fetch.folder / "s11.zip.part"
    # Before the stall counts as a cut, which would put the bytes on disk as well.
    deadline = time.monotonic() + Patience().stall_s - 5
    while not (part.exists() and part.stat().st_size == 1_000):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    archive = fetch()[0]
    assert archive.path.read_bytes() == BODY
    assert archive.fetched_bytes == SIZE - 1_000
    assert zenodo.sent_bytes(ZENODO_S11) == SIZE
    assert leftovers(fetch.folder) == []


def test_command_prints_a_summary_or_json(zenodo, tmp_path):
    arguments = [str(tmp_path / "a"), "--speakers", "s11,s12", "--base-url", zenodo.url]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert "3 archives in" in result.stdout
    assert "0.6 MB of it fetched now" in result.stdout
    assert "s12.zip: 0.3/0.3 MB, whole and checked" in result.stderr
    result = CliRunner().invoke(command, [*arguments, "--json"], catch_exceptions=False)
    rows = json.loads(result.stdout)
    assert [row["name"] for row in rows] == ["s11.zip", "s12.zip", "alignments.zip"]
    assert {row["fetched_bytes"] for row in rows} == {0}


def test_command_refuses_the_speaker_without_video(tmp_path):
    with pytest.raises(UsageError, match="no video of s21"):
        CliRunner().invoke(command, [str(tmp_path), "--speakers", "s21"], catch_exceptions=False)


def zipped(files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


@pytest.mark.grid
def test_downloaded_and_unpacked_clips_are_the_real_ones(archive_server, grid_dir, tmp_path):
    clips = sorted((grid_dir / "video/s14").glob("*.mpg"))
    assert clips
    files = {f"s14/{clip.name}": clip.read_bytes() for clip in clips}
    bodies = {
        "s14.zip": zipped(files),
        "alignments.zip": (grid_dir / "alignments.zip").read_bytes(),
    }
    archive_server.host_zenodo(bodies)
    path = archive_server.zenodo_path("s14.zip")
    archive_server.cut(path, after=len(bodies["s14.zip"]) // 2)
    download(tmp_path / "archives", speakers=["s14"], base_url=archive_server.url)
    assert archive_server.sent_bytes(path) == len(bodies["s14.zip"])
    counts = unpack(tmp_path / "archives", tmp_path / "out", speakers=["s14"])
    assert counts.written == len(files) + 1000
    for name, content in files.items():
        assert (tmp_path / "out" / name).read_bytes() == content
