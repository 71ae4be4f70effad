"""Local zeros: a number with its source is used, a missing one says who publishes it, and nothing is guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from twin.config import load_named, preset_names
from twin.errors import ConfigError, DatumError
from twin.vertical import AP, TP, VerticalDatum, convert_height, epsg_of
from twin.zeros import read_zeros, recorded_zeros

if TYPE_CHECKING:
    from pathlib import Path

ISLANDS = [
    "oshima",
    "toshima",
    "niijima",
    "shikinejima",
    "kozushima",
    "miyakejima",
    "mikurajima",
    "hachijojima",
    "aogashima",
    "chichijima",
    "hahajima",
]


def table(tmp_path: Path, entries: str) -> Path:
    (tmp_path / "zeros.yaml").write_text(f"datums:\n{entries}")
    return tmp_path / "zeros.yaml"


@pytest.mark.parametrize("zero", recorded_zeros().values(), ids=lambda zero: zero.name)
def test_every_recorded_zero_has_a_source_or_says_why_it_has_no_value(zero: object) -> None:
    number, source = getattr(zero, "zero_m"), getattr(zero, "source")  # noqa: B009
    assert (number is None) == (not source)


def test_every_inhabited_island_of_tokyo_is_listed() -> None:
    assert {f"local:{island}" for island in ISLANDS} <= set(recorded_zeros())


@pytest.mark.parametrize("island", ["local:hachijojima", "local:Hachijojima"])
def test_a_value_that_is_not_on_record_is_an_error_that_says_who_publishes_it(island: str) -> None:
    with pytest.raises(DatumError, match=r"no offset.*Hrefconv2024\.isg.*GSI"):
        convert_height(1.0, VerticalDatum(island), TP)


def test_the_tide_table_of_tokyo_begins_at_the_zero_of_the_harbour_within_a_centimetre() -> None:
    chart = VerticalDatum("local:tokyo-tide-table")
    assert convert_height(0.0, chart, TP) == pytest.approx(-1.141)
    assert abs(convert_height(0.0, chart, AP)) < 0.01


def test_a_zero_known_above_one_geoid_is_not_compared_with_another() -> None:
    chart = VerticalDatum("local:tokyo-tide-table")
    assert convert_height(1.141, chart, VerticalDatum("TP", "JGD2024")) == pytest.approx(0.0)
    with pytest.raises(DatumError, match="different epochs"):
        convert_height(0.0, chart, VerticalDatum("TP", "JGD2011"))


def test_a_chain_of_zeros_adds_up_there_and_back(tmp_path: Path) -> None:
    path = table(tmp_path, "  local:quay: {above: 'local:port', zero_m: 0.5, source: a}\n"
                           "  local:port: {above: AP, zero_m: -0.1, source: b}\n")  # fmt: skip
    zeros, quay = read_zeros(path), VerticalDatum("local:quay")
    assert convert_height(1.0, quay, TP, zeros) == pytest.approx(1.0 + 0.5 - 0.1 - 1.1344)
    assert convert_height(convert_height(1.0, quay, TP, zeros), TP, quay, zeros) == pytest.approx(1.0)


def test_a_zero_above_itself_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path, "  local:a: {above: 'local:b', zero_m: 1, source: s}\n"
                           "  local:b: {above: 'local:a', zero_m: 1, source: s}\n")  # fmt: skip
    with pytest.raises(DatumError, match="above itself"):
        convert_height(0.0, VerticalDatum("local:a"), TP, read_zeros(path))


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ("  local:a: {zero_m: 1.0}\n", "without its source"),
        ("  local:a: {zero_m: null}\n", "publisher"),
        ("  local:a: {zero_m: 113.4, source: s}\n", "metres between"),
        ("  local:a: {zero_m: high, source: s}\n", "could not convert"),
        ("  local:a: {zero_m: 1.0, source: s, above: MSL}\n", "unknown vertical datum"),
        ("  local:a: {zero_m: 1.0, sauce: s}\n", "unknown key 'sauce'"),
        ("  Local:A: {zero_m: 1.0, source: s}\n", "small letters"),
        ("  a: {zero_m: 1.0, source: s}\n", "local:<place>"),
        ("  local:a: 1.0\n", "keys and values"),
    ],
)
def test_a_table_that_says_something_else_is_refused_by_entry(tmp_path: Path, entries: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        read_zeros(table(tmp_path, entries))
    assert "local:a" in str(caught.value).lower() or "datums.a" in str(caught.value)


def test_our_tables_hold_only_what_the_reader_knows() -> None:
    assert sum(len(load_named("datums", name)[0]["datums"]) for name in preset_names("datums")) == len(recorded_zeros())


@pytest.mark.parametrize(
    ("text", "code"), [("EPSG:11317", 11317), ("TP@JGD2024", 11317), ("TP", 6695), ("EPSG:5709", 5709), ("AP", None)]
)
def test_a_datum_has_the_code_that_names_its_geoid(text: str, code: int | None) -> None:
    assert epsg_of(VerticalDatum.parse(text)) == code


def test_a_code_that_names_its_geoid_contradicts_another() -> None:
    assert VerticalDatum.parse("EPSG:11317") == VerticalDatum("TP", "JGD2024")
    with pytest.raises(DatumError, match="JGD2024"):
        VerticalDatum.parse("EPSG:11317@JGD2011")
