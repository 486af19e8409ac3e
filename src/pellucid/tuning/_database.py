"""A search kept by PostgreSQL, for processes on several machines.

Advisory locks of the server take the place of file locks: they belong to a connection, and end with
it, whatever happens to the process or its machine.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pellucid.errors import ArgumentError, NotReadyError, RunError
from pellucid.tuning._journal import optuna

STORAGE = "PELLUCID_STORAGE"
"""The variable that tells processes the address, which may hold a password."""


class Database:
    """Where the processes of several machines meet.

    Args:
        address: such as ``"postgresql://user:password@host/database"``.
        name: that of the search, the same on all machines.

    Raises:
        ArgumentError: the address is not one of PostgreSQL.
        NotReadyError: its driver is not installed.
        RunError: the server does not answer.
    """

    def __init__(self, address: str, name: str) -> None:
        optuna()
        import sqlalchemy

        self.name = name
        self._failures = sqlalchemy.exc.SQLAlchemyError
        try:
            url = sqlalchemy.make_url(address)
        except sqlalchemy.exc.ArgumentError:
            url = None
        if url is None or url.get_backend_name() != "postgresql":
            raise ArgumentError(
                "tune expected the address of a PostgreSQL database as storage, such as "
                "postgresql://user:password@host/database; leave it out to keep the search in its "
                "folder."
            )
        if url.drivername == "postgresql":  # else the driver depends on SQLAlchemy's version
            url = url.set(drivername="postgresql+psycopg")
        self._address = url.render_as_string(hide_password=False)
        self._place = url.render_as_string(hide_password=True)
        try:
            self._engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
        except (ImportError, self._failures) as error:
            raise NotReadyError(
                f"The driver of {url.drivername} is not installed ({error}); type "
                'pip install "pellucid[postgresql]".'
            ) from None
        with self._answering():
            self._connection = self._engine.connect()

    def storage(self) -> Any:
        """Return Optuna's storage over the database; it leaves no connection open."""
        from sqlalchemy.pool import NullPool

        with self._answering():
            return optuna().storages.RDBStorage(self._address, {"poolclass": NullPool})

    def enter(self, worker: str) -> None:
        """Be present under a name, as long as the connection lives."""
        self._ask("pg_advisory_lock", worker)

    def leave(self) -> None:
        """Be no longer present; a second time does nothing."""
        self._connection.close()
        self._engine.dispose()

    def is_alive(self, worker: str) -> bool:
        """Tell whether another one is present."""
        if not self._ask("pg_try_advisory_lock", worker):
            return True
        self._ask("pg_advisory_unlock", worker)
        return False

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let one process at a time run what is inside."""
        self._ask("pg_advisory_lock", "")
        try:
            yield
        finally:
            self._ask("pg_advisory_unlock", "")

    def _ask(self, function: str, who: str) -> Any:
        """Return what a function of the server says about a worker's lock, or the search's."""
        import sqlalchemy

        digest = hashlib.sha256(f"pellucid {self.name} {who}".encode()).digest()
        key = int.from_bytes(digest[:8], "little", signed=True)
        with self._answering():
            answer = self._connection.execute(
                sqlalchemy.text(f"SELECT {function}(:key)"), {"key": key}
            )
            return answer.scalar()

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except self._failures as error:
            why = str(getattr(error, "orig", error)).strip().partition("\n")[0]
            raise RunError(
                f"The database {self._place} does not answer ({why}); ask for the search again "
                "when it does, and it goes on."
            ) from None
