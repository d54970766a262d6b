#!/usr/bin/env python3
"""Second, independent verifier of Concordat's log exports (docs/log-exports.md, version 1).

Python 3 standard library only; no network. It runs the filter again over the rows, the leaf forms over the tree head, and the
daily counts over both. Signatures of the tree head and evidence bundles are verify_bundle.py's part.

    python3 verify_export.py <export.zip>

prints one JSON object: verdict, and of the records of the range how many are shown, proved not to fit, counted, and open.
"""
import base64, csv, io, json, sys
from datetime import datetime
from urllib.parse import unquote
from verify_bundle import (FAILED, INDETERMINATE, KINDS, TreeHead, Verdict, bad_format, bad_hash,
                           need, parse_canonical, parse_json, read_zip, root_of, sha, unbase64)

FINE = ("", "ok")
NOT_TOLD = "?"
# Services by which an instance keeps itself going (docs/log-exports.md).
METADATA = {"listMethods", "allowedMethods", "getOpenAPI", "getWsdl"}
MONITORING = {"getSecurityServerMetrics", "getSecurityServerHealthData", "getSecurityServerOperationalData"}
REQUESTS = {"authCertReg", "authCertDeletion", "clientReg", "clientDeletion", "clientDisable", "clientEnable", "clientRename",
            "ownerChange", "addressChange", "maintenanceModeEnable", "maintenanceModeDisable"}


def moment(text):
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        raise bad_format("time " + text)


def colons(text):
    return ":".join(unquote(part) for part in text.split("/")) if text else None


def may_fit(asked, facts):
    """Whether what a leaf form says openly leaves room for the filter."""
    contract, under = asked.get("contract"), facts.get("contract") or ""
    return (facts["direction"] != ""
            and (contract is None or under == contract or "/" not in contract and under.startswith(contract + "/"))
            and ("purpose" not in asked or under != "")
            and all(asked.get(name) in (None, facts[name]) for name in ("kind", "direction", "outcome"))
            and ("failed" not in asked or (facts["outcome"] not in FINE) == asked["failed"])
            and ("from" not in asked or moment(facts["time"]) >= moment(asked["from"]))
            and ("to" not in asked or moment(facts["time"]) < moment(asked["to"])))


def is_upkeep(asked, service):
    parts = (service or "").split(":")
    if len(parts) == 4:
        return parts[3] in MONITORING
    if len(parts) not in (5, 6):
        return False
    return parts[4] in METADATA or parts[4] in REQUESTS and ":".join(parts[:4]) == asked.get("managementId")


def fits(asked, row):
    party = asked.get("partyId")
    return (may_fit(asked, row)
            and (party is None or row["clientId"] == party
                 or any((row[name] or "").startswith(party + ":") for name in ("clientId", "serviceId")))
            and ("upkeep" not in asked or is_upkeep(asked, row["serviceId"]) == asked["upkeep"])
            and all(asked.get(name) in (None, row.get(name)) for name in ("purpose", "endpoint"))
            and all(asked.get(name) in (None, row[column]) for name, column in (
                ("queryId", "queryId"), ("requestId", "requestId"), ("clientId", "clientId"),
                ("serviceId", "serviceId"), ("peerId", "peer"))))


def read_rows(files):
    if "records.jsonl" in files:
        return [parse_json(line) for line in files["records.jsonl"].split(b"\n") if line]
    table = csv.reader(io.StringIO(files["records.csv"].decode("utf-8-sig"), newline=""))
    names = next(table)

    def value(name, text):
        marked = text[:1] == "'" and text.lstrip("'")[:1] in tuple("=+-@\t\r\n＝＋－＠")
        text = text[1:] if marked else text
        if name == "index" or name == "answers":
            return int(text) if text else None
        return text if text or name not in ("clientId", "serviceId", "peer", "contract", "purpose", "endpoint") else None
    return [{name: value(name, text) for name, text in zip(names, line)} for line in table]


def tree_root(leaves):
    """RFC 9162 2.1.1, over the peaks of complete subtrees."""
    peaks = []
    for leaf in leaves:
        height = 0
        while peaks and peaks[-1][0] == height:
            leaf, height = sha("sha256", b"\1", peaks.pop()[1], leaf), height + 1
        peaks.append((height, leaf))
    root = peaks.pop()[1]
    while peaks:
        root = sha("sha256", b"\1", peaks.pop()[1], root)
    return root


