"""Counting what XLA compiles."""

import contextlib

import jax


@contextlib.contextmanager
def compilations():
    """Count the programs that XLA compiles inside the block."""
    names = []

    def listen(event, duration, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            names.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield names
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
