"""What a command imports of the wire must stay quick to import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEAVY = ("asyncio", "msgspec", "socket", "json", "re", "typing", "dataclasses", "logging", "hashlib", "hmac", "selectors")


def test_the_client_imports_nothing_heavy() -> None:
    root = Path(__file__).parents[2]
    program = (
        f"import sys; sys.path.insert(0, {str(root)!r})\n"
        "import mgpu_slurm.wire.client, mgpu_slurm.wire.passing\n"
        "from mgpu_slurm.wire.credential import digest\n"
        "digest(b'')\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
