"""Sphinx's settings for the site that build.py makes. Nothing is fetched: theme and search are files of the site."""
project = "Narrow"
author = "The Narrow authors"
copyright = "The Narrow authors"  # noqa: A001  (Sphinx's name)
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "Narrow"
html_show_sphinx = False
pygments_style = "xcode"  # enough contrast on the paper of the theme
# Searching from files can't read other pages.
html_show_search_summary = False
html_copy_source = False
html_show_sourcelink = False
html_extra_path = ["extra"]
html_static_path = ["static"]
html_css_files = ["site.css"]
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b5cad", "color-brand-content": "#0b5cad"},
    "dark_css_variables": {"color-brand-primary": "#7db7f5", "color-brand-content": "#7db7f5"},
}
# Anchors are those of GitHub, to which the pages link.
myst_heading_anchors = 4
# The pages begin with one heading, and code blocks of shells and C++ need not be complete.
suppress_warnings = ["myst.header", "misc.highlighting_failure"]
