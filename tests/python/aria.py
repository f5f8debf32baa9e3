"""What a screen reader makes of a page, held against what is written in `tests/python/aria/`.

Numbers, ids, digests, times and paths differ from run to run and stand as `#`. `COUNTERSIGN_ARIA=write` writes the
files anew: read the difference before it is committed.
"""

import difflib
import os
import re
from pathlib import Path

from playwright.sync_api import Page

FILES = Path(__file__).parent / "aria"
VARIES = [
    (r"sha256:[0-9a-f]{64}", "sha256:#"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "ID"),
    (r"m-[0-9a-f]{32}", "m-#"),
    (r"\bp_[a-z0-9]{6,}", "PERSON"),
    (r"[A-Za-z0-9+/]{40,}=*", "BASE64"),
    (r"\+[0-9a-f]{8}\+", "+#+"),
    (r"(/[\w.-]+){2,}/(?=[\w-]+\.(toml|wasm|key))", "DIR/"),
    (r"just now|\d+ (min|h) ago", "TIME"),
    (r"\d{4}-\d\d-\d\d(T| )\d\d:\d\d(:\d\d(\.\d+)?Z| UTC)", "TIME"),
    (r"\d+(\.\d+)? (µs|ms|s|min|h|d|KiB|MiB|bytes)\b", "AMOUNT"),
    (r"\boperator:\w+", "operator:#"),
    (r"\b(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{10,16}\b", "DIGEST"),
    (r"#e\d+", "#e#"),
    (r"(?<!level=)\b\d+(\.\d+)*", "#"),
    # What an axis says depends on the day, and on how long the play took.
    (r"(?m)^(\s*- '?img \".*\"'?): .*$", r"\1: PICTURE"),
    (r"#:#( #:#)+", "#:#"),
    # MLflow tells the time by a clock of twelve hours: a snapshot drawn in the afternoon holds in the morning.
    (r"(?<=#:#) [AP]M\b", ""),
]


def plain(snapshot: str) -> str:
    for pattern, word in VARIES:
        snapshot = re.sub(pattern, word, snapshot)
    return snapshot.rstrip() + "\n"


def aria(page: Page, name: str, part: str = "main") -> list[str]:
    """How this part of the page differs from its file; nothing when it does not."""
    file, now = FILES / f"{name}.yaml", plain(page.locator(part).first.aria_snapshot())
    if os.environ.get("COUNTERSIGN_ARIA") == "write":
        FILES.mkdir(exist_ok=True)
        file.write_text(now)
    written = file.read_text() if file.exists() else ""
    lines = difflib.unified_diff(written.splitlines(), now.splitlines(), f"aria/{file.name}", "now", lineterm="", n=1)
    found = "\n    ".join(lines)
    return [f"{name}: another page for a screen reader:\n    {found}"] if found else []
