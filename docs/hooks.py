"""Lets mkdocs build with and without the pictures, which are made by `make screenshots`."""

import re
from pathlib import Path
from typing import Any

PICTURE = re.compile(r"^!\[[^]]*]\(\.\./pictures/([\w-]+\.webp)\)\n*", re.MULTILINE)


def on_page_markdown(markdown: str, *, config: Any, **_: Any) -> str:
    """The page without the pictures that have not been made."""
    pictures = Path(config["docs_dir"]) / "pictures"

    def kept(found: re.Match[str]) -> str:
        return found.group() if (pictures / found.group(1)).exists() else ""

    return PICTURE.sub(kept, markdown)