class Counts:
    """What the log counted over a stretch of indexes, and committed to under the tree head."""

    def __init__(self, value, head):
        form = value["form"].encode()
        path = [unbase64(step, 32) for step in value["path"]]
        need(root_of(sha("sha256", b"\0", form), value["index"], head.size, path) == head.root, bad_hash("daily counts"))
        fields = parse_canonical(form, "leaf form")
        key, digest = (unbase64(value["opening"][name]) for name in ("key", "digest"))
        need(fields["kind"] == "daily-counts" and unbase64(fields["message"]) == sha("sha256", key, digest)
             and sha("sha512", value["document"].encode()) == digest, bad_hash("daily counts"))
        document = parse_canonical(value["document"].encode(), "daily counts")
        self.first, self.last = document["first"], document["last"]
        self.begin, self.end = moment(document["from"]), moment(document["to"])
        texts = [row for row in value["rows"] if row.startswith("{")]
        digests = [base64.b64encode(sha("sha256", row.encode())).decode() if row.startswith("{") else row for row in value["rows"]]
        need(sorted(digests) == document["rows"] and self.last < value["index"], bad_hash("rows of daily counts"))
        self.hidden = len(texts) < len(digests)
        self.rows = [parse_canonical(text.encode(), "row") for text in texts]
        total, whole = sum(row["records"] for row in self.rows), self.last - self.first + 1
        need(total == whole or self.hidden and total < whole, bad_hash("rows of daily counts do not add up"))

    def settled(self, asked, shown, erased):
        """Whether all that was counted to fit is shown; raises a verdict when something is left out without a reason."""
        if any(name in asked for name in ("queryId", "requestId", "subjectSearch", "contract", "purpose", "endpoint",
                                    "userId", "representedParty")):
            return False
        low = moment(asked["from"]) if "from" in asked else None
        high = moment(asked["to"]) if "to" in asked else None
        outside = high is not None and self.begin >= high or low is not None and self.end <= low
        inside = (low is None or self.begin >= low) and (high is None or self.end <= high)
        if not (outside or inside):
            return False
        fitting = unknown = 0
        plain = {name: value for name, value in asked.items() if name not in ("from", "to")}
        for row in () if outside else self.rows:
            facts = {**row, "time": "2000-01-01T00:00:00.000Z", "queryId": "", "requestId": "",
                     "clientId": colons(row["client"]), "serviceId": colons(row["service"]), "peer": colons(row["peer"])}
            if fits(plain, facts):
                fitting += row["records"]
            elif row["client"] == NOT_TOLD or row["outcome"] == NOT_TOLD:
                dropped = set()
                if row["client"] == NOT_TOLD:
                    dropped |= {"partyId", "clientId", "serviceId", "peerId", "upkeep"}
                if row["outcome"] == NOT_TOLD:
                    dropped |= {"outcome"}
                if dropped & set(plain) and fits({n: v for n, v in plain.items() if n not in dropped}, facts):
                    unknown += row["records"]
        count = sum(self.first <= index <= self.last for index in shown)
        need(count <= fitting + unknown, bad_hash("more is shown than was counted"))
        missing = max(0, fitting - count)
        need(missing <= sum(self.first <= index <= self.last for index in erased), bad_hash("something was left out"))
        return missing == 0 and unknown == 0


def verify(data):
    files = read_zip(data)
    head_text = files.pop("filter.json")
    head = parse_canonical(head_text, "filter.json")
    need(set(head["files"]) == set(files) and all(
        base64.b64encode(sha("sha256", files[name])).decode() == digest for name, digest in head["files"].items()),
        bad_hash("the files are not those of filter.json"))
    # That it is the owner's word its line tells, which is verify_bundle.py's part.
    tree = TreeHead(head["treeHead"].encode(), head["log"])
    asked, rows = head["filter"], read_rows(files)
    need(head["range"] == {"first": 0, "last": tree.size - 1} and len(rows) == head["records"], bad_hash("range or number of rows"))
    indexes = [row["index"] for row in rows]
    need(all(a < b for a, b in zip([-1] + indexes, indexes + [tree.size])), bad_hash("rows out of order or range"))
    need(all(fits(asked, row) for row in rows), bad_hash("a row that does not fit the filter"))
    shown, result = set(indexes), {"total": tree.size, "shown": len(rows), "hidden": 0, "ruledOut": 0, "counted": 0}
    forms, erased = None, set()
    if "forms.jsonl" in files:
        texts = files["forms.jsonl"].split(b"\n")
        need(texts.pop() == b"", bad_format("leaf forms"))
        forms = [parse_canonical(text, "leaf form") for text in texts]
        leaves = [unbase64(form["leaf"], 32) if set(form) == {"leaf"} else sha("sha256", b"\0", text)
                  for form, text in zip(forms, texts)]
        forms = [None if set(form) == {"leaf"} else form for form in forms]
        need(all(form is None or form["kind"] in KINDS for form in forms), bad_format("kind of a leaf form"))
        need(len(leaves) == tree.size and tree_root(leaves) == tree.root, bad_hash("the leaf forms do not lead to the tree head"))
        for row in rows:
            form = forms[row["index"]]
            need(form is not None and all(form[name] == row[name] for name in ("time", "kind", "direction", "outcome"))
                 and ("contract" not in row or (row["contract"] or "") == form["contract"]),
                 bad_hash("row %d is not what the log committed to" % row["index"]))
        named = {form["answers"] for form in forms if form is not None and form["kind"] == "erasure"}
        erased = {index for index, leaf in enumerate(leaves) if base64.b64encode(leaf).decode() in named}
    stretches, after = [], 0
    for line in files.get("daily-counts.jsonl", b"").split(b"\n"):
        if not line:
            continue
        counts = Counts(parse_json(line), tree)
        need(counts.first >= after, bad_hash("daily counts that overlap"))
        after = counts.last + 1
        gone = erased if forms is not None else set(range(counts.first, counts.last + 1))
        if counts.settled(asked, indexes, gone):
            stretches.append(counts)
    in_stretch = {index: counts for counts in stretches for index in range(counts.first, counts.last + 1)}
    result["open"] = 0
    for index in range(tree.size):
        form = forms[index] if forms is not None else None
        if forms is not None and form is None:
            result["hidden"] += 1
        if index in shown:
            continue
        if form is not None and not may_fit(asked, form):
            result["ruledOut"] += 1
        elif index in in_stretch and (form is not None or forms is None and not in_stretch[index].hidden):
            result["counted"] += 1
        else:
            result["open"] += 1
    sub = "SIGNED_DATA_NOT_FOUND" if result["open"] else "NO_POE"
    return {"verdict": INDETERMINATE, "sub": sub, **result}


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    try:
        print(json.dumps(verify(data)))
    except Verdict as refused:
        print(json.dumps({"verdict": FAILED, "sub": refused.sub, "reason": refused.reason}))
        return 1
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, StopIteration) as cause:
        print(json.dumps({"verdict": FAILED, "sub": "FORMAT_FAILURE", "reason": repr(cause)}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
