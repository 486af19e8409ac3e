"""A text of one's own: a file, or the text itself."""

from pathlib import Path

from pellucid.errors import DataError

SUFFIXES = (".txt",)


def read_text(source: str) -> str:
    """Return the text of a file; what is no file is the text.

    Raises:
        DataError: the file is absent, or no text, or there is nothing in it.
    """
    path = Path(source)
    try:
        is_file = path.is_file()
    except OSError:  # too long for a name, so it is a text
        is_file = False
    if not is_file and path.suffix in SUFFIXES and not any(map(str.isspace, source)):
        raise DataError(f"There is no text file {source!r}; correct the path.")
    try:
        text = path.read_text(encoding="utf-8") if is_file else source
    except ValueError as error:
        raise DataError(f"{source!r} cannot be read as text ({error}); save it as UTF-8.") from None
    if not text:
        raise DataError(f"{source!r} holds no text; give it at least one character.")
    return text
