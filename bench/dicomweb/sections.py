"""What is measured beside Orthanc: frames, searches, retrieval and storage, each with its target."""

import json

from bench.dicomweb import load
from bench.dicomweb.bench import DICOM, FRAME, JSON, Bench, Pairs, cycled, renewed
from bench.dicomweb.data import CT_SIDE, DX_SIDE, SMALL_SIDE, Item, Template
from bench.dicomweb.load import Request, Sample
from bench.dicomweb.servers import Server

CT_BYTES, DX_BYTES, SMALL_BYTES = (2 * side**2 for side in (CT_SIDE, DX_SIDE, SMALL_SIDE))
FRAME_LATENCY_MS = 2.0
KEYS = {"StudyInstanceUID": "{uid}", "PatientID": "P{token}", "AccessionNumber": "A{token}"}
# The loads that the goal is set for; the others are only reported.
STOW_TARGETS = {
    ("CT, 20 per request", 1), ("CT, 20 per request", 4),
    ("DX, 1 per request", 1), ("DX, 10 per request", 4),
}  # fmt: skip
MOST_STOW_BYTES = 400 * 2**20  # per measurement: storing for seconds would fill the disk


def same_answers(bench: Bench) -> None:
    """Stop unless both servers answer with the stored pixels and the same number of rows."""
    ct, dx, small = bench.data.ct, bench.data.dx, bench.data.small
    for item in (ct[0], ct[-1], dx[7], small[-1]):
        stored = item.path.read_bytes()
        for server in bench.servers:
            kind, body = load.fetch(server, f"{item.url}/frames/1", FRAME)
            pixels = only_part(kind, body)
            # Every file ends with its pixel data.
            assert pixels == stored[-len(pixels) :], f"{server.name}: other pixels in {item.path}"
            assert len(pixels) in (CT_BYTES, DX_BYTES, SMALL_BYTES), server.name
    searches = {
        f"studies?StudyInstanceUID={ct[0].study_uid}": 1,
        f"studies?PatientID=P{small[3].token}": 1,
        f"studies?AccessionNumber=A{small[4].token}": 1,
        "studies?limit=100": 100,
        f"{ct[0].series_url}/instances?limit=200": 200,
        f"{ct[0].series_url}/metadata": 200,
    }
    for server in bench.servers:
        for path, rows in searches.items():
            found = len(json.loads(load.fetch(server, path, JSON)[1]))
            assert found == rows, f"{server.name}: {found} rows instead of {rows} for {path}"
    print("the same pixels and numbers of rows from " + " and ".join(s.name for s in bench.servers))


def only_part(content_type: str, body: bytes) -> bytes:
    """The payload of a multipart message of one part."""
    boundary = content_type.split("boundary=")[1].split(";")[0].strip('"').encode()
    start = body.index(b"\r\n\r\n", body.index(b"--" + boundary)) + 4
    return body[start : body.rindex(b"\r\n--" + boundary)]


def frames(bench: Bench) -> None:
    """Frames of the stored transfer syntax, CT slices at random."""
    requests = [Request(f"{item.url}/frames/1", FRAME) for item in bench.data.ct]
    order = cycled(requests)
    paths = [next(order).path for _ in requests]

    for connections in (1, 4, 8):

        def read(server: Server, connections: int = connections) -> Sample:
            if load.WRK is None:
                sources = [cycled(requests, n) for n in range(connections)]
                return load.drive(server, sources, seconds=bench.seconds)
            return load.wrk(
                server, paths, accept=FRAME, connections=connections, seconds=bench.seconds
            )

        found = bench.in_turns(read)
        for cost in (*found.ours, *found.theirs):
            assert cost.sample.received_bytes > cost.sample.requests * CT_BYTES, "cut short"
        name = f"CT frames, {_connections(connections)}"
        bench.add("frames", name, "frames/s", found.each(lambda c: c.sample.rate), target=4.0)
        if connections == 1:
            _add_latency(bench, "frames", name, found, bound=FRAME_LATENCY_MS)
        _add_cpu(bench, "frames", f"{name}: CPU", "ms/frame", found)


