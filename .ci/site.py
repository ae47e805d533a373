"""Hooks of mkdocs.yml: pages of the site that stand elsewhere in the repository.

The README is the first page, and CONTRIBUTING, CHANGELOG and each example that a page links to are pages too.
So the site is whole by itself, and every link in it can be checked.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

ROOT = Path(__file__).parent.parent
PAGES = {
    "index.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "security.md": "SECURITY.md",
    "changelog.md": "CHANGELOG.md",
}
EXAMPLES = "examples/index.md"
NAMES = {theirs: ours for ours, theirs in PAGES.items()} | {"examples/README.md": EXAMPLES}
LINK = re.compile(r"(?<=\]\()([^)#\s]+)(#[^)\s]*)?(?=\))")
REPLIES = re.compile(r"^<!-- replies\n.*?^-->\n+", re.MULTILINE | re.DOTALL)
SHIM = "https://unpkg.com/iframe-worker/shim"
SOURCES = (".py", ".json")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are not in docs/."""
    from mkdocs.structure.files import File

    for name, source in PAGES.items():
        files.append(File.generated(config, name, content=(ROOT / source).read_text("utf-8")))
    readme = (ROOT / "examples/README.md").read_text("utf-8")
    files.append(File.generated(config, EXAMPLES, content=readme))
    for source in sorted((ROOT / "examples").rglob("*")):
        if source.suffix in SOURCES:
            name = source.relative_to(ROOT).as_posix()
            language = "python" if source.suffix == ".py" else "json"
            content = f"# {name}\n\n```{language}\n{source.read_text('utf-8')}\n```\n"
            files.append(File.generated(config, f"{name}.md", content=content))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Return a page with links into the site, and without the replies that its examples run against."""
    root = PAGES.get(page.file.src_uri)
    return LINK.sub(lambda m: target(m[1], page.file.src_uri, root) + (m[2] or ""), REPLIES.sub("", markdown))


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Return a page that takes what search needs in a folder without a server from the site itself."""
    up = "../" * page.url.count("/")
    return output.replace(SHIM, f"{up}assets/iframe-worker.js")


def on_post_template(output_content: str, template_name: str, config: Any) -> str:
    """Return a page without a source, such as that of a wrong address, with the same change."""
    return output_content.replace(SHIM, "assets/iframe-worker.js")


def target(link: str, page: str, root: str | None) -> str:
    """Return a link of a page as it is within the site. root: the page's file if that is not in docs/."""
    if re.match(r"[a-z]+:", link):
        return link
    folder = PurePosixPath("") if root else home(page)
    path = normal(folder / link)
    if str(path) in NAMES:
        inside = PurePosixPath(NAMES[str(path)])
    elif path.parts[:1] == ("docs",):
        inside = path.relative_to("docs")
    elif path.suffix in SOURCES:
        inside = PurePosixPath(f"{path}.md")
    else:
        return link
    up = "../" * (len(PurePosixPath(page).parts) - 1)
    return f"{up}{inside}"


def home(page: str) -> PurePosixPath:
    """Return the folder in the repository of a page of the site."""
    folder = PurePosixPath(page).parent
    return folder if folder.parts[:1] == ("examples",) else "docs" / folder


def normal(path: PurePosixPath) -> PurePosixPath:
    """Return a path without `..`."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    return PurePosixPath(*parts)
