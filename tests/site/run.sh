#!/usr/bin/env bash
# run.sh FOLDER MODULES CHECK: makes the site of the documentation in FOLDER. CHECK: "links", every link must lead somewhere;
# "browser", search and dark mode work in Chromium.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(cd "$here/../.." && pwd)
/usr/bin/python3 -c 'import sphinx, myst_parser, furo' 2>/dev/null && command -v doxygen sphinx-build >/dev/null || {
  echo "[skipped] ./dev site installs what makes the site (python3-sphinx, python3-myst-parser, furo, doxygen)"
  exit 77
}
skip() {
  echo "[skipped] $*"
  exit 77
}
if [[ $3 == browser ]]; then
  command -v node >/dev/null || skip "node is missing: install Debian's nodejs"
  command -v chromium >/dev/null || skip "chromium is missing: install Debian's chromium"
  [[ -f $2/playwright-core/package.json && -f $2/axe-core/axe.min.js ]] || skip "playwright-core and axe-core are not in $2: ./dev test fetches it where npm is there"
fi
/usr/bin/python3 "$source/docs/site/build.py" "$1"
if [[ $3 == links ]]; then
  /usr/bin/python3 "$here/check_links.py" "$1/html"
else
  NARROW_PAGE_TEST_MODULES=$2 node "$here/check_site.mjs" "$1/html"
fi
