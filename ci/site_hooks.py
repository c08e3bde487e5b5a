"""What mkdocs calls while it builds the site: docs/notebook.ipynb becomes a page of it."""

from __future__ import annotations

import json
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

NOTEBOOK, PAGE = "notebook.ipynb", "notebook.md"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page, with the outputs as they were saved."""
    notebook = files.get_file_from_path(NOTEBOOK)
    assert notebook is not None
    files.append(File.generated(config, PAGE, content=page_of(json.loads(notebook.content_string))))
    return files


def on_page_markdown(
    markdown: str,
    page: Page,
    config: MkDocsConfig,  # noqa: ARG001 (mkdocs gives it)
    files: Files,  # noqa: ARG001 (mkdocs gives them)
) -> str:
    """Links to the notebook, which lead to its file in the repository, lead to its page here."""
    own = page.file.src_uri == PAGE
    return markdown if own else markdown.replace(f"({NOTEBOOK})", f"({PAGE})")


def page_of(notebook: dict[str, Any]) -> str:
    """A notebook as Markdown."""
    parts = [part for cell in notebook["cells"] for part in _parts(cell)]
    return "\n\n".join([*parts, f"[The notebook itself]({NOTEBOOK}), to run it.\n"])


def _parts(cell: dict[str, Any]) -> list[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return [source]
    return [f"```python\n{source}\n```", *map(_shown, cell["outputs"])]


def _shown(output: dict[str, Any]) -> str:
    """An output: as HTML if it is that, else as text."""
    data = output.get("data", {"text/plain": output.get("text", "")})
    if "text/html" in data:
        html = "".join(data["text/html"])
        return "<div>" + "\n".join(line for line in html.splitlines() if line.strip()) + "</div>"
    return f"```text\n{''.join(data['text/plain']).rstrip()}\n```"
