"""Python from proto/, as a stranger would make it: grpc_tools.protoc and nothing of ours.

The files go into a temporary directory that leads `sys.path` for the run, so that what the tests
import is never older than the contract.
"""

import atexit
import shutil
import sys
import tempfile
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

PROTO = Path(__file__).resolve().parents[3] / "proto"


def generate() -> None:
    """Compiles every file under proto/ and makes the result importable."""
    out = tempfile.mkdtemp(prefix="tally-stubs-")
    atexit.register(shutil.rmtree, out, ignore_errors=True)
    files = sorted(str(path) for path in PROTO.rglob("*.proto"))
    well_known = resources.files("grpc_tools") / "_proto"
    arguments = [
        "protoc",
        f"--proto_path={PROTO}",
        f"--proto_path={well_known}",
        f"--python_out={out}",
        f"--grpc_python_out={out}",
    ]
    if protoc.main(arguments + files) != 0:
        raise SystemExit(f"grpc_tools.protoc does not compile {PROTO}; it says why above")
    sys.path.insert(0, out)
