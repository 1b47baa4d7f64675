"""What the Video Module, the API and vision modules agree on; imports no service.

Inside the repository this package is called ``shared``; installed with ``pip install .`` the very
same folder is the package ``ringcast``. All imports below it are therefore relative.
"""


def __getattr__(name: str) -> str:
    """Look up ``__version__`` where somebody asks for it: that costs some milliseconds."""
    if name == "__version__":
        from .version import version  # noqa: PLC0415 - see above

        return version()
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
