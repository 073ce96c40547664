"""check_links.py FOLDER: every link of the site's pages leads to a file and an anchor of the site, or to another site, and
nothing that a page loads is of another site.
"""
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(sys.argv[1]).resolve()
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.links, self.loads, self.anchors = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.anchors.update(value for key, value in attrs if key in ("id", "name") and value)
        if tag in LOADED and values.get(LOADED[tag]) and values.get("rel") not in ("canonical", "search"):
            self.loads.append(values[LOADED[tag]])
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])


problems = []
for style in ROOT.rglob("*.css"):
    for target in re.findall(r"url\(['\"]?([^)'\"]+)", style.read_text(encoding="utf-8", errors="replace")):
        if not target.startswith(("data:", "#")) and not (style.parent / urlsplit(target).path).exists():
            problems.append(f"{style.relative_to(ROOT)} loads {target}")
pages = {path: Page(path.read_text(encoding="utf-8", errors="replace")) for path in ROOT.rglob("*.html")}
checked = 0
for path, page in pages.items():
    name = path.relative_to(ROOT)
    for target in page.links + page.loads:
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            if target in page.loads and parts.scheme not in ("data", "javascript"):
                problems.append(f"{name} loads {target}")
            continue
        checked += 1
        file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if file.is_dir():
            file /= "index.html"
        if not file.exists():
            problems.append(f"{name} links to {target}, which does not exist")
        elif parts.fragment and file in pages and "api" not in name.parts and unquote(parts.fragment) not in pages[file].anchors:
            problems.append(f"{name} links to {target}, which has no such anchor")
if len(pages) < 20 or not (ROOT / "searchindex.js").exists() or not (ROOT / "api" / "index.html").exists():
    problems.append(f"the site has {len(pages)} pages, or no search, or no reference")
print("\n".join(problems[:50]) or f"{checked} links of {len(pages)} pages")
sys.exit(1 if problems else 0)
