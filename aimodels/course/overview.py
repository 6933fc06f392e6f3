"""What the course's pages say of all chapters together, written by `aimodels course map`.

The drawing `docs/map.svg`, a part of `README.md`, and `docs/status.md`: each is made from the
lessons' front matter and from recorded results, and a test compares what is committed.
"""

import io
import re
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from aimodels.course import CourseError, markdown, paths, status
from aimodels.course.chapters import Chapter, direct, needed, read_chapters
from aimodels.files import write_text

BEGIN = "<!-- written by `aimodels course map` -->"
END = "<!-- end of what it wrote -->"
DRAWING = "docs/map.svg"
_TEXT = "{http://www.w3.org/2000/svg}text"
_DESCRIPTION = "{http://purl.org/dc/elements/1.1/}description"


def write(root: Path) -> list[str]:
    """Write the three; returns their names."""
    texts = contents(root) | {DRAWING: svg(read_chapters(root))}
    for name, text in texts.items():
        write_text(root / name, text)
    return sorted(texts)


def contents(root: Path) -> dict[str, str]:
    """The pages, whole, as they should be."""
    readme = (root / "README.md").read_text(encoding="utf-8")
    if readme.count(BEGIN) != 1 or readme.count(END) != 1:
        raise CourseError(f"README.md: wanted one line {BEGIN}, and one {END}")
    before, _, rest = readme.partition(BEGIN)
    after = rest.partition(END)[2]
    part = readme_part(read_chapters(root))
    return {
        "README.md": f"{before}{BEGIN}\n\n{part}\n\n{END}{after}",
        "docs/status.md": status.page(root),
    }


def readme_part(chapters: Mapping[str, Chapter]) -> str:
    """The drawing and the paths."""
    rows = []
    for path in paths.PATHS:
        units = paths.plan(path, chapters)
        goals = ", ".join(path.goals)
        what = f"the way to {goals}" if goals else "every chapter"
        what += ", with assignments" if path.assignments else ", without assignments"
        rows.append([f"**{path.name}**", what, paths.summary(path, units).partition(": ")[2]])
    return f"![What depends on what]({DRAWING})\n\n" + markdown.table(
        ["path", "what", "measured"], rows
    )


def described(chapters: Mapping[str, Chapter]) -> str:
    """The arrows of the drawing, in words, for those who cannot see it."""
    return ", ".join(f"{a} before {b}" for a, b in direct(chapters))


def marked(chapters: Mapping[str, Chapter]) -> list[str]:
    """The chapters of the first path, which the drawing shows in colour."""
    return needed(chapters, paths.PATHS[0].goals)


def svg(chapters: Mapping[str, Chapter]) -> str:
    """The drawing: the same text each time, with the same version of Matplotlib."""
    import matplotlib.pyplot as plt

    from aimodels.course.drawing import draw

    plain = {"svg.fonttype": "none", "svg.hashsalt": "aimodels", "figure.facecolor": "white"}
    facts = {"Date": None, "Title": "What depends on what", "Description": described(chapters)}
    with plt.rc_context(plain):
        figure = draw(chapters, marked(chapters)).figure
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata=facts)
        plt.close(figure)
    return re.sub(r"[ \t]+$", "", file.getvalue(), flags=re.MULTILINE)


def shown(drawing: str) -> tuple[str, list[str]]:
    """What a drawing says of itself, and its texts: what any version of Matplotlib writes."""
    tree = ElementTree.fromstring(drawing)
    found = {
        kind: ["".join(e.itertext()).strip() for e in tree.iter(kind)]
        for kind in (_TEXT, _DESCRIPTION)
    }
    return found[_DESCRIPTION][0], found[_TEXT]
