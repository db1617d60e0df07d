"""How the GPUs of a machine are wired to each other, as NVML tells it: NVLinks and the PCIe tree.

An NVLink ends at another GPU (a bridge, a DGX-1 cube) or at a switch (HGX boards). Links that end at a GPU are counted
for that pair. For links that end elsewhere the pair is connected when the driver says that it can talk over NVLink, and
has as many links as the poorer of the two; a driver that does not answer this leaves the switches that both reach.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from mgpu_slurm.node.nvml_questions import Questions, bus_id

# Level -> nvidia-smi's word for it. A level above SYSTEM or a new one between is taken for the next looser word.
_LEVELS = ((0, "PSB"), (10, "PIX"), (20, "PXB"), (30, "PHB"), (40, "NODE"), (50, "SYS"))


def level_word(level: int) -> str:
    """The word for an nvmlGpuTopologyLevel_t: PSB one board, PIX one switch ... SYS across sockets."""
    return next((word for at, word in _LEVELS if level <= at), "SYS")


def read_pcie(pynvml: Any, handles: list[Any], questions: list[Questions]) -> list[list[str]]:
    """Per GPU the common-ancestor word with each GPU; X for itself, "" where not told."""
    n = len(handles)
    table = [["X" if i == j else "" for j in range(n)] for i in range(n)]
    for i in range(n):
        for j in range(i + 1, n):
            if handles[i] is None or handles[j] is None or questions[i].fault or questions[j].fault:
                continue
            try:
                word = level_word(pynvml.nvmlDeviceGetTopologyCommonAncestor(handles[i], handles[j]))
            except pynvml.NVMLError as error:
                # The error does not say which of the two is at fault, so it makes neither unhealthy.
                questions[i].missing["pcie"] = f"with GPU {j}: {error}"
                continue
            table[i][j] = table[j][i] = word
    return table


def read_links(pynvml: Any, handles: list[Any], buses: list[str], questions: list[Questions]) -> list[list[int]]:
    """Per GPU the number of working NVLinks to each GPU, -1 at its own place. `buses` are the GPUs' bus ids."""
    n = len(handles)
    known = {bus: i for i, bus in enumerate(buses) if bus}
    direct = [[0] * n for _ in range(n)]
    elsewhere: list[Counter[str]] = [Counter() for _ in range(n)]  # switch (or "": unknown end) -> links
    for i, handle in enumerate(handles):
        if handle is None or questions[i].fault:
            continue
        for end in _link_ends(questions[i], handle):
            if end in known:
                direct[i][known[end]] += 1
            else:
                elsewhere[i][end] += 1
    table = [[-1 if i == j else 0 for j in range(n)] for i in range(n)]
    for i in range(n):
        for j in range(i + 1, n):
            count = max(direct[i][j], direct[j][i])
            if not count and elsewhere[i] and elsewhere[j]:
                count = _through_switches(pynvml, handles[i], handles[j], elsewhere[i], elsewhere[j])
            table[i][j] = table[j][i] = count
    return table


def _link_ends(q: Questions, handle: Any) -> list[str]:
    """For each active link the bus id it ends at; "" for an end that is neither a GPU nor a switch that says so."""
    p = q.pynvml
    ends: list[str] = []
    for link in range(p.NVML_NVLINK_MAX_LINKS):
        try:
            if p.nvmlDeviceGetNvLinkState(handle, link) != p.NVML_FEATURE_ENABLED:
                continue
        except p.NVMLError as error:
            if error.value == p.NVML_ERROR_INVALID_ARGUMENT:  # past its last link
                break
            q.note("links", error, optional=True)
            if link == 0 or q.fault:
                break
            continue
        # H100 and later may hide where a link ends; that is not a failure.
        remote = q.ask("links", None, p.nvmlDeviceGetNvLinkRemotePciInfo, handle, link, optional=True)
        kind = q.ask("links", None, p.nvmlDeviceGetNvLinkRemoteDeviceType, handle, link, optional=True)
        end = bus_id(remote) if remote is not None else ""
        if kind == p.NVML_NVLINK_DEVICE_TYPE_SWITCH:
            end = end or "switch"
        elif kind not in (None, p.NVML_NVLINK_DEVICE_TYPE_GPU):
            end = ""
        ends.append(end)
    return ends


def _through_switches(pynvml: Any, one: Any, other: Any, mine: Counter[str], theirs: Counter[str]) -> int:
    try:
        status = pynvml.nvmlDeviceGetP2PStatus(one, other, pynvml.NVML_P2P_CAPS_INDEX_NVLINK)
    except pynvml.NVMLError:
        return sum((mine & theirs).values()) - min(mine[""], theirs[""])
    if status != pynvml.NVML_P2P_STATUS_OK:
        return 0
    return min(mine.total(), theirs.total())
