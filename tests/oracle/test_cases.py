"""Every script in cases/ does the same on Slurm 22.05 and on this suite.

The selected cases run several at a time, each on a pair of clusters of its own; a test waits for the case of its name.
`# slow` in a case's first line leaves it out unless MGPU_SLOW=1. Where there can be no real Slurm all are skipped.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.oracle import slurm_cluster
from tests.oracle.comparing import CASES, Pair, link_names

AT_ONCE = 4
pytestmark = pytest.mark.xdist_group("oracle")


def _parameters() -> list[object]:
    found: list[object] = []
    for case in sorted(CASES.glob("*.sh")):
        first = case.read_text().partition("\n")[0]
        found.append(pytest.param(case, id=case.stem, marks=[pytest.mark.slow] if first.startswith("# slow") else []))
    return found


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Path, Future[str]]]:
    """The differences of each selected case, as they become known."""
    reason = slurm_cluster.why_not()
    if reason:
        pytest.skip(reason)
    chosen = [
        item.callspec.params["case"]
        for item in request.session.items
        if item.path == Path(__file__) and isinstance(item, pytest.Function) and not item.get_closest_marker("skip")
    ]
    names = link_names(tmp_path_factory.mktemp("names"))
    free: queue.SimpleQueue[Pair] = queue.SimpleQueue()

    def one(case: Path) -> str:
        pair = free.get()
        try:
            return pair.differences(case)
        finally:
            free.put(pair)

    pairs: list[Pair] = []
    with ThreadPoolExecutor(AT_ONCE) as threads:
        try:
            for made in [threads.submit(Pair, names) for _ in range(min(AT_ONCE, len(chosen)))]:
                pairs.append(made.result())
                free.put(pairs[-1])
            yield {case: threads.submit(one, case) for case in chosen}
        finally:
            threads.shutdown(wait=True, cancel_futures=True)
            with ThreadPoolExecutor(AT_ONCE) as ending:
                list(ending.map(Pair.down, pairs))


@pytest.mark.parametrize("case", _parameters())
def test_case(case: Path, outcomes: dict[Path, Future[str]]) -> None:
    differences = outcomes[case].result(400)
    assert not differences, f"{case.name} differs\n{differences}"
