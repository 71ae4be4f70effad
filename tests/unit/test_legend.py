from __future__ import annotations

import numpy as np
import pytest

from twin.config import preset_names
from twin.errors import ConfigError
from twin.legend import DepthLegend, DepthRank, depth_legend


def test_ranks_of_the_hazard_map_guide():
    legend = depth_legend("flood_depth_ja")
    depth = np.array([-1.0, 0.0, np.nan, 0.001, 0.499, 0.5, 3.0, 5.0, 10.0, 20.0, 99.0])
    assert legend.rank_of(depth).tolist() == [0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 6]
    colors = [(247, 245, 169), (255, 216, 192), (255, 183, 183), (255, 145, 145), (242, 133, 201), (220, 122, 220)]
    assert [rank.rgb for rank in legend.ranks] == colors
    assert legend.ranks[1].name("ja") == "0.5m以上3m未満"


def test_the_detailed_edition_keeps_the_colours_of_the_standard_one():
    coarse, fine = depth_legend("flood_depth_ja"), depth_legend("flood_depth_ja_detail")
    same = {rank.upper_m: rank.color for rank in fine.ranks}
    assert all(same[rank.upper_m] == rank.color for rank in coarse.ranks)


@pytest.mark.parametrize("name", [name for name in preset_names("legends") if name.startswith("flood")])
def test_the_colour_table_is_indexed_by_rank(name):
    legend = depth_legend(name)
    table = legend.colors()
    assert table.shape == (len(legend.ranks) + 1, 4)
    assert table[0, 3] == 0
    for rank in legend.ranks:
        assert tuple(table[legend.rank_of(rank.lower_m + 1e-9)][:3]) == rank.rgb


def test_a_legend_with_a_gap_is_refused():
    one = DepthRank(rank=1, lower_m=0, upper_m=1, color="#000000", name_ja="", name_en="")
    two = DepthRank(rank=2, lower_m=2, upper_m=3, color="#000000", name_ja="", name_en="")
    with pytest.raises(ConfigError, match="gaps"):
        DepthLegend(name="x", title_ja="", title_en="", source="", ranks=(one, two))
