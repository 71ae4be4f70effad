"""Reports, each one HTML file: of a store (what came in, what was made of it) and of a delivery's acceptance.

=========================  ====================================================================
`report.content`           what a store's report tells, as plain values: no store, no files, no HTML
`report.gather`            a content from a store
`report.maps`              pictures of a content's rasters and outlines
`report.page`              a content and its pictures as one self-contained page
`report.acceptance`        a delivery's report (`twin.acceptance`) as one self-contained page
`report.acceptance_view`   its layout: what comes first, what is grouped, which pictures find room
`report.acceptance_words`  what it calls things, in Japanese and English
`report.acceptance_facts`   its facts and requirements as rows
`report.acceptance_strips`  its flight strips: time line, and pairs of them
`report.mapsvg`            a map picture as SVG
`report.chartsvg`          a chart as SVG
`report.figures`           numbers as people read them
`report.pages`             what all pages share
=========================  ====================================================================
"""

from viewer.report.acceptance import render_acceptance, write_acceptance
from viewer.report.content import ReportContent
from viewer.report.gather import gather_report
from viewer.report.page import render_page, write_report

__all__ = ["ReportContent", "gather_report", "render_acceptance", "render_page", "write_acceptance", "write_report"]
