"""build.py OUTPUT: makes the site of the documents in OUTPUT/html.

The pages are those of docs/README.md, whose headings are the parts of the navigation. Links to files of the repository that
are no page become their names; JSON Schemas are copied. Sphinx warns of a link or an anchor that is not there, and each warning is an error.
Doxygen adds the reference of the public headers, in OUTPUT/html/api.
"""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
INDEX = ROOT / "docs" / "README.md"
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")


def parts():
    """The navigation: [(heading, [(title, file), ...]), ...]."""
    found = []
    for line in INDEX.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            found.append((line[3:], []))
        elif match := re.fullmatch(r"- \[(.*)\]\((.*)\)", line):
            found[-1][1].append((match[1], (INDEX.parent / match[2]).resolve()))
    return found


def page_of(file):
    """The name of a document in the site."""
    names = {ROOT / "README.md": "overview.md", ROOT / "models/README.md": "models.md", INDEX: "index.md"}
    if file in names:
        return names[file]
    if file.parent == ROOT:
        return file.name.lower()
    inside = file.relative_to(ROOT / "docs").as_posix()
    return inside.replace("README.md", "index.md")


def documents():
    files = {file for _, pages in parts() for _, file in pages}
    return files | set((ROOT / "docs").glob("decisions/*.md")) | {INDEX}


def rewritten(text, file, pages, extra):
    """The text with links that hold in the site. Code is left alone."""
    name = page_of(file)

    def link(match):
        image, words, target = match.groups()
        if re.match(r"[a-z]+:", target) or target.startswith("#"):
            return match[0]
        path, _, anchor = target.partition("#")
        to = (file.parent / path).resolve()
        if to.is_dir() and to / "README.md" in pages:
            to = to / "README.md"
        up = os.path.relpath(".", os.path.dirname(name) or ".")
        if to in pages:
            relative = os.path.relpath(page_of(to), os.path.dirname(name) or ".")
            return f"{image}[{words}]({relative}{'#' + anchor if anchor else ''})"
        if to.suffix == ".json":
            extra.add(to)
            return f'<a href="{up}/schemas/{to.name}">{words}</a>'
        return words if "`" in words else f"`{words}`" if re.fullmatch(r"[\w./-]+", words) else words

    # Fenced blocks and code between backticks stay as they are, but code that is the text of a link.
    pieces = re.split(r"(^```.*?^```$)", text, flags=re.M | re.S)
    return "".join(piece if piece.startswith("```") else LINK.sub(link, piece) for piece in pieces)


def index():
    """The first page: docs/README.md with the navigation."""
    lines = ["# Narrow", "", "Integer inference for image-classification networks on x86 and ARM CPUs, with 8 down to 2 bits.", ""]
    for heading, pages in parts():
        lines += [f"## {heading}", "", "```{toctree}", ":maxdepth: 1", f":caption: {heading}", ""]
        lines += [f"{title} <{page_of(file)[:-3]}>" for title, file in pages]
        lines += ["```", ""]
    lines += ["## Reference", "", '<p><a href="api/index.html">The C++ and C interfaces</a>, by Doxygen.</p>', ""]
    return "\n".join(lines)


def run(*command, **options):
    result = subprocess.run(command, check=False, capture_output=True, text=True, **options)
    said = (result.stdout + result.stderr).strip()
    if result.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{said}")
    return said


def complete(static):
    """Completes the theme as Debian builds it. Its style imports a file of the web server, and its dark colours hold for the
    button alone and not where the system is dark. Its script is a module, which a page of a file can't load.
    """
    style = static / "styles" / "furo.css"
    text = style.read_text(encoding="utf-8")
    normalize = Path("/usr/share/javascript/normalize.css/normalize.css")
    normal = normalize.read_text(encoding="utf-8") if normalize.exists() else ""
    text = re.sub(r"@import url\(/javascript/[^)]*\);", lambda _: normal, text)
    dark = re.search(r'body\[data-theme="dark"\] \{([^}]*)\}', text)
    if dark and "prefers-color-scheme" not in text:
        text += '@media not print { @media (prefers-color-scheme: dark) { body:not([data-theme="light"]) {' + dark[1] + "} } }\n"
    style.write_text(text, encoding="utf-8")

    script, imported = static / "scripts" / "furo.js", static / "scripts" / "gumshoe-patched.js"
    text = script.read_text(encoding="utf-8")
    alone = re.sub(r'^import Gumshoe from "./gumshoe-patched.js";$', "", text, flags=re.M)
    if alone != text:
        script.write_text(imported.read_text(encoding="utf-8") + alone, encoding="utf-8")


def make_accessible(html):
    """What screen readers need and Sphinx and Doxygen leave out: levels of headings, the language, names of fields. Blocks
    of code and tables that scroll can be reached by the keyboard.
    """
    menu = html / "api" / "menu.js"  # writes the field of the search
    for file in [*html.rglob("*.html"), menu]:
        text = file.read_text(encoding="utf-8")
        text = text.replace('class="caption" role="heading"', 'class="caption" role="heading" aria-level="2"')
        text = re.sub(r"<pre>", '<pre tabindex="0">', text)
        text = text.replace('<table class="docutils', '<table tabindex="0" class="docutils')
        text = re.sub(r"<html (?![^>]*lang=)", '<html lang="en" ', text)
        text = text.replace('id="MSearchField"', 'id="MSearchField" aria-label="Search"')
        file.write_text(text, encoding="utf-8")


def main():
    output = Path(sys.argv[1]).resolve()
    source, html = output / "source", output / "html"
    for folder in (source, html):
        shutil.rmtree(folder, ignore_errors=True)
    pages, extra = documents(), set()
    for file in pages:
        target = source / page_of(file)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = index() if file == INDEX else rewritten(file.read_text(encoding="utf-8"), file, pages, extra)
        if target.name == "index.md" and target.parent != source:
            names = sorted(page_of(other).rpartition("/")[2][:-3] for other in pages if other.parent == file.parent and other != file)
            text += "\n```{toctree}\n:hidden:\n\n" + "\n".join(names) + "\n```\n"
        target.write_text(text, encoding="utf-8")
    shutil.copy(HERE / "conf.py", source)
    (source / "static").mkdir()
    shutil.copy(HERE / "site.css", source / "static")
    (source / "extra" / "schemas").mkdir(parents=True)
    for file in extra:
        shutil.copy(file, source / "extra" / "schemas")
    run("sphinx-build", "-b", "html", "-W", "--keep-going", "-q", "-d", str(output / "doctrees"), str(source), str(html))

    complete(html / "_static")

    settings = (HERE / "Doxyfile").read_text(encoding="utf-8")
    settings += f"\nOUTPUT_DIRECTORY = {html}\nINPUT = {ROOT}/include\nSTRIP_FROM_PATH = {ROOT}/include\n"
    settings += f"HTML_EXTRA_STYLESHEET = {HERE}/api.css\n"
    settings += f'INPUT_FILTER = "{sys.executable} {HERE}/doxygen_filter.py"\n'
    said = run("doxygen", "-", input=settings)
    if said:
        print(said)
    make_accessible(html)
    print(f"site: {html}/index.html")


main()
