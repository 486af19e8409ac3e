"""What all commands share: the application, its ways of failing, and its two ways of printing.

A command prints for people, with Rich; with ``--json`` it prints one JSON document on standard
output and nothing else there. An error that Pellucid raises on purpose is one sentence on standard
error, with exit code 1; wrong usage has exit code 2, an interruption 130.
"""

import functools
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Annotated, Any, ParamSpec

import typer
from rich.console import Console
from rich.markup import escape

import pellucid
from pellucid.errors import PellucidError

P = ParamSpec("P")

FAILED, INTERRUPTED = 1, 130

app = typer.Typer(
    name="pellucid",
    help="Deep learning in which nothing is a black box.",
    epilog="Start with: pellucid train digits",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AsJson = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON document instead of text.", show_default=False),
]
Runs = Annotated[
    str, typer.Option("--runs", help="The folder in which run folders are made.", metavar="FOLDER")
]


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"pellucid {pellucid.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and stop.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Deep learning in which nothing is a black box."""


def screen() -> Console:
    """Return the console that people read; made anew so that it follows redirections."""
    return Console(highlight=False, soft_wrap=True)


def fail(sentence: str) -> None:
    """Print a sentence in red on standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]{escape(sentence)}[/red]")


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Turn the errors that a person can do something about into one sentence and an exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt as interruption:
            fail(str(interruption) or "Stopped.")
            raise typer.Exit(INTERRUPTED) from None
        except PellucidError as error:
            fail(str(error))
            raise typer.Exit(FAILED) from None
        except OSError as error:
            if isinstance(error, BrokenPipeError) or not error.filename:
                raise
            fail(f"{error.strerror}: {str(error.filename)!r}.")
            raise typer.Exit(FAILED) from None

    return run


@contextmanager
def only_json(wanted: bool) -> Iterator[None]:
    """Where ``--json`` is wanted, send everything else that is printed to standard error."""
    if not wanted:
        yield
        return
    with redirect_stdout(sys.stderr):
        yield


def print_json(content: Any) -> None:
    """Print a document on standard output."""
    print(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))
