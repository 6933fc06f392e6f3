"""The book: every lesson as a web page, made by `make book` (Sphinx reads the built notebooks)."""

project = "aimodels"
author = "the aimodels authors"
extensions = ["myst_nb", "sphinxcontrib.bibtex", "sphinx-mathjax-offline"]
root_doc = "docs/index"
include_patterns = ["docs/*.md", "chapters/00_start.ipynb", "chapters/*/lesson.ipynb"]
include_patterns += ["CONTRIBUTING.md"]
html_theme = "sphinx_book_theme"
html_title = "aimodels"
nb_render_markdown_format = "myst"  # of outputs: they have tables and links
nb_execution_mode = "off"  # the notebooks are executed, compared and committed already
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 2
bibtex_bibfiles = ["references.bib"]
