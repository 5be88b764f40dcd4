import logging


class OneLineFormatter(logging.Formatter):
    """One line per record, tracebacks and line breaks in messages included."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\r", "\\r").replace("\n", "\\n")
