"""Writers of the formats that `twin export` knows: each makes one format of a job, and counts what it wrote."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from pipelines.runs import latest_run
from twin.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tiles.citygml import CityGmlParams
    from tiles.flood import FloodResult
    from tiles.mesh import MeshFacts
    from tiles.store import Store
    from twin.cli.export_job import Job

__all__ = ["citygml", "citygml3", "cityjson", "cityjsonseq", "cog", "gltf", "gpkg", "laz", "obj", "tiles3d"]


def _sized(path: Path, **counts: int) -> dict[str, int]:
    return {"files": 1, "bytes": path.stat().st_size, **counts}


def cityjson(job: Job) -> Mapping[str, Any]:
    """Write the model as one CityJSON document."""
    from tiles.cityjson import write_cityjson

    facts = write_cityjson(job.out, chain(job.buildings(), job.objects()), **job.described())
    return _sized(job.out, buildings=facts.buildings, objects=facts.objects)


def cityjsonseq(job: Job) -> Mapping[str, Any]:
    """Write the model as CityJSONSeq."""
    from tiles.cityjson import write_cityjsonseq

    facts = write_cityjsonseq(job.out, chain(job.buildings(), job.objects()), **job.described())
    return _sized(job.out, buildings=facts.buildings, objects=facts.objects)


def gltf(job: Job) -> Mapping[str, Any]:
    """Write the model as one binary glTF."""
    from tiles.mesh import write_glb

    if job.out.suffix.lower() == ".gltf":
        raise ConfigError(f"{job.out}: glTF is written as one binary file; name it {job.out.with_suffix('.glb').name}")
    return _meshes(job, write_glb)


def obj(job: Job) -> Mapping[str, Any]:
    """Write the model as OBJ, with its materials and its origin beside it."""
    from tiles.mesh import write_obj

    return _meshes(job, write_obj)


def _meshes(job: Job, write: Callable[..., MeshFacts]) -> Mapping[str, Any]:
    store, lineage = job.store, job.described()["lineage"]
    items = chain(job.buildings(), job.objects())
    made = write(job.out, items, crs=store.crs, vertical=store.vertical, lineage=lineage)
    n_bytes = sum(path.stat().st_size for path in made.files)
    return {"files": len(made.files), "bytes": n_bytes, "buildings": made.buildings, "objects": made.objects}


def citygml(job: Job) -> Mapping[str, Any]:
    """Write the model as PLATEAU's standard 5 has it: CityGML 2.0 with i-UR 3.2, unless another version is set."""
    from tiles.citygml import CityGmlParams

    return _citygml(job, job.settings.params("citygml", CityGmlParams))


def citygml3(job: Job) -> Mapping[str, Any]:
    """Write the model as PLATEAU's standard 6 has it: CityGML 3.0 with i-UR 4.0."""
    from tiles.citygml import CityGmlParams

    return _citygml(job, replace(job.settings.params("citygml", CityGmlParams), version="3.0"))


def _citygml(job: Job, params: CityGmlParams) -> Mapping[str, Any]:
    from tiles.citygml import write_citygml

    made = job.store.manifest.latest_run("model")
    day = made.finished_at[:10] if made is not None else ""
    dated = replace(params, created=params.created or day)
    items = chain(job.buildings(), job.objects())
    facts = write_citygml(job.out, items, crs=job.store.crs, vertical=job.store.vertical, params=dated)
    return {"files": facts.files, "bytes": facts.bytes, "buildings": facts.buildings, "objects": facts.objects}


def tiles3d(job: Job) -> Mapping[str, Any]:
    """Write points, and the model if there is one, as 3D Tiles."""
    from tiles.tiles3d import BuildingTileParams, PointTileParams, export_buildings, export_points

    store, out = job.store, job.out
    labels = store.manifest.latest_run("classify")
    params = PointTileParams(geoid_separation_m=job.geoid_separation_m, without_classes=(7, 18))
    parts = [export_points(out, store, labels.run if labels else None, params, job.progress)]
    modelled = store.manifest.latest_run("model") is not None
    if modelled and (buildings := [building.at_best() for building in job.buildings()]):
        solid = BuildingTileParams(geoid_separation_m=job.geoid_separation_m, extra=_flood_facts(store))
        parts.append(export_buildings(out, buildings, store.crs, store.vertical, solid, job.progress))
    totals = {key: sum(getattr(part, key) or 0 for part in parts) for key in ("files", "bytes", "points", "buildings")}
    return {**totals, "files": totals["files"] + 1, "bytes": totals["bytes"] + (out / "tileset.json").stat().st_size}


