"""Where a store lies: a folder of this machine, or a prefix of an object store.

============  =================================================================
`places`      one face for both: read, list, remove, publish
`objects`     a key in an object store; the connection and its errors
`lease`       one writer at a time where there is no file lock
`shared`      the manifest: one writes, many read, nobody sees an old one
`scratch`     this process's folder for what is on its way
============  =================================================================
"""

from tiles.storage.objects import ObjectPath
from tiles.storage.places import (
    Place,
    copy_object,
    fetched,
    files_below,
    in_parallel,
    names_in,
    place_of,
    publish_file,
    publish_folder,
    read_ranges,
    read_tail,
    remove,
    remove_all,
    sizes_below,
)
from tiles.storage.shared import publish, reading_copy, writing_copy, writing_shared
from tiles.storage.zarr_stores import zarr_errors, zarr_store

__all__ = [
    "ObjectPath",
    "Place",
    "copy_object",
    "fetched",
    "files_below",
    "in_parallel",
    "names_in",
    "place_of",
    "publish",
    "publish_file",
    "publish_folder",
    "read_ranges",
    "read_tail",
    "reading_copy",
    "remove",
    "remove_all",
    "sizes_below",
    "writing_copy",
    "writing_shared",
    "zarr_errors",
    "zarr_store",
]
