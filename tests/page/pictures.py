"""Take pictures of the pages of a folder, to be looked at: ``python -m tests.page.pictures FOLDER PICTURES``."""

import sys
from pathlib import Path

from tests.page.browser import opened

WAYS = {"light": {}, "dark": {"dark": True}, "phone": {"width": 390, "height": 800}, "print": {"media": "print"}}


def taken(folder: Path, pictures: Path) -> None:
    pictures.mkdir(parents=True, exist_ok=True)
    with opened() as tab:
        for file in sorted(folder.rglob("*.html")):
            for way, how in WAYS.items():
                tab.open(file, **how)  # type: ignore[arg-type]  # its own names
                tab.picture(pictures / f"{file.stem}-{way}.png")


if __name__ == "__main__":
    taken(Path(sys.argv[1]), Path(sys.argv[2]))
