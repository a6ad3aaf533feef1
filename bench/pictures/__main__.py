"""Makes the pictures of docs/reference/tools.md on real series (`make screenshots DATA=FOLDER`).

python -m config.embedded exec -- python -m bench.pictures FOLDER [--only NAME,...]
FOLDER holds a folder per DICOM series, one of them a volume.
docs/pictures/ takes the pictures and is not in git.
"""

import argparse
import io
import os
from pathlib import Path

from PIL import Image

from bench.setup import fresh_database

TARGET = Path(__file__).parents[2] / "docs" / "pictures"
QUALITY = 82


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.pictures")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="names of scenes, separated by commas")
    arguments = parser.parse_args()
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's loop is only waited for
    fresh_database()
    from bench.pictures import scenes
    from bench.pictures.data import fill
    from tests import servers
    from tests.e2e import browser as person

    projects = fill(arguments.folder)
    wanted = {name for name in arguments.only.split(",") if name}
    TARGET.mkdir(exist_ok=True)
    with servers.web_server() as address, person.chromium() as browser:
        studio = scenes.Studio(browser, address, projects, keep)
        for name, scene in scenes.SCENES.items():
            if not wanted or name in wanted:
                scene(studio)


def keep(name: str, png: bytes) -> None:
    """Write one picture as WebP, a quarter of the size of its PNG."""
    path = TARGET / f"{name}.webp"
    Image.open(io.BytesIO(png)).convert("RGB").save(path, quality=QUALITY, method=6)
    print(f"{name:32} {path.stat().st_size // 1024:5} KiB", flush=True)


if __name__ == "__main__":
    main()
