"""The command table, and the options that all commands share."""

# Annotations are read at run time by typer, so they are not postponed here.
import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from twin.cli.session import CommonOptions, run_command

__all__ = ["StorePath", "build_app", "command"]

StorePath = Annotated[
    str, typer.Argument(help="Folder of the store, or s3://BUCKET/PREFIX; STORE#2024 is its epoch 2024.")
]
"""The argument of every command that reads or writes a store."""

_COMMON: dict[str, Any] = {
    "as_json": (bool, typer.Option("--json", help="Print one JSON object on the last line of stdout."), False),
    "progress": (str, typer.Option(help="bar, plain, json or none; auto is a bar on a terminal."), "auto"),
    "workers": (int, typer.Option(help="Number of workers; 0 is one per core."), 0),
    "memory": (str, typer.Option(help="Memory per worker, such as 4GB."), "4GB"),
    "scheduler": (str, typer.Option(help="Address of a running Dask scheduler."), ""),
    "wait": (float, typer.Option(help="Seconds to wait for a worker of --scheduler."), 120.0),
    "executor": (str, typer.Option(help="sequential, threads or dask."), ""),
    "overrides": (list[str], typer.Option("--set", help="Override one parameter: stage.param=value."), []),
}


def command(app: typer.Typer, name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register ``function(session, ...)`` as a command that also takes the common options."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(function).parameters.values())[1:]
        shared = [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])
            for key, (kind, option, default) in _COMMON.items()
        ]

        @wraps(function)
        def wrapper(**values: Any) -> None:
            options = CommonOptions(**{key: values.pop(key) for key in _COMMON})
            full_name = f"{app.info.name} {name}" if app.info.name not in (None, "twin") else name
            raise typer.Exit(run_command(full_name, options, lambda session: function(session, **values)))

        parameters = [*own, *shared]
        wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        app.command(name, help=inspect.cleandoc(function.__doc__ or ""))(wrapper)
        return function

    return register


def build_app() -> typer.Typer:
    """Return the whole command line."""
    from twin import __version__
    from twin.cli import commands_data, commands_live, commands_output, commands_project, commands_stage

    app = typer.Typer(
        name="twin",
        help="Survey files in; terrain, city model, flood overlays and a live viewer out.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )

    @app.callback(invoke_without_command=True)
    def root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
        if version:
            print(__version__)
            raise typer.Exit

    for module in (commands_project, commands_data, commands_stage, commands_output, commands_live):
        module.register(app)
    return app
