"""One stage a module or folder: pure kernels on arrays with frozen parameters, and the one file that knows Dask."""
