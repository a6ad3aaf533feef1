"""Broken connections and lying lengths against the real server, which keeps its process and memory."""

import contextlib
import socket
import struct
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from pydicom.uid import RLELossless

from annotation.archive.models import Instance
from tests import factories, servers
from tests.dicomweb import hostile, wire
from tests.dicomweb.wire import place_of, read

GROWTH_BYTES = 100 * 2**20


def web_processes():
    """granian and its workers; the sandbox's children have limits of their own."""
    children = psutil.Process().children(recursive=True)
    return [p for p in children if "config.web" in p.cmdline()
            and "annotation.imaging.sandbox" not in p.cmdline()]  # fmt: skip


def memory():
    return sum(p.memory_info().rss for p in web_processes())


def head_of(root, length, *more):
    place = urlsplit(root.url)
    token = root.client.headers["Authorization"]
    lines = [f"POST {place.path}/studies HTTP/1.1", f"Host: {place.netloc}",
             f"Authorization: {token}", f"Content-Type: {wire.STORE_TYPE}", length, *more]  # fmt: skip
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def speak(root, message, *, is_cut=False, is_reset=False):
    """Send raw bytes and return the status line; with `is_cut` nothing more follows."""
    place = urlsplit(root.url)
    with socket.create_connection((place.hostname, place.port), timeout=20) as connection:
        connection.sendall(message)
        if is_reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return b""
        if is_cut:
            connection.shutdown(socket.SHUT_WR)
        try:
            return connection.recv(65_536).split(b"\r\n")[0]
        except ConnectionResetError:
            return b""


def side_files(settings):
    return list(Path(settings.INCOMING_ROOT).glob("*.part"))


def chunked(data, size=1000):
    pieces = (data[start : start + size] for start in range(0, len(data), size))
    return b"".join(f"{len(p):x}\r\n".encode() + p + b"\r\n" for p in pieces)


def test_a_length_that_promises_more_than_comes_stores_nothing_twice_or_half(root, settings):
    body = wire.body_of(factories.make_dicom("a"))
    message = head_of(root, f"Content-Length: {len(body) * 2}") + body
    assert b" 5" not in speak(root, message, is_cut=True)[:12]
    servers.eventually(lambda: not side_files(settings), "the side files are gone", 10)
    assert root.store(factories.make_dicom("a")).status_code == 200
    assert Instance.objects.count() == 1


def test_a_length_that_promises_less_stores_what_is_whole(root):
    good, cut = factories.make_dicom("a"), factories.make_dicom("b", patient="P2")
    body = wire.body_of(good, cut)
    message = head_of(root, f"Content-Length: {len(body) - 500}", "Connection: close") + body
    assert speak(root, message).startswith(b"HTTP/1.1 202")
    assert [i.sop_instance_uid for i in Instance.objects.all()] == [read(good).SOPInstanceUID]


@pytest.mark.parametrize("length", ["Content-Length: -5", "Content-Length: x", "Content-Length: 1\r\nContent-Length: 2"])  # fmt: skip
def test_a_length_that_is_none_is_refused(root, length):
    assert speak(root, head_of(root, length) + b"x").startswith(b"HTTP/1.1 400")


def test_a_chunked_body_arrives_and_a_broken_one_does_no_harm(root, settings):
    body = wire.body_of(factories.make_dicom("a"))
    head = head_of(root, "Transfer-Encoding: chunked", "Connection: close")
    assert speak(root, head + chunked(body) + b"0\r\n\r\n").startswith(b"HTTP/1.1 200")
    broken = head + chunked(body)[:5000] + b"\r\nZZZ\r\n"
    assert b" 5" not in speak(root, broken, is_cut=True)[:12]
    servers.eventually(lambda: not side_files(settings), "the side files are gone", 10)
    assert Instance.objects.count() == 1


