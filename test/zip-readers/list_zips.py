#!/usr/bin/env python3
"""What Python's own reader and the second verifier's see in the ZIP files of a folder."""
import hashlib, pathlib, sys, zipfile
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "second-verifier"))
from verify_bundle import Verdict, read_zip


def line(reader, file, seen):
    pairs = ["%s=%s" % (name, hashlib.sha256(content).hexdigest()) for name, content in seen or []]
    print(reader, file.name, "refused" if seen is None else " ".join(pairs), sep="\t")


def by_directory(file):
    try:
        with zipfile.ZipFile(file) as opened:
            return [(entry.filename, opened.read(entry)) for entry in opened.infolist()]
    except Exception:
        return None


def by_second_verifier(file):
    try:
        return list(read_zip(file.read_bytes(), True).items())
    except Verdict:
        return None


for file in sorted(pathlib.Path(sys.argv[1]).glob("*.zip")):
    line("Python", file, by_directory(file))
    line("the second verifier", file, by_second_verifier(file))
