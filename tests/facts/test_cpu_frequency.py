"""--cpu-freq of steps as sacct, squeue and scontrol show it; the texts are those of Slurm 22.05.8."""

from __future__ import annotations

import pytest

from mgpu_slurm.facts import cpu_frequency
from mgpu_slurm.facts.fields.job_text import frequencies


@pytest.mark.parametrize(
    ("text", "span", "record"),
    [
        ("", "Unknown-Unknown:Unknown", ""),
        ("low", "Unknown-Low:Unknown", "CPU_max_freq=Low "),
        ("1000", "Unknown-1M:Unknown", "CPU_max_freq=1000 "),
        ("800", "Unknown-800K:Unknown", "CPU_max_freq=800 "),
        ("1500", "Unknown-1.50M:Unknown", "CPU_max_freq=1500 "),
        ("1234567", "Unknown-1.23G:Unknown", "CPU_max_freq=1234567 "),
        ("1000-2000:OnDemand", "1M-2M:OnDemand", "CPU_min_freq=1000 CPU_max_freq=2000 Governor=OnDemand"),
        ("Low-HIGHM1", "Low-Highm1:Unknown", "CPU_min_freq=Low CPU_max_freq=Highm1 "),
        ("userspace", "Unknown-Unknown:UserSpace", "Governor=UserSpace"),
    ],
)
def test_forms(text: str, span: str, record: str) -> None:
    assert cpu_frequency.span(text, "0") == span
    assert frequencies(text) == record


def test_rows_that_srun_has_not_made() -> None:
    assert cpu_frequency.span("", "batch") == "0-0:0"
    assert cpu_frequency.field(cpu_frequency.MOST, "", "") == "Unknown"