def qido(bench: Bench) -> None:
    """Searches by an exact key, a page of studies, the instances of one series."""
    for key, paths in exact_searches(bench.data.small).items():
        _compare_times(bench, "qido", f"studies, exact {key}", paths, JSON, target=3.0)
    _compare_times(bench, "qido", "studies?limit=100", ["studies?limit=100"], JSON, target=2.0)
    paths = [f"{url}/instances?limit=200" for url in _series_urls(bench)]
    _compare_times(bench, "qido", "instances of a 200-slice series", paths, JSON, target=4.0)


def exact_searches(small: list[Item]) -> dict[str, list[str]]:
    """Per key the searches that each find one study."""
    return {
        key: [f"studies?{key}=" + text.format(uid=i.study_uid, token=i.token) for i in small]
        for key, text in KEYS.items()
    }


def wado(bench: Bench) -> None:
    """Metadata, a rendered slice, one instance, a whole series."""
    series, instances = _series_urls(bench), [item.url for item in bench.data.ct]
    metadata = [f"{url}/metadata" for url in series]
    _compare_times(bench, "wado", "metadata of a 200-slice series", metadata, JSON, target=2.0)
    rendered = [f"{url}/rendered" for url in instances]
    _compare_times(bench, "wado", "CT rendered as JPEG", rendered, "image/jpeg", target=1.3)
    _compare_times(bench, "wado", "one CT instance", instances, DICOM, target=1.0)
    whole = [Request(url, DICOM) for url in series]
    found = bench.in_turns(
        lambda server: load.drive(server, [cycled(whole)], seconds=bench.seconds)
    )
    figures = found.each(lambda c: c.sample.mb_per_s)
    bench.add("wado", "whole series of 200 slices", "MB/s", figures, target=1.0)


def stow(bench: Bench) -> None:
    """Every request makes a study of its own; nothing is ever sent twice."""
    ct, dx = bench.data.ct[:20], bench.data.dx
    for kind, items in (("CT, 20 per request", ct), ("DX, 1 per request", dx[:1]),
                        ("DX, 10 per request", dx[:10])):  # fmt: skip
        for connections in (1, 4):
            templates = [Template(items) for _ in range(connections)]
            most = MOST_STOW_BYTES * len(items) // len(templates[0].body)

            def store(server: Server, templates=templates, most=most) -> Sample:
                sources = [renewed(template) for template in templates]
                return load.drive(server, sources, seconds=bench.seconds, most_units=most)

            worker_before = bench.ours.worker_cpu_s()
            found = bench.in_turns(store)
            bench.settle()
            worker_s = bench.ours.worker_cpu_s() - worker_before
            name = f"{kind}, {_connections(connections)}"
            figures = found.each(lambda c: c.sample.rate)
            is_target = (kind, connections) in STOW_TARGETS
            bench.add("stow", name, "instances/s", figures, target=1.0 if is_target else None)
            if connections == 1:
                _add_latency(bench, "stow", name, found)
            _add_cpu(bench, "stow", f"{name}: CPU", "ms/instance", found)
            stored = sum(cost.sample.units for cost in found.ours)
            later: tuple[list[float], list[float]] = ([worker_s * 1000 / stored], [])
            bench.add("stow", f"{name}: CPU of our worker", "ms/instance", later)


def _compare_times(
    bench: Bench, section: str, name: str, paths: list[str], accept: str, *, target: float
) -> None:
    """One connection, one request after the other; the medians are compared."""
    requests = [Request(path, accept) for path in paths]
    found = bench.in_turns(
        lambda server: load.drive(server, [cycled(requests)], seconds=bench.seconds)
    )
    _add_latency(bench, section, name, found, target=target)


def _add_latency(
    bench: Bench, section: str, name: str, found: Pairs, *,
    target: float | None = None, bound: float | None = None,
) -> None:  # fmt: skip
    options = {"is_less_better": True, "bound": bound}
    p50, p95 = found.each(lambda c: c.sample.p50_ms), found.each(lambda c: c.sample.p95_ms)
    bench.add(section, f"{name}: p50", "ms", p50, target=target, **options)
    bench.add(section, f"{name}: p95", "ms", p95, **options)


def _add_cpu(bench: Bench, section: str, name: str, unit: str, found: Pairs) -> None:
    bench.add(section, name, unit, found.each(lambda c: c.cpu_ms), is_less_better=True)


def _connections(count: int) -> str:
    return f"{count} connection{'' if count == 1 else 's'}"


def _series_urls(bench: Bench) -> list[str]:
    return list(dict.fromkeys(item.series_url for item in bench.data.ct))
