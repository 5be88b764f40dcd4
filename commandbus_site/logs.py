import logging


class OneLineFormatter(logging.Formatter):
    """One line per record, tracebacks and line breaks in messages included.

    What was logged for a request ends with the request's id.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record).replace("\r", "\\r").replace("\n", "\\n")
        request_id = getattr(getattr(record, "request", None), "request_id", "")
        return f"{line} [request {request_id}]" if request_id else line
