"""What holds for all tests."""


def pytest_make_parametrize_id(config, val, argname):
    """Name bytes by their length: compressed ones differ from run to run by the time in them."""
    return f"{argname} of {len(val)} bytes" if isinstance(val, bytes) else None
