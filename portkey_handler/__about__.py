"""The version and the name of this package, each in one place."""

__version__ = "0.1.0"
#: The name under which this package was imported: MindsDB imports it below a name of its own.
PACKAGE = __name__.rpartition(".")[0]