def test_clients_that_go_away_in_the_middle_leave_nothing_behind(root, settings):
    body = wire.body_of(factories.make_dicom("a", side=256))
    for cut in (10, 1000, len(body) // 2, len(body) - 10):
        message = head_of(root, f"Content-Length: {len(body)}") + body[:cut]
        speak(root, message, is_reset=True)
    servers.eventually(lambda: not side_files(settings), "the side files are gone", 10)
    assert Instance.objects.count() == 0
    assert root.store(factories.make_dicom("a", side=256)).status_code == 200


def test_a_client_that_stops_reading_does_not_stop_the_others(root):
    good = factories.make_dicom("a", side=512)
    root.store(good)
    place = urlsplit(root.url)
    token = root.client.headers["Authorization"]
    request = (
        f"GET {place.path}/{place_of(read(good))} HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: {token}\r\nAccept: application/dicom\r\n\r\n"
    ).encode()
    idle = [socket.create_connection((place.hostname, place.port)) for _ in range(10)]
    for connection in idle:
        connection.sendall(request)
    assert root.get("studies").status_code == 200
    for connection in idle:
        connection.close()


def test_hostile_files_neither_end_nor_fill_the_web_process(root):
    bombs = [
        hostile.deflate_bomb("bomb", 2**30),
        hostile.nested(200_000, is_defined=True),
        hostile.nested(200_000, is_defined=False),
        hostile.with_values("r", Rows=65_535, Columns=65_535),
        hostile.in_syntax("rle", RLELossless)[:-100],
    ]
    root.store(factories.make_dicom("warm"), *bombs)
    before, processes = memory(), {p.pid for p in web_processes()}
    for number in range(4):
        answer = root.store(*bombs, factories.make_dicom(f"good {number}", patient="P2"))
        assert answer.status_code == 202
        assert len(wire.stored_uids(answer)) == 1
    assert processes
    assert {p.pid for p in web_processes()} == processes
    assert memory() - before < GROWTH_BYTES
    assert Instance.objects.count() == 5


def test_files_made_for_an_answer_go_with_it_also_where_nobody_waits_for_it(root, settings):
    data = hostile.in_syntax("rle", RLELossless)
    root.store(data)
    place = place_of(read(data))
    for accept in ("application/dicom", 'multipart/related; type="application/dicom"'):
        assert root.get(place, accept).status_code == 200
        where = urlsplit(f"{root.url}/{place}")
        request = (
            f"GET {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nAccept: {accept}\r\n"
            f"Authorization: {root.client.headers['Authorization']}\r\n\r\n"
        ).encode()
        speak(root, request, is_reset=True)
    servers.eventually(lambda: not side_files(settings), "the side files are gone", 10)


def begin_long_store(root, port):
    """A connection on which a store request of a long body has begun, and stays so."""
    body = wire.body_of(factories.make_dicom("long", side=1024))
    head = head_of(root, f"Content-Length: {len(body)}")
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.sendall(head + body[:-1])
    return connection, body[-1:]


def ends_after(connection, rest):
    """Whether the answer to the request says that the connection ends."""
    connection.sendall(rest)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 200")
    return b"connection: close" in answer.lower()


def test_a_process_with_more_long_bodies_lets_a_connection_go(root, settings):
    """Requests are begun until one process of two has two more than the other."""
    port = servers.free_port()
    command = [*servers.web_command(port), "--workers", "2", "--blocking-threads", "32"]
    with servers.running(command, FIRSTREAD_PROCESS="web") as web, contextlib.ExitStack() as stack:
        servers.eventually(
            lambda: servers.answers(f"http://127.0.0.1:{port}/healthz"), "the server answers"
        )
        parent = psutil.Process(web.pid)
        # One answers before the other is there.
        servers.eventually(lambda: len(parent.children()) == 2, "both processes run")
        workers = parent.children()
        held = {worker.pid: [] for worker in workers}
        before = len(side_files(settings))
        while abs(len(held[workers[0].pid]) - len(held[workers[1].pid])) < 2:
            begun = begin_long_store(root, port)
            stack.callback(begun[0].close)
            held[holder_of(begun[0], workers)].append(begun)
            count = before + sum(map(len, held.values()))
            servers.eventually(lambda count=count: len(side_files(settings)) == count, "it began")
        light, heavy = sorted(held.values(), key=len)
        assert ends_after(*heavy[0])
        assert not any(ends_after(*one) for one in [heavy[1], *light])


def holder_of(connection, workers):
    """The process that accepted the connection."""
    own = connection.getsockname()[1]

    def found():
        return [w.pid for w in workers
                if any(c.raddr and c.raddr.port == own for c in w.net_connections())]  # fmt: skip

    servers.eventually(found, "it is accepted")
    return found()[0]


def test_no_worker_is_left_when_its_server_is_killed(transactional_db):
    with servers.running(servers.web_command(servers.free_port()), FIRSTREAD_PROCESS="web") as web:
        main = psutil.Process(web.pid)
        servers.eventually(main.children, "a worker is there")
        workers = main.children(recursive=True)
        main.kill()
        gone, left = psutil.wait_procs(workers, timeout=10)
    assert gone
    assert not left
