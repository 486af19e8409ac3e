"""The command line: ``pellucid train digits``. It parses, calls the library and prints.

Each command is one file here. Whatever a command does, Python can do with the room it calls.
"""

from pellucid.cli import (
    _compare,
    _data,
    _derive,
    _diagnose,
    _doctor,
    _explain,
    _export,
    _list,
    _predict,
    _receptive_field,
    _replay,
    _report,
    _resume,
    _runs,
    _train,
    _tune,
    _worksheet,
)
from pellucid.cli._app import app

__all__ = ["app", "main"]

app.command("train")(_train.train)
app.command("resume")(_resume.resume)
app.command("runs")(_runs.runs)
app.command("compare")(_compare.compare)
app.command("tune")(_tune.tune)
app.command("predict")(_predict.predict)
app.command("list")(_list.list_recipes)
app.command("worksheet")(_worksheet.worksheet)
app.command("explain")(_explain.explain)
app.command("export")(_export.export)
app.command("report")(_report.report)
app.command("receptive-field")(_receptive_field.receptive_field)
app.command("replay")(_replay.replay)
app.command("derive")(_derive.derive)
app.command("diagnose")(_diagnose.diagnose)
app.add_typer(_data.commands, name="data")
app.command("doctor")(_doctor.doctor)


def main() -> None:
    """Run the command line with the arguments of this process."""
    app(prog_name="pellucid")
