"""The ways to make a pipeline of data that lies in files or comes from a function."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid._checks import check_one_of, check_positive_int
from pellucid.errors import DTypeError

if TYPE_CHECKING:
    from pellucid.data._pipeline import Pipeline
    from pellucid.data._sources import Skipped


class Opening:
    """What ``Dataset`` can be made of beside arrays; each gives a ``Pipeline``."""

    @staticmethod
    def from_npy(x: Any, y: Any = None, sample_weight: Any = None) -> "Pipeline":
        """Read arrays piece by piece from ``.npy`` files, which may be larger than memory.

        Args:
            x: path of a file of shape ``(samples, ...)``; a list or dictionary of paths for several
                inputs.
            y: paths of the targets in the same forms, or None.
            sample_weight: paths of weights, or None.

        Raises:
            DatasetError: if a file is absent or no ``.npy`` file.
            DTypeError: if it does not hold numbers.
            ShapeError: if the numbers of samples differ.
        """
        from pellucid.data._npy import NpyFiles
        from pellucid.data._pipeline import Pipeline

        return Pipeline(NpyFiles(x, y, sample_weight))

    @staticmethod
    def from_folder(
        path: str | Path,
        image_size: int | tuple[int, int] = (224, 224),
        color: str = "rgb",
        labels: bool = True,
        on_error: str = "stop",
    ) -> "Pipeline":
        """Read images from a folder with one folder for each class: ``photos/cat/1.jpg``.

        The classes are numbered in the order of their names, which ``class_names`` gives. Of each
        image the middle is taken that has the proportions asked for, and scaled.

        Args:
            path: the folder.
            image_size: (height, width) of the result, or one number for both.
            color: ``"rgb"`` or ``"grey"``.
            labels: False takes all images below the folder, without classes.
            on_error: ``"stop"`` raises for the first image that cannot be read, ``"skip"`` leaves
                such images out; ``skipped`` counts them, and a warning at the end of each pass.

        Returns:
            x: uint8 ``(height, width, 3)``, or 1 channel for ``"grey"``; y: int32, the class.

        Raises:
            DataError: if there is no image, an empty class, or fewer than two classes.
            DatasetError: if there is no such folder, or (when read) for a bad image.
        """
        from pellucid.data._folders import images
        from pellucid.data._pipeline import Pipeline

        skipped = _skipped("from_folder", on_error)
        return Pipeline(images("from_folder", Path(path), image_size, color, labels, skipped))

    @staticmethod
    def from_audio(
        path: str | Path,
        sampling_rate: int | None = None,
        seconds: float | None = None,
        labels: bool = True,
        on_error: str = "stop",
    ) -> "Pipeline":
        """Read sounds from a folder with one folder for each class: ``words/yes/1.wav``.

        WAV files of whole numbers need no package; others need ``pellucid[audio]``.

        Args:
            path: the folder.
            sampling_rate: samples a second that every file must have; None takes any.
            seconds: the length that sounds are cut or filled with silence to; None keeps theirs.
            labels: False takes all sounds below the folder, without classes.
            on_error: ``"stop"`` raises for the first bad file, ``"skip"`` leaves such files out.

        Returns:
            x: float32 ``(samples, 1)`` in [-1, 1], the mean of the channels; y: int32, the class.

        Raises:
            DataError, DatasetError: as in ``from_folder``; also for another sampling rate.
        """
        from pellucid.data._folders import sounds
        from pellucid.data._pipeline import Pipeline

        skipped = _skipped("from_audio", on_error)
        return Pipeline(sounds("from_audio", Path(path), sampling_rate, seconds, labels, skipped))

    @staticmethod
    def from_text(path: str | Path, labels: bool = True, on_error: str = "stop") -> "Pipeline":
        """Read texts: the lines of a file, or the files of a folder by class.

        The rows are strings: ``preprocess(TextVectorization(...).fit(...))`` makes numbers of them.

        Args:
            path: a UTF-8 file, each line of which that is not blank is a row; or a folder with one
                folder of ``.txt`` files for each class, each file of which is a row.
            labels: False takes all texts below a folder, without classes.
            on_error: ``"stop"`` raises for the first bad file of a folder, ``"skip"`` leaves such
                files out.

        Raises:
            DataError, DatasetError: as in ``from_folder``; also for a file that is not UTF-8.
        """
        from pellucid.data._folders import Lines, texts
        from pellucid.data._pipeline import Pipeline

        skipped = _skipped("from_text", on_error)
        if Path(path).is_dir():
            return Pipeline(texts("from_text", Path(path), labels, skipped))
        return Pipeline(Lines(Path(path)))

    @staticmethod
    def from_csv(
        path: str | Path,
        target: str | None = None,
        columns: Sequence[str] | None = None,
        types: Mapping[str, str] | None = None,
        classes: Sequence[str] | None = None,
        missing: float | None = None,
        delimiter: str = ",",
        encoding: str = "utf-8",
        on_error: str = "stop",
    ) -> "Pipeline":
        """Read the rows of a CSV file, of any size, with the names of the columns on top.

        What a column holds is told by ``types``, else by the first 1,000 rows: ``"number"``,
        ``"integer"`` (targets alone) or ``"category"``. If all columns hold numbers, x is a matrix;
        else it is a dictionary with a column of numbers or strings for each name, which
        ``preprocess(TableColumns().fit(...))`` turns into a matrix.

        Args:
            path: the file.
            target: the column to learn: numbers stay numbers, whole ones and classes become int32.
            columns: the columns to learn from; None for all but the target.
            types: what columns hold, by name.
            classes: the classes of the target in order; None finds them, in order of their names.
            missing: the number for an entry that is absent; None refuses such entries.
            delimiter: what separates entries.
            encoding: how characters are written, such as ``"gb18030"``.
            on_error: ``"stop"`` raises for the first bad row with file, line and column; ``"skip"``
                leaves such rows out.

        Raises:
            UnknownNameError: for a column that is not there.
            DataError: if there is no row, or a target of one class; when read, for a bad row.
            DatasetError: if there is no such file.
        """
        from pellucid.data._pipeline import Pipeline
        from pellucid.data._tables import Csv, Wanted

        skipped = _skipped("from_csv", on_error)
        wanted = Wanted("from_csv", target, columns, types or {}, missing, classes)
        return Pipeline(Csv(Path(path), wanted, delimiter, encoding, skipped))

    @staticmethod
    def from_parquet(
        path: str | Path,
        target: str | None = None,
        columns: Sequence[str] | None = None,
        types: Mapping[str, str] | None = None,
        classes: Sequence[str] | None = None,
        missing: float | None = None,
    ) -> "Pipeline":
        """Read the rows of a Parquet file, or of a folder of them; needs ``pellucid[parquet]``.

        Args:
            path: the file, or a folder of ``.parquet`` files of the same columns.
            target: as in ``from_csv``, here and below; types are those of the file.
            columns: the columns to learn from.
            types: what columns hold, by name, where that is not what the file says.
            classes: the classes of the target in order.
            missing: the number for an entry that is absent; None refuses such entries.

        Raises:
            UnknownNameError, DataError, DatasetError: as in ``from_csv``.
            NotReadyError: if pyarrow is not installed.
        """
        from pellucid.data._parquet import Parquet
        from pellucid.data._pipeline import Pipeline
        from pellucid.data._tables import Wanted

        wanted = Wanted("from_parquet", target, columns, types or {}, missing, classes)
        return Pipeline(Parquet(Path(path), wanted))

    @staticmethod
    def from_generator(
        function: Callable[[], Iterator[Any]], length: int | None = None
    ) -> "Pipeline":
        """Read the samples that a generator function yields.

        Args:
            function: returns a new iterator of samples each time that it is called: ``x``, or as
                tuples ``(x, y)`` or ``(x, y, sample_weight)``. It must give the same samples again
                for ``restore`` to be exact.
            length: how many there are, if that is known.
        """
        from pellucid.data._pipeline import Pipeline
        from pellucid.data._sources import Function

        if isinstance(function, Iterator) or not callable(function):
            raise DTypeError(
                "from_generator expected a function that returns a new iterator for every pass, "
                f"got {type(function).__name__}; pass the generator function itself, without "
                "calling it."
            )
        if length is not None:
            check_positive_int("from_generator", "length", length)
        return Pipeline(Function(function, length))


def _skipped(who: str, on_error: str) -> "Skipped | None":
    """Return where bad rows are noted, None if the first one stops."""
    from pellucid.data._sources import Skipped

    check_one_of(who, "on_error", on_error, ("stop", "skip"))
    return Skipped() if on_error == "skip" else None
