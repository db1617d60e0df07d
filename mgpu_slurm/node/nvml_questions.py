"""One question at a time to NVML: the answer, or a default with the reason kept. pynvml is handed in, not imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Questions:
    """The questions to one GPU: answers with defaults, and what went wrong."""

    def __init__(self, pynvml: Any) -> None:
        self.pynvml = pynvml
        self.missing: dict[str, str] = {}
        self.fault: str | None = None
        # What says that the device is unusable, rather than that one fact is not to be had.
        self.fatal = {
            pynvml.NVML_ERROR_GPU_IS_LOST,
            pynvml.NVML_ERROR_RESET_REQUIRED,
            pynvml.NVML_ERROR_INSUFFICIENT_POWER,
            pynvml.NVML_ERROR_IRQ_ISSUE,
            pynvml.NVML_ERROR_TIMEOUT,
            pynvml.NVML_ERROR_GPU_NOT_FOUND,
            pynvml.NVML_ERROR_UNKNOWN,
        }
        self.unsupported = {pynvml.NVML_ERROR_NOT_SUPPORTED, pynvml.NVML_ERROR_FUNCTION_NOT_FOUND}

    def ask(self, fact: str, default: T, call: Callable[..., Any], *arguments: Any, optional: bool = False) -> T | Any:
        """The answer of `call`, or `default`. `optional`: many GPUs lack this, its absence is not worth a word."""
        try:
            return call(*arguments)
        except self.pynvml.NVMLError as error:
            self.note(fact, error, optional)
        except UnicodeDecodeError as error:
            self.missing[fact] = f"not a text: {error.reason}"
        return default

    def note(self, fact: str, error: Any, optional: bool = False) -> None:
        """Keeps why `fact` is not known, and the first failure that makes the GPU unusable."""
        if not (optional and error.value in self.unsupported):
            self.missing[fact] = reason(error)
        if error.value in self.fatal and self.fault is None:
            self.fault = f"{reason(error)}, asked for {fact.replace('_', ' ')}"


def reason(error: Any) -> str:
    """An NVMLError as a text with its number. pynvml shows texts that it does not know itself as b'...'."""
    text = str(error)
    if text.startswith("b'") and text.endswith("'"):
        text = text[2:-1]
    return f"{text.rstrip('.')} (NVML error {error.value})"


def bus_id(pci: Any) -> str:
    """The bus id in an nvmlPciInfo_t, upper case with an eight-digit domain ("00000000:81:00.0")."""
    raw = pci.busId or pci.busIdLegacy
    text = raw.decode("ascii", "replace") if isinstance(raw, bytes) else str(raw)
    domain, colon, rest = text.upper().partition(":")
    return f"{domain:0>8}:{rest}" if colon else text.upper()
