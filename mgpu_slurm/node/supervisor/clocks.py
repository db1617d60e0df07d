"""The rate at which a CPU runs at this moment."""

from __future__ import annotations


def of_cpu(number: int, system: str = "/sys/devices/system/cpu", proc: str = "/proc/cpuinfo") -> int:
    """kHz; 0 where the machine does not say."""
    try:
        with open(f"{system}/cpu{number}/cpufreq/scaling_cur_freq", "rb", buffering=0) as file:
            return int(file.read(32))
    except (OSError, ValueError):
        pass  # a guest often has no such file: what it calls its clock must do
    try:
        with open(proc, "rb") as file:
            rates = [line.partition(b":")[2] for line in file if line.startswith(b"cpu MHz")]
        return int(float(rates[number]) * 1000)
    except (OSError, ValueError, IndexError):
        return 0