def _flood_facts(store: Store) -> dict[str, dict[str, Any]]:
    """Depth and rank of each building in the newest overlay."""
    from tiles.flood import flood_names, read_flood

    if not flood_names(store):
        return {}
    result = read_flood(store)
    return {
        str(row["id"]): {
            "floodScenario": result.name,
            "floodDepth": float(row["max_depth_m"]),
            "floodRank": int(row["rank"]),
        }
        for _, row in result.buildings.iterrows()
    }


def cog(job: Job) -> Mapping[str, Any]:
    """Write terrain and flood depth, a GeoTIFF each."""
    from tiles.cog import write_cog
    from tiles.flood import flood_names, read_flood
    from tiles.rasters import read_raster

    store, out = job.store, job.out
    out.mkdir(parents=True, exist_ok=True)
    run = latest_run(store, "terrain")
    rasters = {name: read_raster(store, run, name) for name in ("dtm", "dsm", "hag", "density")}
    floods = {f"flood_{name}": read_flood(store, name) for name in flood_names(store)}
    rasters |= {name: result.depth for name, result in floods.items()}
    for name, raster in rasters.items():
        tags = _flood_tags(floods[name]) if name in floods else {}
        unit = "1/m2" if name == "density" else "m"
        write_cog(out / f"{name}.tif", raster, description=name, unit=unit, tags=tags)
    return {"files": len(rasters), "bytes": sum((out / f"{name}.tif").stat().st_size for name in rasters)}


def gpkg(job: Job) -> Mapping[str, Any]:
    """Write outlines with their attributes, roof faces, and what each flood overlay says of the buildings."""
    from tiles.buildings import building_table
    from tiles.flood import flood_names, read_flood
    from tiles.roofs import roof_table
    from tiles.vectors import write_gpkg

    store = job.store
    table = building_table(store, latest_run(store, "model"))
    layers = {"buildings": table.assign(vertical_datum=str(store.vertical))}
    roofs = roof_table(job.buildings(), store.crs.code)
    if len(roofs):
        layers["roof_surfaces"] = roofs.assign(vertical_datum=str(store.vertical))
    for name in flood_names(store):
        result = read_flood(store, name)
        level = _water_level(result)
        layers[f"flood_{name}"] = result.buildings.assign(
            water_level_m=level["height_m"], vertical_datum=str(store.vertical), title=result.summary["title"]["en"]
        )
    write_gpkg(job.out, layers)
    return _sized(job.out, buildings=len(table))


def _water_level(result: FloodResult) -> Mapping[str, Any]:
    """Return the level of an overlay in the store's datum and as given."""
    level: Mapping[str, Any] = result.summary["level"]
    return level


def _flood_tags(result: FloodResult) -> dict[str, str]:
    """Return what a depth raster must say of itself: depth of which water, above which zero."""
    level = _water_level(result)
    return {
        "SCENARIO": result.name,
        "TITLE": result.summary["title"]["en"],
        "WATER_LEVEL_M": f"{level['height_m']:.4f}",
        "WATER_LEVEL_DATUM": str(result.summary["vertical"]),
        "WATER_LEVEL_GIVEN": f"{level['given_m']:.4f} m {level['given_datum']} ({level['source']})",
        "WATER_OBSERVED_AT": level["observed_at"] or "",
    }


def laz(job: Job) -> Mapping[str, Any]:
    """Write points with their labels, a file a tile."""
    from tiles.las_export import export_laz

    labels = job.store.manifest.latest_run("classify")
    files = export_laz(job.store, job.out, labels.run if labels else None, job.progress)
    points = sum(row.n_points for row in job.store.tiles())
    return {"files": len(files), "bytes": sum(path.stat().st_size for path in files), "points": points}
