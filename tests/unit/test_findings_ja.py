"""Whatever the gate and the header's check say of a file, they say it in Japanese too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from pipelines.ingest.content import content_findings, count_content
from pipelines.ingest.gate import examine
from pipelines.ingest.params import IngestParams
from tiles.las import read_header, read_records
from twin.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

    from twin.acceptance import Finding

_JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
_TOLD = (
    IngestParams(),
    IngestParams(crs="EPSG:6677", vertical="TP"),
    IngestParams(crs="EPSG:2903", vertical="EPSG:8228"),
    IngestParams(vertical="EPSG:5703"),
    IngestParams(vertical="TP", convert=True),
)


def findings_of(path: Path) -> list[Finding]:
    found = [finding for told in _TOLD for finding in examine(path, told).findings]
    try:
        header = read_header(path)
        chunks = [records for _, records in read_records(header)]
    except FormatError:
        return found
    return found + [
        one for chunk in chunks for one in content_findings(header, count_content(chunk, header.point_format))
    ]


@pytest.mark.parametrize("folder", ["edge", "lidar"])
def test_every_finding_about_real_files_names_the_file_in_both_languages(shared_data: Path, folder: str) -> None:
    rules = set()
    for path in sorted((shared_data / folder).glob("*.la[sz]")):
        if path.stat().st_size > 500_000:
            continue
        for finding in findings_of(path):
            rules.add(finding.rule)
            assert finding.message.startswith(path.name), finding
            assert finding.message_ja.startswith(f"{path.name}："), finding
            assert _JAPANESE.search(finding.message_ja.removeprefix(path.name)), finding
    assert rules >= ({"crs", "vertical", "units", "header", "format", "empty"} if folder == "edge" else {"vertical"})
