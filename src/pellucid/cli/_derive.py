"""``pellucid derive``: the formulas of a named thing, and how they follow."""

from typing import Annotated

import typer

from pellucid.cli._app import AsJson, guarded, print_json, screen


@guarded
def derive(
    name: Annotated[
        str | None,
        typer.Argument(help="What to derive, such as conv2d or Adam; all names by default."),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="Where to look for a name of several kinds, such as operation."),
    ] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Write Markdown.", show_default=False)
    ] = False,
    json: AsJson = False,
) -> None:
    """Show a formula, its gradient or update rule, the symbols, shapes, counts, paper and code."""
    if name is None:
        _show_all(json)
        return
    from pellucid import inspection

    found = inspection.derivation(name, kind)
    if json:
        print_json(found.to_dict())
        return
    written = found.to_markdown() if markdown else found.to_text()
    screen().print(written, markup=False)


def _show_all(json: bool) -> None:
    from pellucid import inspection

    names = inspection.derivation_names()
    if json:
        print_json(names)
        return
    out = screen()
    for kind, entries in names.items():
        out.print(f"[bold]{kind}[/bold] ({len(entries)})")
        out.print(f"  {', '.join(entries)}\n", markup=False, soft_wrap=False)
    out.print("One of them: [bold]pellucid derive NAME[/bold]")
