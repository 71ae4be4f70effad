"""The report: one HTML file that says what came in, what was made of it, and from what.

=================  ====================================================================
`report.content`   what a report tells, as plain values: no store, no files, no HTML
`report.gather`    a content from a store
`report.maps`      pictures of a content's rasters and outlines
`report.figures`   numbers as people read them
`report.page`      a content and its pictures as one self-contained page
=================  ====================================================================
"""

from viewer.report.content import ReportContent
from viewer.report.gather import gather_report
from viewer.report.page import render_page, write_report

__all__ = ["ReportContent", "gather_report", "render_page", "write_report"]
