"""GPUs by real pynvml calls against the stand-in library, declared GPUs, and both together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from mgpu_slurm.node import gpus as node_gpus
from mgpu_slurm.node.gpu_names import aliases, gres_type, mig_profile
from mgpu_slurm.node.gpus import declared, gres_config, merge, offered
from mgpu_slurm.node.nvml_links import level_word
from mgpu_slurm.records.gpu import Gpu, GpuReport
from tests.kit.nvml import Machine, Nvml, nvml, nvml_library  # noqa: F401 - fixtures

A100 = "NVIDIA A100-SXM4-80GB"
LOST = 15


@pytest.mark.parametrize(
    ("name", "type_", "short"),
    [
        (A100, "nvidia_a100-sxm4-80gb", ["a100", "a100-80gb", "a100_80gb"]),
        ("NVIDIA H200", "nvidia_h200", ["h200"]),
        ("NVIDIA H100 80GB HBM3", "nvidia_h100_80gb_hbm3", ["h100", "h100-80gb", "h100_80gb"]),
        ("Tesla T4", "tesla_t4", ["t4"]),
        ("NVIDIA GeForce RTX 3090", "nvidia_geforce_rtx_3090", ["3090", "rtx3090", "rtx_3090"]),
        ("NVIDIA GeForce GTX 1080 Ti", "nvidia_geforce_gtx_1080_ti", ["1080ti", "1080_ti", "gtx1080ti", "gtx_1080_ti"]),
        ("NVIDIA TITAN RTX", "nvidia_titan_rtx", ["titan_rtx", "titanrtx"]),
        ("NVIDIA GB10", "nvidia_gb10", ["gb10"]),
        ("Orin (nvgpu)", "orin_nvgpu", ["orinnvgpu"]),
        ("", "", []),
    ],
)
def test_names(name: str, type_: str, short: list[str]) -> None:
    assert gres_type(name) == type_
    assert aliases(name) == short


def test_mig_profile() -> None:
    assert mig_profile("NVIDIA A100-SXM4-40GB MIG 1g.5gb") == "1g.5gb"
    assert mig_profile("NVIDIA A100-SXM4-40GB") == ""


def test_level_words() -> None:
    assert [level_word(level) for level in (0, 10, 20, 30, 40, 50, 60)] == ["PSB", "PIX", "PXB", "PHB", "NODE", "SYS", "SYS"]


def test_four_like_gpus(nvml: Nvml) -> None:  # noqa: F811
    machine = Machine().gpu(A100, "cpus ff", "nodes 1", count=2).gpu(A100, "cpus ff00,1", "nodes 2", count=2)
    machine.pairs(50, range(4)).line("pair 0 1 10", "pair 2 3 20")
    report = nvml.survey(machine)
    assert (report.error, report.driver_version, report.notes) == (None, "550.54.15", [])
    assert [gpu.index for gpu in report.gpus] == [gpu.nvml_index for gpu in report.gpus] == [0, 1, 2, 3]
    assert [gpu.uuid for gpu in report.gpus] == [Machine.uuid(i) for i in range(4)]
    gpu = report.gpus[3]
    assert (gpu.name, gpu.type, gpu.memory_mib, gpu.minor) == (A100, "nvidia_a100-sxm4-80gb", 81920, 3)
    assert (gpu.device_file, gpu.pci_bus_id, gpu.numa_node) == ("/dev/nvidia3", "00000000:13:00.0", 1)
    assert report.gpus[0].cpu_affinity == list(range(8))
    assert gpu.cpu_affinity[:8] == list(range(8, 16))  # a second word is asked for only where there are so many CPUs
    assert gpu.pcie == ["SYS", "SYS", "PXB", "X"]
    assert gpu.links == [0, 0, 0, -1]
    assert gpu.healthy
    assert not gpu.missing
    assert gpu.is_of_type("A100")
    assert gpu.is_of_type("")
    assert not gpu.is_of_type("h100")
    assert gres_config(report.gpus) == "gpu:nvidia_a100-sxm4-80gb:4"


def test_two_models(nvml: Nvml) -> None:  # noqa: F811
    report = nvml.survey(Machine().gpu("Tesla T4", memory=15 << 30).gpu("NVIDIA H200", count=2))
    assert gres_config(report.gpus) == "gpu:tesla_t4:1,gpu:nvidia_h200:2"


@pytest.mark.parametrize(
    ("code", "part"),
    [
        (9, "kernel module is not loaded (Driver Not Loaded (NVML error 9))"),
        (18, "different versions"),
        (4, "no permission"),
        (999, "NVML does not start: Unknown Error (NVML error 999)"),
        (555, "NVML does not start: Some other error (NVML error 555)"),
    ],
)
def test_nvml_does_not_start(nvml: Nvml, code: int, part: str) -> None:  # noqa: F811
    report = nvml.survey(Machine().line(f"init {code}").gpu(A100))
    assert report.gpus == []
    assert part in str(report.error)


DRIVER = "/proc/driver/nvidia/gpus"
"""What a real driver says of GPUs here; it fills in what NVML does not tell."""


def test_a_library_that_is_named_and_not_there(nvml: Nvml) -> None:  # noqa: F811
    report = node_gpus.survey({**os.environ, "MGPU_NVML_LIBRARY": "/nowhere/libnvidia-ml.so.1"})
    assert report.gpus == []
    assert str(report.error).startswith("MGPU_NVML_LIBRARY cannot be loaded: /nowhere/libnvidia-ml.so.1: ")


def test_no_library(nvml: Nvml) -> None:  # noqa: F811
    environ = {**os.environ, "MGPU_NVML_LIBRARY": "", "LD_LIBRARY_PATH": ""}
    probe = [sys.executable, "-c", "import ctypes; ctypes.CDLL('libnvidia-ml.so.1')"]
    if subprocess.run(probe, env=environ, stderr=subprocess.DEVNULL).returncode == 0:
        pytest.skip("a driver's library is installed here")
    report = node_gpus.survey(environ)
    assert report.gpus == []
    assert "libnvidia-ml.so.1 was not found" in str(report.error)


def test_library_in_an_unusual_place(nvml: Nvml) -> None:  # noqa: F811
    environ = nvml.environ(Machine().gpu(A100))
    environ["LD_LIBRARY_PATH"] = ""
    environ["MGPU_NVML_LIBRARY"] = str(nvml.library)
    assert len(node_gpus.survey(environ).gpus) == 1


def test_no_count(nvml: Nvml) -> None:  # noqa: F811
    report = nvml.survey(Machine().line("count 999").gpu(A100))
    assert report.gpus == []
    assert report.error == "NVML does not say how many GPUs there are: Unknown Error (NVML error 999)"


def test_no_gpus(nvml: Nvml) -> None:  # noqa: F811
    assert nvml.survey(Machine()) == GpuReport(driver_version="550.54.15")


def test_a_gpu_that_cannot_be_opened_keeps_its_place(nvml: Nvml) -> None:  # noqa: F811
    machine = Machine().gpu(A100).gpu(A100, f"fail nvmlDeviceGetHandleByIndex_v2 {LOST}").gpu(A100)
    report = nvml.survey(machine.pairs(10, range(3)))
    assert [gpu.healthy for gpu in report.gpus] == [True, False, True]
    assert report.gpus[1].fault == "GPU is lost (NVML error 15), cannot be opened"
    assert report.gpus[0].pcie == ["X", "", "PIX"]
    assert report.gpus[2].minor == 2


@pytest.mark.skipif(os.path.exists(DRIVER), reason=f"{DRIVER} of a real driver fills in the bus id")
def test_a_gpu_that_is_lost_midway(nvml: Nvml) -> None:  # noqa: F811
    report = nvml.survey(Machine().gpu(A100, "lost_after 5").gpu(A100))
    lost, whole = report.gpus
    assert (lost.name, lost.uuid, lost.minor) == (A100, Machine.uuid(0), 0)
    assert (lost.healthy, lost.pci_bus_id) == (False, "")
    assert lost.fault == "GPU is lost (NVML error 15), asked for pci bus id"
    assert "memory_mib" in lost.missing
    assert whole.healthy


@pytest.mark.parametrize(
    ("function", "field", "value"),
    [
        ("nvmlDeviceGetName", "name", ""),
        ("nvmlDeviceGetUUID", "uuid", ""),
        ("nvmlDeviceGetMinorNumber", "minor", None),
        ("nvmlDeviceGetPciInfo_v3", "pci_bus_id", ""),
        ("nvmlDeviceGetMemoryInfo", "memory_mib", None),
    ],
)
@pytest.mark.parametrize(("code", "healthy"), [(3, True), (4, True), (16, False), (999, False)])
def test_every_call_may_fail_alone(nvml: Nvml, function: str, field: str, value: object, code: int, healthy: bool) -> None:  # noqa: F811
    if field == "pci_bus_id" and os.path.exists(DRIVER):
        pytest.skip(f"{DRIVER} of a real driver fills in the bus id")
    gpu = nvml.survey(Machine().gpu(A100, f"fail {function} {code}")).gpus[0]
    assert getattr(gpu, field) == value
    assert f"(NVML error {code})" in gpu.missing[field]
    assert gpu.healthy is healthy
    answered = {"name": A100, "uuid": Machine.uuid(0), "minor": 0, "pci_bus_id": Machine.bus(0), "memory_mib": 81920}
    for other in answered.keys() - {field}:
        assert getattr(gpu, other) == answered[other]


def test_gpu_without_memory_of_its_own(nvml: Nvml) -> None:  # noqa: F811
    gpu = nvml.survey(Machine().gpu("NVIDIA GB10", memory=None)).gpus[0]
    assert gpu.memory_mib is None
    assert gpu.healthy
    assert gpu.missing["memory_mib"] == "Not Supported (NVML error 3)"


def test_a_gpu_of_somebody_else_is_left_out(nvml: Nvml) -> None:  # noqa: F811
    report = nvml.survey(Machine().gpu(A100, "fail nvmlDeviceGetHandleByIndex_v2 4").gpu(A100))
    assert [(gpu.index, gpu.nvml_index) for gpu in report.gpus] == [(0, 1)]
    assert report.notes == ["GPU 0 is left out: Insufficient Permissions (NVML error 4)"]


def test_nvlink_bridges(nvml: Nvml) -> None:  # noqa: F811
    machine = Machine()
    for i in range(4):
        machine.gpu(A100, *[f"link gpu {Machine.bus(i ^ 1)}"] * 4, "link down")
    links = [gpu.links for gpu in nvml.survey(machine).gpus]
    assert links == [[-1, 4, 0, 0], [4, -1, 0, 0], [0, 0, -1, 4], [0, 0, 4, -1]]


def test_nvlink_switches(nvml: Nvml) -> None:  # noqa: F811
    switches = [f"link switch 00000000:C{s}:00.0" for s in range(6) for _ in range(2)]
    machine = Machine().gpu(A100, *switches, count=2).gpu(A100, *switches[:6])
    assert [gpu.links for gpu in nvml.survey(machine).gpus] == [[-1, 12, 6], [12, -1, 6], [6, 6, -1]]


def test_nvlinks_whose_ends_are_hidden_count_where_the_driver_says_they_connect(nvml: Nvml) -> None:  # noqa: F811
    machine = Machine().gpu("NVIDIA H200", *["link hidden"] * 18, count=3).line("p2p 0 1 0", "p2p 0 2 5")
    assert [gpu.links for gpu in nvml.survey(machine).gpus] == [[-1, 18, 0], [18, -1, 0], [0, 0, -1]]


def test_mig_slices_are_offered_in_place_of_their_gpu(nvml: Nvml) -> None:  # noqa: F811
    machine = Machine().gpu(A100)
    machine.gpu(
        A100,
        "mig 1",
        f"slice {A100} MIG 3g.40gb;MIG-aaaa;1;0;40192;3;3",
        "slice ;MIG-bbbb;2;0;9728;1;1",
    )
    report = nvml.survey(machine.line("pair 0 1 30"))
    assert [gpu.mig_enabled for gpu in report.gpus] == [False, True]
    devices = offered(report.gpus)
    assert [gpu.index for gpu in devices] == [0, 1, 2]
    assert [gpu.uuid for gpu in devices] == [Machine.uuid(0), "MIG-aaaa", "MIG-bbbb"]
    assert [gpu.memory_mib for gpu in devices] == [81920, 40192, 9728]
    assert [gpu.pcie for gpu in devices] == [["X", "PHB", "PHB"], ["PHB", "X", "PSB"], ["PHB", "PSB", "X"]]
    assert [gpu.links for gpu in devices] == [[-1, 0, 0], [0, -1, 0], [0, 0, -1]]
    assert devices[1].is_of_type("a100_3g.40gb")
    assert devices[2].is_of_type("1g.10gb") or devices[2].is_of_type("1g.9gb")
    assert gres_config(devices).startswith("gpu:nvidia_a100-sxm4-80gb:1,gpu:nvidia_a100-sxm4-80gb_3g.40gb:1,")


def test_mig_mode_without_slices_offers_nothing(nvml: Nvml) -> None:  # noqa: F811
    assert offered(nvml.survey(Machine().gpu(A100, "mig 1")).gpus) == []


def test_memory_health(nvml: Nvml) -> None:  # noqa: F811
    machine = Machine().gpu(A100, "ecc 2", "rows 0 1 1 0").gpu("Tesla T4", "pages 1").gpu("NVIDIA TITAN RTX")
    facts = [(g.ecc_uncorrected, g.retirement_pending, g.remap_failed) for g in nvml.survey(machine).gpus]
    assert facts == [(2, True, False), (None, True, None), (None, None, None)]


def test_a_driver_that_hangs_is_given_up(nvml: Nvml) -> None:  # noqa: F811
    assert nvml.survey(Machine().line("hang 20"), timeout=0.5).error == "NVML did not answer within 0.5 seconds"


def test_a_driver_that_crashes_or_talks(nvml: Nvml) -> None:  # noqa: F811
    assert "ended with signal 6" in str(nvml.survey(Machine().line("crash 1")).error)
    assert nvml.survey(Machine().line("noise Hello").gpu(A100)).error is None


def test_driver_files_identify_a_lost_gpu(nvml: Nvml, tmp_path: Path) -> None:  # noqa: F811
    for i in (0, 1):
        directory = tmp_path / "gpus" / f"0000:{0x10 + i:02x}:00.0"
        directory.mkdir(parents=True)
        text = f"Model: \t\t {A100}\nIRQ:   \t\t 55\nGPU UUID: \t {Machine.uuid(i)}\nDevice Minor: \t {i}\n"
        (directory / "information").write_text(text)
    environ = nvml.environ(Machine().gpu(A100, f"fail nvmlDeviceGetHandleByIndex_v2 {LOST}").gpu(A100))
    program = (
        "import os, msgspec; from mgpu_slurm.node import nvml;"
        f"print(msgspec.json.encode(nvml.read(os.environ, proc={str(tmp_path)!r})).decode())"
    )
    environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    out = subprocess.run([sys.executable, "-c", program], env=environ, check=True, capture_output=True).stdout
    gpu = msgspec.json.decode(out, type=GpuReport).gpus[0]
    assert (gpu.healthy, gpu.uuid, gpu.minor, gpu.device_file) == (False, Machine.uuid(0), 0, "/dev/nvidia0")
    assert gpu.is_of_type("a100")


# --- declared ---------------------------------------------------------------------------------------------------------


def test_declared_by_count() -> None:
    gpus = declared(2)
    assert [(gpu.index, gpu.device_file, gpu.declared, gpu.healthy) for gpu in gpus] == [(0, "", True, True), (1, "", True, True)]
    assert gres_config(gpus) == "gpu:2"
    assert gres_config([]) == ""


def test_declared_by_lines_of_gres_conf() -> None:
    gpus = declared(type="A100", files=["/dev/nvidia0", "/dev/nvidia1"], cores=[0, 1])
    gpus += declared(1, "h100", ["/dev/nvidia7"], start=2)
    assert [(gpu.index, gpu.minor) for gpu in gpus] == [(0, 0), (1, 1), (2, 7)]
    assert gpus[0].cpu_affinity == [0, 1]
    assert gres_config(gpus) == "gpu:a100:2,gpu:h100:1"


def test_a_wrong_declaration() -> None:
    with pytest.raises(ValueError, match="Count=3 but File= names 2"):
        declared(3, files=["/dev/nvidia0", "/dev/nvidia1"])
    with pytest.raises(ValueError, match="negative"):
        declared(-1)


def found(count: int) -> GpuReport:
    links = [[-1 if i == j else i + j for j in range(count)] for i in range(count)]
    gpus = [
        Gpu(index=i, nvml_index=i, minor=i, type="nvidia_a100-sxm4-80gb", aliases=["a100"], uuid=f"GPU-{i}",
            device_file=f"/dev/nvidia{i}", links=links[i], pcie=["X" if i == j else "SYS" for j in range(count)])
        for i in range(count)
    ]  # fmt: skip
    return GpuReport(gpus=gpus)


def test_merge_by_device_file() -> None:
    gpus = merge(declared(type="big", files=["/dev/nvidia3", "/dev/nvidia1"]), found(4))
    assert [(gpu.index, gpu.nvml_index, gpu.uuid, gpu.type) for gpu in gpus] == [(0, 3, "GPU-3", "big"), (1, 1, "GPU-1", "big")]
    assert gpus[0].aliases == ["nvidia_a100-sxm4-80gb", "a100"]
    assert [gpu.links for gpu in gpus] == [[-1, 4], [4, -1]]
    assert gpus[0].pcie == ["X", "SYS"]
    assert gpus[0].declared


def test_merge_by_count_and_type() -> None:
    gpus = merge(declared(1, "a100") + declared(2, start=1), found(2))
    assert [gpu.uuid for gpu in gpus] == ["GPU-0", "GPU-1", ""]
    assert gpus[2].healthy
    assert gpus[0].links == [-1, 1, 0]


def test_merge_of_a_file_that_nvml_does_not_list() -> None:
    gpus = merge(declared(files=["/dev/nvidia0", "/dev/nvidia9", "/tmp/fake/nvidia1"]), found(1))
    assert [gpu.healthy for gpu in gpus] == [True, False, True]
    assert gpus[1].fault == "NVML lists no GPU with the device file /dev/nvidia9"


def test_merge_without_nvml_believes_the_declaration() -> None:
    wanted = declared(4, "a100")
    assert merge(wanted, GpuReport(error="no driver")) == wanted
