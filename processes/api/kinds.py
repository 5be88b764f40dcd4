"""Every problem the API answers, by its stable code.  The only place that knows their statuses."""

from dataclasses import dataclass

PROBLEMS_PATH = "/api/problems/"


@dataclass(frozen=True, slots=True)
class Kind:
    code: str
    status: int
    title: str
    remedy: str

    @property
    def slug(self) -> str:
        return self.code.lower().replace("_", "-")

    @property
    def type(self) -> str:
        """A path, so that it is the same on every host."""
        return f"{PROBLEMS_PATH}{self.slug}"


_LOOK = "Read the resource again and decide anew."
_BODY = "Correct what errors and detail name, and send the request with a new Idempotency-Key."

KINDS = {
    kind.code: kind
    for kind in (
        # What was sent
        Kind("MALFORMED_REQUEST", 400, "The request cannot be read", _BODY),
        Kind("INVALID_REQUEST", 400, "Fields are missing or wrong", _BODY),
        Kind("INVALID_FILTER", 400, "A query parameter is unknown or wrong", "See errors."),
        Kind("INVALID_COMMAND_DATA", 400, "The command cannot be sent as given", _BODY),
        Kind("INVALID_PROCESS_DATA", 400, "The process cannot start with this data", _BODY),
        Kind("INVALID_RESULT", 400, "The result cannot be kept", _BODY),
        Kind("UNKNOWN_PROCESS_TYPE", 400, "No such process type", "Use a type that detail names."),
        Kind(
            "NOT_EXTERNAL",
            400,
            "Not executed from outside",
            "Name command types that are declared with external_command.",
        ),
        Kind("OPERATOR_REQUIRED", 400, "Nobody is named who acts", _BODY),
        Kind("REASON_REQUIRED", 400, "A reason is required", "Send a reason that is not blank."),
        Kind("EMPTY_NOTE", 400, "The note is empty", "Send a text that is not blank."),
        Kind("COUNT_NOT_TYPED", 400, "The count is missing", "Send the count the dry run told."),
        Kind("NOTHING_CHOSEN", 400, "No entry is chosen", "Look at the list with the same filter."),
        Kind("NO_SUCH_ENTRIES", 400, "Some ids are of no entry in the TSQ", "Leave those out."),
        Kind("COMMAND_BUS_ERROR", 400, "The request was refused", "See detail."),
        # Who sent it
        Kind(
            "NOT_AUTHENTICATED",
            401,
            "Nobody is logged in",
            "Send Authorization: Token followed by a service token, or log in.",
        ),
        Kind(
            "AUTHENTICATION_FAILED",
            401,
            "The token is not valid",
            "Have a new one made: manage.py service_token NAME.",
        ),
        Kind(
            "PERMISSION_DENIED",
            403,
            "Not permitted",
            "Ask an administrator for the permission or the domain.",
        ),
        Kind(
            "OTHER_DOMAIN",
            403,
            "Not in this domain",
            "Ask an administrator to lift the domain limit.",
        ),
        Kind(
            "OTHER_ADDRESS",
            403,
            "Not your address",
            "Use your user name, alone or followed by a slash and more.",
        ),
        # Where it was sent
        Kind("NOT_FOUND", 404, "There is no such thing", "Check the path and the id."),
        Kind("METHOD_NOT_ALLOWED", 405, "Not with this method", "The Allow header names those."),
        Kind("NOT_ACCEPTABLE", 406, "No such format", "Accept application/json."),
        # What has happened meanwhile
        Kind(
            "DUPLICATE_COMMAND",
            409,
            "The command id is taken",
            "Use a new id, or send exactly what was sent first.",
        ),
        Kind(
            "DUPLICATE_PROCESS",
            409,
            "The process id is taken",
            "Use a new id, or send exactly what was sent first.",
        ),
        Kind("MOVED_ON", 409, "It is no longer in that state", _LOOK),
        Kind("NOT_PARKED", 409, "The command is not in the TSQ", _LOOK),
        Kind(
            "CLAIM_LOST",
            409,
            "The claim on the command no longer holds",
            "Drop this delivery; what it did must bear being done again.",
        ),
        Kind("NOT_FAILED", 409, "The process is not FAILED", _LOOK),
        Kind("NOT_STUCK", 409, "The reply is not stuck", _LOOK),
        Kind(
            "UNKNOWN_STEP",
            409,
            "The process has steps this code does not know",
            "Try again once the code that knows them is deployed.",
        ),
        Kind("NOT_EDITABLE", 409, "Commands of this type are not edited", "Cancel or retry it."),
        Kind("NOT_CLAIMED", 409, "You have not claimed the entry", _LOOK),
        Kind("CLAIMED_BY_ANOTHER", 409, "Somebody else has claimed the entry", _LOOK),
        Kind("BULK_MOVED_ON", 409, "The operation is not in that state", _LOOK),
        Kind("NOT_RETRIABLE", 409, "The notification cannot be sent again", _LOOK),
        Kind("PRECONDITION_FAILED", 412, "It has changed since it was read", _LOOK),
        # The Idempotency-Key
        Kind(
            "IDEMPOTENCY_KEY_MISSING",
            400,
            "An Idempotency-Key is required",
            "Send a key of your own, a new one for each change, the same one for each retry.",
        ),
        Kind(
            "IDEMPOTENCY_KEY_INVALID",
            400,
            "The Idempotency-Key cannot be used",
            "Send 1 to 255 printable ASCII characters, for instance a UUID.",
        ),
        Kind(
            "IDEMPOTENCY_KEY_REUSED",
            422,
            "The Idempotency-Key belongs to another request",
            "Use a new key for each change.",
        ),
        Kind(
            "IDEMPOTENCY_KEY_RUNNING",
            409,
            "The request with this Idempotency-Key is still running",
            "Try again with the same key in a moment.",
        ),
        # How it was sent
        Kind("LENGTH_REQUIRED", 411, "The length is missing", "Send a Content-Length header."),
        Kind("TOO_LARGE", 413, "The body is too large", "Send less, in several requests."),
        Kind(
            "UNSUPPORTED_MEDIA_TYPE",
            415,
            "The body is not JSON",
            "Send Content-Type: application/json.",
        ),
        Kind("THROTTLED", 429, "Too many requests", "Wait as long as Retry-After says."),
        Kind(
            "INTERNAL_ERROR",
            500,
            "The server failed",
            "Try again with the same Idempotency-Key; report the request id if it stays so.",
        ),
    )
}
BY_SLUG = {kind.slug: kind for kind in KINDS.values()}


def kind_of(code: str) -> Kind:
    return KINDS.get(code) or KINDS["COMMAND_BUS_ERROR"]
