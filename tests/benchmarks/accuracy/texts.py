"""Paragraphs of the page that do not depend on figures."""

__all__ = ["KEPT_APART", "METHODS"]

METHODS = """\
**Ground.** Class 2 against all else on both sides, as in the ISPRS filter test (Sithole and Vosselman 2004): type I is
the share of true ground that was rejected, type II the share of other points taken as ground, total the share of all
points that are wrong, kappa Cohen's. Codes 64 to 67 of IGN's files and noise of the Florida file are left out.

**Buildings.** Class 6, point by point; the two Delft files inside the block that their footprints cover, where
outlines confirm the delivered class 6. *As objects*: points become cells of 1 m (2 m and 4 m where fewer than
4 and 1 points fall into a square metre), a cell is a building if half of its points are, cells that touch are one
object, and an object is found if the other side covers half of its area (after Rutzinger, Rottensteiner, Pfeifer 2009).

**Vegetation** is 3, 4 and 5 as one, **water** 9 and 41 as one. AHN's code 26, civil works, is read as bridge, though
quays and stairs carry it too; the Florida file's code 26 is seabed as in files of before LAS 1.4's bathymetric classes.

**Seabed agreement** is the share of right answers to "is this seabed?" among all points in the water and all points
called seabed. In the Florida file the delivered split is a height threshold, so the figure is agreement, not truth.

**DTM.** Made of the found labels with `twin terrain`'s defaults and compared with the scene's exact ground, cell by
cell of 0.5 m, over all land, filled cells under roofs included. A cell stands for the mean of the exact ground in it.
Where the ground falls more than 45 degrees within a cell, and one cell beside, the cell counts as a cliff's edge; any
height between the lowest and the highest ground in such a cell is right, and the error is the distance from that range.

**Lost** is a building of 50 m² or more of which less than half of the points were found.

**Confidence.** A point is right if its class is the true one, where 0, 1, 3, 4, 5, 14 and 15 count as one class (AHN
leaves trees in 1, countries draw the heights of shrubs elsewhere), and so do 9 and 41. The ISPRS samples know ground
alone, so only points called ground are asked about there."""

KEPT_APART = """\
Regions, never tiles, are kept apart: Delft (NL), Occitanie (FR), Brittany (BR), the ISPRS samples (DE), Florida (US)
and the synthetic scenes (SYN). A model of the learned stage is scored on a region only if it was trained without all
of it. The ISPRS samples are for evaluation alone and no model saw them. Scenes have seeds 100 to 199 for training, 200
to 299 for development and 300 to 399 for this page."""
