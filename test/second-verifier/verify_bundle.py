#!/usr/bin/env python3
"""Second, independent verifier of Concordat's evidence bundles (docs/evidence-bundle.md, version 1).

Python 3 standard library and the `openssl` command line (version 3) only; no network.

    python3 verify_bundle.py <bundle.zip> [--conf shared-params.xml ...] [--at 2030-01-01T00:00:00Z]

prints one JSON object and exits with 0 for TOTAL-PASSED only. Whatever is not understood is refused.
"""
import argparse, base64, binascii, calendar, hashlib, json, os, re, subprocess, sys, tempfile, time, zlib
from collections import namedtuple
from functools import partial
from urllib.parse import unquote
from xml.parsers import expat

GIB, SKEW, TOLERANCE = 1 << 30, 60, 300    # octets; seconds that clocks of responders, and of time-stamps, may differ
PASSED, INDETERMINATE, FAILED = "TOTAL-PASSED", "INDETERMINATE", "TOTAL-FAILED"


class Verdict(Exception):
    """A verdict other than TOTAL-PASSED."""

    def __init__(self, verdict, sub, reason):
        super().__init__(reason)
        self.verdict, self.sub, self.reason = verdict, sub, reason


bad_format = partial(Verdict, FAILED, "FORMAT_FAILURE")       # the verdicts by which this program refuses
bad_hash = partial(Verdict, FAILED, "HASH_FAILURE")
doubt = partial(Verdict, INDETERMINATE)


def need(condition, verdict):
    """Raises the verdict unless the condition holds."""
    if not condition:
        raise verdict


def sha(name, *parts):
    return hashlib.new(name, b"".join(parts)).digest()


def unbase64(text, size=None, what="base64"):
    """Decodes canonical base64 of a known length."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise bad_format(what + " is not base64")
    need(base64.b64encode(data).decode() == text, bad_format(what + " is not canonical base64"))
    need(size is None or len(data) == size, bad_format(what + " has the wrong length"))
    return data


# ---- JSON (RFC 8785) -------------------------------------------------------------------------------------------------

def parse_json(data):
    """Reads JSON without repeated members, fractions or values that JSON does not know."""
    def members(pairs):
        need(len({key for key, _ in pairs}) == len(pairs), bad_format("a JSON member is repeated"))
        return dict(pairs)

    def refuse(text):
        raise bad_format("a number that is not understood: " + text)
    try:
        return json.loads(data.decode(), object_pairs_hook=members, parse_float=refuse, parse_constant=refuse)
    except (ValueError, RecursionError):
        raise bad_format("not JSON in UTF-8")


def canonical(value):
    """The canonical form of a value without fractions: members sorted by UTF-16 code units."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(canonical(key) + ":" + canonical(value[key]) for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    need(not isinstance(value, int) or abs(value) < 1 << 53, bad_format("a number beyond 2^53"))
    return json.dumps(value, ensure_ascii=False)


def parse_canonical(data, what):
    value = parse_json(data)
    try:
        need(canonical(value).encode() == data, bad_format(what + " is not canonical JSON"))
    except UnicodeEncodeError:
        raise bad_format(what + " holds half a character")
    return value


def shape(value, required, optional, what):
    """Demands an object with exactly these members, of these types."""
    need(isinstance(value, dict), bad_format(what + " is no object"))
    for name, kind in {**required, **optional}.items():
        if name in required or name in value:
            fits = type(value.get(name)) is kind if isinstance(kind, type) else (
                type(value.get(name)) is list and all(type(item) is kind[0] for item in value[name]))
            need(fits, bad_format("%s: member %s" % (what, name)))
    need(set(value) <= set(required) | set(optional), bad_format(what + " has unknown members"))
    return value


# ---- ZIP -------------------------------------------------------------------------------------------------------------

ZIP_COMMENT = b"mimetype=application/vnd.etsi.asic-e+zip"


def plain_extra(extra, local):
    """Whether extra fields are times and owners of Unix or NTFS in their exact forms, each once."""
    seen = set()
    while extra:
        kind, size, data = extra[:2], int.from_bytes(extra[2:4], "little"), extra[4:]
        if len(extra) < 4 or len(data) < size or kind in seen:
            return False
        seen.add(kind)
        data, extra = data[:size], data[size:]
        if kind == b"UT":
            good = size > 0 and data[0] < 8 and size == 1 + 4 * (bin(data[0]).count("1") if local else data[0] & 1)
        elif kind == b"ux":
            good = size > 2 and data[0] == 1 and 0 < data[1] <= 8 and 3 + data[1] <= size and (
                0 < data[2 + data[1]] <= 8 and size == 3 + data[1] + data[2 + data[1]])
        else:
            good = kind == b"\x0a\0" and size == 32 and data[:8] == b"\0\0\0\0\1\0\x18\0"
        if not good:
            return False
    return True


def read_zip(data, container=False):
    """All entries of a ZIP file that is the same to every reader: headers and directory agree, no gap, twin, link or text hidden.
    A message container may have X-Road's comment and a folder META-INF/, and no stored entry whose size stands behind it."""
    end = next((len(data) - 22 - len(text) for text in (b"", ZIP_COMMENT)[:1 + container]
                if data.endswith(text) and data[-22 - len(text):-18 - len(text)] == b"PK\5\6"), -1)
    need(end >= 0, bad_format("not a ZIP file, or one with a comment of its own"))
    def number(at, size):
        need(at + size <= len(data), bad_format("ZIP file cut off"))
        return int.from_bytes(data[at:at + size], "little")
    count, size, start = number(end + 10, 2), number(end + 12, 4), number(end + 16, 4)
    need(end + 22 + number(end + 20, 2) == len(data) and start + size == end and number(end + 4, 4) == 0
         and number(end + 8, 2) == count, bad_format("ZIP directory and file do not agree"))
    entries, seen, left, at, directory = {}, set(), GIB, 0, start
    for _ in range(count):
        need(data[directory:directory + 4] == b"PK\1\2" and data[at:at + 4] == b"PK\3\4", bad_format("ZIP header"))
        version, flags, method = (number(directory + 6 + 2 * i, 2) for i in range(3))
        crc, packed, plain = (number(directory + 16 + 4 * i, 4) for i in range(3))
        lengths = [number(directory + 28 + 2 * i, 2) for i in range(3)]
        name = data[directory + 46:directory + 46 + lengths[0]]
        body = at + 30 + number(at + 26, 2) + number(at + 28, 2)
        need(number(directory + 42, 4) == at and flags & ~0x080E == 0 and method in (0, 8) and version in (10, 20, 45)
             and data[at + 4:at + 14] == data[directory + 6:directory + 16]
             and data[at + 30:at + 30 + number(at + 26, 2)] == name, bad_format("ZIP headers do not agree"))
        mode, folder = number(directory + 40, 2), name.endswith(b"/")
        need(data[directory + 5] in (0, 3, 10, 19) and mode & 0o7000 == 0 and mode & 0o170000 in (0, 0o040000 if folder else 0o100000)
             and number(directory + 38, 2) & ~(0xA1 | (0x10 if folder else 0)) == 0 and number(directory + 36, 2) < 2
             and number(directory + 34, 2) == 0 and lengths[2] == 0, bad_format("a ZIP entry that is no plain file"))
        need(plain_extra(data[directory + 46 + lengths[0]:directory + 46 + sum(lengths)], False) and
             plain_extra(data[at + 30 + number(at + 26, 2):body], True), bad_format("ZIP extra fields"))
        inner = [number(at + 14 + 4 * i, 4) for i in range(3)]
        at = body + packed
        if flags & 8:                                                                 # a data descriptor follows
            need(data[at:at + 4] == b"PK\7\10" and inner in ([0, 0, 0], [crc, packed, plain])
                 and not (container and method == 0), bad_format("ZIP sizes do not agree"))
            inner, at = [number(at + 4 + 4 * i, 4) for i in range(3)], at + 16
        need(inner == [crc, packed, plain] and at <= start, bad_format("ZIP sizes do not agree"))
        need(plain <= left, bad_format("ZIP file unpacks to too much"))
        content = data[body:body + packed]
        if method == 8:
            unpack = zlib.decompressobj(-15)
            try:
                content = unpack.decompress(content, plain + 1)
            except zlib.error:
                raise bad_format("ZIP entry cannot be unpacked")
            need(unpack.eof and not unpack.unused_data and not unpack.unconsumed_tail, bad_format("ZIP entry"))
        need(len(content) == plain and zlib.crc32(content) == crc, bad_format("ZIP entry is damaged"))
        try:
            name = name.decode()
        except UnicodeDecodeError:
            raise bad_format("ZIP entry name")
        need(name.lower() not in seen and (not folder or container and name == "META-INF/" and not content), bad_format("ZIP twins"))
        seen.add(name.lower())
        if not folder:
            entries[name], left = content, left - plain
        directory += 46 + sum(lengths)
    need(at == start and directory == end, bad_format("ZIP gaps"))
    return entries


# ---- XML and canonical XML 1.0 ---------------------------------------------------------------------------------------

DS, XADES = "http://www.w3.org/2000/09/xmldsig#", "http://uri.etsi.org/01903/v1.3.2#"
ASIC = "http://uri.etsi.org/02918/v1.2.1#"
CHAIN, XROAD, MANIFEST = "http://cyber.ee/hashchain", "http://x-road.eu/xsd/xroad.xsd", "http://uri.etsi.org/2918/v1.2.1#"
SOAP, IDENTIFIERS = "http://schemas.xmlsoap.org/soap/envelope/", "http://x-road.eu/xsd/identifiers"
ODF = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
HASHES = {"http://www.w3.org/2001/04/xmlenc#sha256": "sha256", "http://www.w3.org/2001/04/xmldsig-more#sha384": "sha384",
          "http://www.w3.org/2001/04/xmlenc#sha512": "sha512"}


class Node:
    """An element: its expanded name, attributes, namespaces in scope, and content in order."""

    def __init__(self, raw, attributes, scope):
        self.raw, self.parts = raw, []
        pairs = list(zip(attributes[::2], attributes[1::2]))
        self.scope = {**scope, **{key[6:]: value for key, value in pairs if (key + ":").startswith("xmlns:")}}
        self.attributes = {self.expand(key, ""): (key, value) for key, value in pairs if not (key + ":").startswith("xmlns:")}
        self.name = self.expand(raw, self.scope.get("", ""))

    def expand(self, raw, default):
        prefix, colon, local = raw.rpartition(":")
        need(not colon or prefix in self.scope, bad_format("XML prefix " + prefix))
        return (self.scope[prefix] if colon else default, local)

    def get(self, attribute, ns=""):
        return self.attributes.get((ns, attribute), (None, None))[1]

    def children(self):
        need(all(isinstance(part, Node) or not part.strip(" \t\r\n") for part in self.parts), bad_format("text in " + self.raw))
        return [part for part in self.parts if isinstance(part, Node)]

    def text(self):
        need(all(isinstance(part, str) for part in self.parts), bad_format("elements in " + self.raw))
        return "".join(self.parts)

    def octets(self):
        """Base64 content, which may be broken into lines."""
        return unbase64(re.sub(r"[ \t\r\n]", "", self.text()), None, self.raw)

    def elements(self):
        """Child elements among text: of what systems write, where nothing but instructions to programs is refused."""
        need(INSTRUCTION not in self.parts, bad_format("a processing instruction in " + self.raw))
        return [part for part in self.parts if isinstance(part, Node)]

    def all(self, local, ns=""):
        """Children of a name, among others: for documents that others may extend."""
        return [part for part in self.parts if isinstance(part, Node) and part.name == (ns, local)]

    def exactly(self, ns, *names, attributes=()):
        """The children, which must have exactly these names, and this element exactly these attributes."""
        got = self.children()
        need([child.name for child in got] == [(ns, name) for name in names] and
             set(self.attributes) == {("", name) for name in attributes}, bad_format("content of " + self.raw))
        return got

    def step(self, ns, *names):
        """Follows a way of only children without attributes."""
        if not names:
            return self
        return self.exactly(ns, names[0], attributes=[name for _, name in self.attributes])[0].step(ns, *names[1:])

    def c14n(self, above=None, skip=None):
        """Inclusive canonical XML 1.0 of this element, every namespace in scope rendered on the outermost one."""
        def escape(text, pairs):
            for old, new in pairs:
                text = text.replace(old, new)
            return text
        base = (("&", "&amp;"), ("<", "&lt;"))
        value_of = base + (('"', "&quot;"), ("\t", "&#x9;"), ("\n", "&#xA;"), ("\r", "&#xD;"))
        out = "<" + self.raw
        for prefix, uri in sorted(self.scope.items()):
            if uri != (above or {}).get(prefix, "" if prefix == "" else None):
                out += ' xmlns%s="%s"' % (":" + prefix if prefix else "", escape(uri, value_of))
        for _, (key, value) in sorted(self.attributes.items()):
            out += ' %s="%s"' % (key, escape(value, value_of))
        out += ">"
        for part in self.parts:
            if isinstance(part, str):
                out += escape(part, base + ((">", "&gt;"), ("\r", "&#xD;")))
            elif part.name != skip:
                out += part.c14n(self.scope, skip)
        return out + "</" + self.raw + ">"


INSTRUCTION = object()                                       # stands where a system's document has a processing instruction


def parse_xml(data, root, systems=False):
    """Parses UTF-8 XML without document type, comments, processing instructions and CDATA; what systems wrote may have the last three
    and attributes of XML's own: comments are no content, CDATA is text."""
    stack = [Node("document", [], {"xml": "http://www.w3.org/XML/1998/namespace"} if systems else {})]

    def refuse(*_):
        raise bad_format("XML construct that is not allowed")

    def begin(name, attributes):
        need(len(stack) < (258 if systems else 40), bad_format("XML that is too deep"))
        need(systems or not any(key.startswith("xml:") for key in attributes[::2]), bad_format("XML construct"))
        stack[-1].parts.append(Node(name, attributes, stack[-1].scope))
        stack.append(stack[-1].parts[-1])
    parser = expat.ParserCreate()
    parser.ordered_attributes = parser.buffer_text = True
    parser.XmlDeclHandler = lambda version, encoding, _: (
        None if version == "1.0" and (encoding or "utf-8").lower() == "utf-8" else refuse())
    parser.StartElementHandler, parser.EndElementHandler = begin, lambda _: stack.pop()
    parser.CharacterDataHandler = lambda text: stack[-1].parts.append(text)
    parser.StartDoctypeDeclHandler = refuse
    if systems:
        parser.ProcessingInstructionHandler = lambda *_: stack[-1].parts.append(INSTRUCTION) if len(stack) > 1 else None
    else:
        parser.CommentHandler = parser.ProcessingInstructionHandler = parser.StartCdataSectionHandler = refuse
    try:
        data.decode()
        parser.Parse(data, True)
    except (expat.ExpatError, UnicodeDecodeError):
        raise bad_format("not XML in UTF-8")
    need(stack[0].parts[0].name == root, bad_format("XML root " + stack[0].parts[0].raw))
    return stack[0].parts[0]


# ---- DER, certificates -----------------------------------------------------------------------------------------------

Der = namedtuple("Der", "tag raw body")
Certificate = namedtuple("Certificate", "raw serial issuer subject spki begin end usage extended signed_with")
STRONG_HASHES = {"2.16.840.1.101.3.4.2.%d" % i for i in (1, 2, 3)}                    # SHA-256, SHA-384, SHA-512
STRONG = {family % (first + i): "2.16.840.1.101.3.4.2.%d" % i for i in (1, 2, 3)      # ECDSA and RSA with these
          for family, first in (("1.2.840.10045.4.3.%d", 1), ("1.2.840.113549.1.1.%d", 10))}
SIGNATURES = {"1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10", "1.2.840.10045.2.1", *STRONG}
CURVES = {"1.2.840.10045.3.1.7": 32, "1.3.132.0.34": 48, "1.3.132.0.35": 66}
DIGEST_NAMES = {"2.16.840.1.101.3.4.2.1": "sha256", "2.16.840.1.101.3.4.2.2": "sha384", "2.16.840.1.101.3.4.2.3": "sha512"}
Stamp = namedtuple("Stamp", "at certificate end cause")      # until when it counts, and whether a certificate ends it
Proof = namedtuple("Proof", "since end cause answers counts")


def key_end(spki):
    """The last second at which a key counts (docs/validation-policy.md)."""
    algorithm, point = der(spki)
    if oid(ders(algorithm.body)[0]) == "1.2.840.10045.2.1":
        day = "2035-12-31" if oid(ders(algorithm.body)[1]) in CURVES else "1970-01-01"
    else:
        bits = int.from_bytes(ders(ders(der_bits(point))[0].body)[0].body, "big").bit_length()
        day = next(end for least, end in (
            (3072, "2035-12-31"), (2048, "2030-12-31"), (1024, "2013-12-31"), (0, "1970-01-01")) if bits >= least)
    return iso_time(day + "T23:59:59Z")


def ders(data):
    """The DER elements that follow one another in an octet string."""
    found, at = [], 0
    while at < len(data):
        need(len(data) >= at + 2 and data[at] & 31 != 31, bad_format("DER"))
        length, head = data[at + 1], 2
        if length & 0x80:
            head += length & 0x7F
            length = int.from_bytes(data[at + 2:at + head], "big")
            need(2 < head < 7 and length > 127 and length >> 8 * (head - 3), bad_format("DER length"))
        need(at + head + length <= len(data), bad_format("DER is cut off"))
        found.append(Der(data[at], data[at:at + head + length], data[at + head:at + head + length]))
        at += head + length
    return found


def der(data, tag=0x30):
    """The children of the one element that the octets are."""
    found = ders(data)
    need(len(found) == 1 and found[0].tag == tag, bad_format("DER"))
    return ders(found[0].body)


def oid(element):
    need(element.tag == 6 and element.body and element.body[-1] < 128, bad_format("DER object identifier"))
    numbers, value = [], 0
    for octet in element.body:
        value = value << 7 | octet & 127
        if octet < 128:
            numbers, value = numbers + [value], 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - 40 * first] + numbers[1:]))


def der_time(element):
    """Seconds since 1970 of a UTCTime or GeneralizedTime."""
    text = element.body.decode("latin-1")
    if element.tag == 0x17 and len(text) == 13:
        text = ("19" if text[:2] >= "50" else "20") + text
    need(element.tag in (0x17, 0x18) and re.fullmatch(r"\d{14}(\.\d+)?Z", text), bad_format("DER time"))
    return calendar.timegm([int(text[:4])] + [int(text[i:i + 2]) for i in range(4, 14, 2)])


def accuracy(element):
    """Whole seconds, rounded up, that the Accuracy of a time-stamp leaves open."""
    parts = {item.tag: int.from_bytes(item.body, "big") for item in ders(element.body)}
    need(set(parts) <= {0x02, 0x80, 0x81}, bad_format("accuracy"))
    return parts.get(0x02, 0) + (1 if parts.get(0x80, 0) + parts.get(0x81, 0) else 0)


def iso_time(text):
    """Seconds since 1970 of a time in UTC with a Z."""
    match = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?Z", text)
    need(match, bad_format("time " + text))
    return calendar.timegm([int(part) for part in match.groups()[:6]])


def parse_certificate(raw):
    """The parts of a certificate that are looked at; openssl judges the others."""
    body, algorithm, _ = der(raw)
    fields = ders(body.body)
    fields = fields[1:] if fields[0].tag == 0xA0 else fields
    serial, inner, issuer, validity, subject, spki = fields[:6]
    begin, end = map(der_time, ders(validity.body))
    usage, extended = None, []
    for extension in [item for field in fields[6:] if field.tag == 0xA3 for item in der(field.body)]:
        parts = ders(extension.body)
        if oid(parts[0]) == "2.5.29.15":
            usage = der_bits(ders(parts[-1].body)[0])
        if oid(parts[0]) == "2.5.29.37":
            extended = [oid(item) for item in der(parts[-1].body)]
    need(inner.raw == algorithm.raw, bad_format("certificate"))
    return Certificate(raw, serial.raw, issuer.raw, subject.raw, spki.raw, begin, end, usage, extended,
                       oid(ders(algorithm.body)[0]))


def der_bits(element):
    """The octets of a bit string."""
    need(element.tag == 3 and element.body, bad_format("DER bit string"))
    return element.body[1:]


def attributes_of(name):
    """The attributes of a distinguished name; a repeated one is refused."""
    found = {}
    for relative in der(name):
        for attribute in ders(relative.body):
            kind, value = ders(attribute.body)
            need(oid(kind) not in found, doubt("SIG_CONSTRAINTS_FAILURE", "attribute repeated in a name"))
            found[oid(kind)] = value.body.decode("utf-16-be" if value.tag == 0x1E else "utf-8", "replace")
    return found


ATTRIBUTES = {"C": "2.5.4.6", "O": "2.5.4.10", "OU": "2.5.4.11", "CN": "2.5.4.3", "serialNumber": "2.5.4.5",
              "businessCategory": "2.5.4.15", "L": "2.5.4.7", "ST": "2.5.4.8", "organizationIdentifier": "2.5.4.97"}
USAGE_BITS = {"digitalSignature": 0x80, "nonRepudiation": 0x40, "keyEncipherment": 0x20, "dataEncipherment": 0x10,
              "keyAgreement": 0x08, "keyCertSign": 0x04, "cRLSign": 0x02, "encipherOnly": 0x01}


def own_member_of(certificate, profile, instance):
    """The member that a signing certificate names, by a profile of the instance (docs/certificate-profiles.md)."""
    def unfit(what):
        return doubt("SIG_CONSTRAINTS_FAILURE", "the certificate does not fit its profile: " + what)
    wanted = profile["signing"].get("certificate", {})
    for name in wanted.get("keyUsage", []):
        need(certificate.usage and certificate.usage[0] & USAGE_BITS.get(name, 0), unfit(name))
    for name in wanted.get("extendedKeyUsage", []):
        need(name in certificate.extended, unfit(name))
    if "keyAlgorithms" in wanted:
        need({"1.2.840.10045.2.1": "EC", "1.2.840.113549.1.1.1": "RSA"}.get(
            oid(ders(der(certificate.spki)[0].body)[0])) in wanted["keyAlgorithms"], unfit("kind of key"))
    subject = attributes_of(certificate.subject)

    def value_of(name):
        return subject.get(ATTRIBUTES.get(name, name))

    def holds(condition):
        value = value_of(condition["attribute"])
        if "startsWith" in condition:
            return value is not None and value.startswith(tuple(condition["startsWith"]))
        return {"absent": value is None, "present": value is not None, "filled": bool(value)}[condition["is"]]

    def part(rule):
        if "value" in rule:
            return rule["value"]
        if "instance" in rule:
            return instance
        value, after = value_of(rule["attribute"]), rule.get("after", "")
        need(value and value.startswith(after), unfit(rule["attribute"]))
        value = value[len(after):]
        if "split" in rule:
            pieces = value.split(rule["split"]["by"])
            need(len(pieces) == rule["split"]["parts"], unfit(rule["attribute"]))
            value = pieces[rule["split"]["at"]]
        need("digits" not in rule or re.fullmatch("[0-9]{%d}" % rule["digits"], value), unfit(rule["attribute"]))
        return value
    for reading in profile["signing"]["identify"]:
        if all(holds(condition) for condition in reading.get("when", [])):
            for need_of in reading.get("need", []):
                value = value_of(need_of["attribute"])
                need(value and need_of.get("equals", value) == value, unfit(need_of["attribute"]))
            member = tuple(part(reading["parts"][name]) for name in ("instance", "memberClass", "memberCode"))
            need(all(member), unfit("an empty part"))
            return member
    raise unfit("no reading")


def member_of(certificate, profile, instance, own):
    """The member that a signing certificate names, by the profile of its CA; `own`: those of the instance, by name."""
    if profile in own:
        return own_member_of(certificate, own[profile], instance)
    subject = attributes_of(certificate.subject)
    country, organisation, unit, name, serial, category = (
        subject.get(key, "") for key in ("2.5.4.6", "2.5.4.10", "2.5.4.11", "2.5.4.3", "2.5.4.5", "2.5.4.15"))
    profile = profile.rpartition(".")[2]
    if profile.startswith("FiVRK"):
        parts = serial.split("/")
        member = (parts[0], parts[2], name) if len(parts) == 3 else None
    elif profile.startswith("Basic"):
        member = (instance, category, serial)
    elif profile.startswith("Ejbca"):
        member = (country, organisation, name)
    else:
        member = (organisation, unit, name) if re.match("(Is|Fo)[A-Z]", profile, re.I) else None
    need(member and all(member), doubt("SIG_CONSTRAINTS_FAILURE", "the certificate names no member: " + profile))
    return member


def identifier(text):
    """The parts of an identifier, decoded."""
    return tuple(unquote(part) for part in text.split("/"))


# ---- openssl ---------------------------------------------------------------------------------------------------------

class OpenSsl:
    """Runs openssl in a temporary directory."""

    def __init__(self, directory):
        self.directory, self.files, self.said = directory, {}, {}

    def file(self, data):
        """The same bytes are the same file, so that `run` knows a question that it has asked."""
        if data not in self.files:
            self.files[data] = os.path.join(self.directory, "%d" % len(self.files))
            with open(self.files[data], "wb") as out:
                out.write(data)
        return self.files[data]

    def pem(self, *blocks, label="CERTIFICATE"):
        return self.file(b"".join(b"-----BEGIN %s-----\n%s-----END %s-----\n" % (
            label.encode(), base64.encodebytes(block), label.encode()) for block in blocks))

    def run(self, *arguments):
        """Exit code 0 or not, and what was printed. One bundle asks the same of one OCSP answer several times."""
        arguments = tuple(map(str, arguments))
        if arguments not in self.said:
            self.said[arguments] = self.ask(arguments)
        return self.said[arguments]

    def ask(self, arguments):
        environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "OPENSSL_CONF": os.devnull}
        done = subprocess.run(["openssl", *arguments], cwd=self.directory, env=environment, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode == 0, done.stdout.decode("utf-8", "replace")

    def signed(self, spki, hash_name, signature, data, pss=False):
        """Does the signature (ECDSA as r||s) over the data verify with the key?"""
        algorithm, point = der(spki)
        if oid(ders(algorithm.body)[0]) == "1.2.840.10045.2.1":
            size = CURVES.get(oid(ders(algorithm.body)[1]))
            if pss or not size or len(signature) != 2 * size:
                return False
            numbers = b""
            for half in (signature[:size], signature[size:]):
                half = half.lstrip(b"\0") or b"\0"
                half = b"\0" + half if half[0] & 128 else half
                numbers += bytes([2, len(half)]) + half
            signature = b"\x30" + (b"\x81" if len(numbers) > 127 else b"") + bytes([len(numbers)]) + numbers
        elif int.from_bytes(der(der_bits(point))[0].body, "big").bit_length() < 2048:
            return False
        padding = ["-sigopt", "rsa_padding_mode:pss", "-sigopt",
                   "rsa_pss_saltlen:%d" % hashlib.new(hash_name).digest_size] if pss else []
        return self.run("dgst", "-" + hash_name, *padding, "-verify", self.pem(spki, label="PUBLIC KEY"),
                        "-signature", self.file(signature), self.file(data))[0]

    def ed25519(self, key, signature, data):
        spki = bytes.fromhex("302a300506032b6570032100") + key
        return self.run("pkeyutl", "-verify", "-pubin", "-inkey", self.pem(spki, label="PUBLIC KEY"), "-rawin",
                        "-in", self.file(data), "-sigfile", self.file(signature))[0]


# ---- configuration: who may sign -------------------------------------------------------------------------------------

Authority = namedtuple("Authority", "certificate responders")
Approved = namedtuple("Approved", "top intermediates profile instance freshness")


class Trust:
    """What the shared parameters say, and how certificates, OCSP answers and time-stamps are judged by it."""

    def __init__(self, openssl, documents, now, log):
        self.openssl, self.approved, self.stampers, self.now, self.own = openssl, [], [], now, {}
        self.log_instance = unquote(log.split("/")[0])  # a server stamps with authorities of its own instance
        for document in documents:
            if document.startswith(b"{"):
                found = shape(parse_canonical(document, "profiles"), {"instance": str, "profiles": [dict]}, {}, "profiles")
                need(found["instance"] not in self.own, bad_format("profiles of one instance twice"))
                self.own[found["instance"]] = {profile["name"]: profile for profile in found["profiles"]}
                continue
            conf = parse_xml(document, (XROAD, "conf"))
            instance = conf.all("instanceIdentifier")[0].text()
            freshness = int(conf.all("globalSettings")[0].all("ocspFreshnessSeconds")[0].text())
            for ca in conf.all("approvedCA"):
                if [item.text() for item in ca.all("authenticationOnly")] not in (["true"], ["1"]):
                    self.approved.append(Approved(
                        self.authority(ca.all("topCA")[0]), [self.authority(item) for item in ca.all("intermediateCA")],
                        ca.all("certificateProfileInfo")[0].text(), instance, freshness))
            if instance == self.log_instance:
                self.stampers += [self.certificate(tsa.all("cert")[0]) for tsa in conf.all("approvedTSA")]

    def certificate(self, node):
        """A certificate of the configuration: base64 of DER, or of PEM."""
        data = node.octets()
        if data.startswith(b"-----BEGIN"):
            data = unbase64("".join(data.decode("latin-1").split("-----")[2].split()))
        return parse_certificate(data)

    def authority(self, node):
        responders = [self.certificate(cert) for ocsp in node.all("ocsp") for cert in ocsp.all("cert")]
        return Authority(self.certificate(node.all("cert")[0]), responders)

    def signer(self, certificate, answers, at):
        """The member whose signing certificate this was at that time, by path and OCSP answers."""
        trouble = doubt("NO_CERTIFICATE_CHAIN_FOUND", "no approved CA issued the signer's certificate")
        for ca in self.approved:
            for path in self.paths(certificate, ca):
                try:
                    need(certificate.begin <= at <= certificate.end,
                         doubt("OUT_OF_BOUNDS_NO_POE", "the certificate was not valid at that time"))
                    good, said = self.openssl.run(
                        "verify", "-attime", at, "-auth_level", 2, "-no-CApath", "-no-CAstore", "-partial_chain", "-trusted",
                        self.openssl.pem(ca.top.certificate.raw), *(("-untrusted", self.openssl.pem(
                            *[step.certificate.raw for step in path[:-1]])) if path[1:] else ()),
                        self.openssl.pem(certificate.raw))
                    need(good, doubt("CERTIFICATE_CHAIN_GENERAL_FAILURE", "path of the certificate: " + " ".join(said.split())[-200:]))
                    need(certificate.usage and certificate.usage[0] & 0x40,
                         doubt("CHAIN_CONSTRAINTS_FAILURE", "the certificate is not one for signing"))
                    subject = certificate
                    for issuer in path:
                        self.status(subject, issuer, answers, at, ca.freshness)
                        subject = issuer.certificate
                    member = member_of(certificate, ca.profile, ca.instance, self.own.get(ca.instance, {}))
                    need(member[0] == ca.instance, doubt("SIG_CONSTRAINTS_FAILURE", "a CA names a member of another instance"))
                    need(at <= min(key_end(item.spki) for item in [certificate] + [step.certificate for step in path]),
                         doubt("CRYPTO_CONSTRAINTS_FAILURE_NO_POE", "signed with an algorithm that had ended"))
                    return member
                except Verdict as found:
                    trouble = found
        raise trouble

    def paths(self, certificate, ca, depth=4):
        """The ways from a certificate up to the top of an approved CA."""
        if ca.top.certificate.subject == certificate.issuer:
            yield [ca.top]
        for step in ca.intermediates if depth else ():
            if step.certificate.subject == certificate.issuer and step.certificate.raw != certificate.raw:
                for rest in self.paths(step.certificate, ca, depth - 1):
                    yield [step] + rest

    def status(self, certificate, issuer, answers, at, freshness):
        """Demands that all that is known shows the certificate good at that time: no revocation until then, and one good answer."""
        known, trouble = self.said_of(certificate, issuer, answers)
        need(not any(revoked is not None and revoked <= at for revoked, *_ in known),
             doubt("REVOKED_CA_NO_POE" if issuer in [ca.top for ca in self.approved] else "REVOKED_NO_POE", "OCSP: revoked"))
        need(any(revoked is not None or good and since >= at - freshness and (since > at or all(at <= end for end in until))
                 for revoked, good, since, until in known),
             trouble or doubt("TRY_LATER", "OCSP: no answer shows the certificate good at that time"))

    def said_of(self, certificate, issuer, answers):
        """What genuine answers say of a certificate: (time of revocation, good, since, until), and what is wrong with others."""
        key_hash = sha("sha1", der_bits(der(issuer.certificate.spki)[1]))
        known, trouble = [], None
        for answer in answers:
            outer = der(answer)
            need(outer[0].raw == b"\x0a\1\0" and len(outer) == 2, doubt("TRY_LATER", "OCSP: no successful response"))
            kind, octets = der(outer[1].body)
            need(oid(kind) == "1.3.6.1.5.5.7.48.1.1", bad_format("OCSP response type"))
            data, algorithm, _, *embedded = der(octets.body)
            fields = [field for field in ders(data.body) if field.tag != 0xA0]
            responses, produced = ders(fields[2].body), der_time(fields[1])
            need(len(responses) == 1, doubt("TRY_LATER", "OCSP: several answers in one response"))
            name, state, this_update, *rest = ders(responses[0].body)
            parts = ders(name.body)
            if [oid(ders(parts[0].body)[0]), parts[1].body, parts[2].body, parts[3].raw] != [
                    "1.3.14.3.2.26", sha("sha1", certificate.issuer), key_hash, certificate.serial] or produced > self.now + SKEW:
                continue
            try:
                need(oid(ders(algorithm.body)[0]) in STRONG, doubt("CRYPTO_CONSTRAINTS_FAILURE_NO_POE", "OCSP: weak"))
                copies = [item.raw for item in der(embedded[0].body)] if embedded else []
                responders = [item for item in issuer.responders if item.begin <= produced <= item.end]
                ca = self.openssl.pem(issuer.certificate.raw)
                common = ["ocsp", "-no_nonce", "-respin", self.openssl.file(answer), "-issuer", ca, "-cert",
                          self.openssl.pem(certificate.raw), "-CAfile", ca, "-partial_chain", "-attime", produced, "-no-CApath",
                          "-no-CAstore"]
                good, said = self.openssl.run(*common)
                if "Response verify OK" not in said and responders and all(c in [item.raw for item in responders] for c in copies):
                    good, said = self.openssl.run(*common, "-VAfile", self.openssl.pem(*[item.raw for item in responders]))
                need(good and "Response verify OK" in said, doubt("TRY_LATER", "OCSP: the answer does not verify"))
                since = der_time(this_update)
                need(since <= produced + SKEW, doubt("TRY_LATER", "OCSP: made before it was true"))
                until = [der_time(der(item.raw, 0xA0)[0]) for item in rest if item.tag == 0xA0]
                revoked = der_time(ders(state.body)[0]) if state.tag == 0xA1 else None
                known.append((revoked, state.tag == 0x80, since, until))
            except Verdict as found:
                trouble = found
        return known, trouble

    def aged(self, stamp, existed, answers):
        """Demands that a time-stamp still counted when it is last proved to have existed."""
        for ca in self.approved:
            for issuer in [ca.top] + ca.intermediates if ca.instance == self.log_instance else ():
                if issuer.certificate.subject == stamp.certificate.issuer:
                    known, _ = self.said_of(stamp.certificate, issuer, answers)
                    need(not any(revoked is not None and revoked <= existed for revoked, *_ in known),
                         doubt("REVOKED_NO_POE", "the certificate of the time-stamp was revoked"))
        need(existed <= stamp.end, doubt(stamp.cause, "the time-stamp had ceased to count"))

    def evidence(self, record, data):
        """Since when an evidence record (RFC 4998) proves that the data exists: its first stamp, and its last."""
        version, declared, *between, chains = der(record)
        need(version.body == b"\1" and all(item.tag == 0xA0 for item in between), bad_format("evidence record"))
        stamps, older = [], []
        for chain in ders(chains.body):
            before, digest = None, None
            for archive in ders(chain.body):
                *extra, token = ders(archive.body)
                fields = {item.tag: item for item in extra}
                need(len(fields) == len(extra) and set(fields) <= {0xA0, 0xA1, 0xA2}, bad_format("archive time-stamp"))
                named = oid(ders(fields[0xA0].body)[0]) if 0xA0 in fields else digest or self.imprint(token.raw)[0]
                digest = digest or named
                need(named == digest and digest in DIGEST_NAMES, bad_hash("digest of the evidence record"))
                hashed = partial(sha, DIGEST_NAMES[digest])
                value = hashed(before) if before is not None else hashed(data) if not older else hashed(
                    hashed(data), hashed(der_wrap(b"".join(older))))
                for i, group in enumerate(ders(fields[0xA2].body) if 0xA2 in fields else []):
                    values = [item.body for item in ders(group.body)]
                    need(values and (i or value in values), bad_hash("hash tree of the evidence record"))
                    values = values if i == 0 else values + [value]
                    value = values[0] if len(values) == 1 else hashed(*sorted(values))
                need(self.imprint(token.raw) == (digest, value), bad_hash("the evidence record is over something else"))
                stamp = self.stamped(token.raw, value)
                need(not stamps or stamps[-1].at <= stamp.at <= stamps[-1].end, doubt("NO_POE", "not renewed in time"))
                stamps.append(stamp)
                before = token.raw
            older.append(chain.raw)
        return stamps[0], stamps[-1]

    def imprint(self, token):
        """Digest algorithm and imprint of a time-stamp, unverified."""
        fields = ders(der(der(token)[1].raw, 0xA0)[0].body)
        info = ders(ders(der(ders(fields[2].body)[1].raw, 0xA0)[0].body)[0].body)
        algorithm, octets = ders(info[2].body)
        return oid(ders(algorithm.body)[0]), octets.body

    def stamped(self, token, imprint):
        """The time at which an approved authority stamped this digest."""
        refuse = doubt("NO_POE", "the time-stamp does not verify")
        kind, content = der(token)
        fields = ders(der(content.raw, 0xA0)[0].body)
        stamp = ders(der(ders(fields[2].body)[1].raw, 0xA0)[0].body)[0]
        info = ders(stamp.body)
        infos = ders(fields[-1].body)
        signer = ders(infos[0].body)
        need(oid(kind) == "1.2.840.113549.1.7.2" and len(infos) == 1 and fields[1].body == signer[2].raw
             and (fields[0].body, signer[0].body) == (b"\3", b"\1"), refuse)
        issuer, serial = ders(signer[1].body)
        kind_of_imprint, digest, algorithm = (oid(ders(item.body)[0]) for item in (ders(info[2].body)[0], signer[2], signer[4]))
        need({kind_of_imprint, digest} <= STRONG_HASHES and algorithm in SIGNATURES and STRONG.get(algorithm, digest) == digest,
             doubt("NO_POE", "the time-stamp uses a weak hash, or says so of its signature"))
        at = der_time(info[4])
        latest = at + accuracy(info[5]) if len(info) > 5 and info[5].tag == 0x30 else at
        need(latest - at <= 60, doubt("NO_POE", "the time of the time-stamp is exact to more than a minute only"))
        copies = [item.raw for field in fields[3:-1] if field.tag == 0xA0 for item in ders(field.body)]
        for tsa in self.stampers:
            if (tsa.issuer, tsa.serial) == (issuer.raw, serial.raw) and tsa.begin <= at <= tsa.end:
                pem = self.openssl.pem(tsa.raw)
                if (not copies or tsa.raw in copies) and self.openssl.run(
                        "ts", "-verify", "-token_in", "-in", self.openssl.file(token), "-digest", imprint.hex(),
                        "-CAfile", pem, "-untrusted", pem, "-partial_chain", "-attime", at, "-auth_level", 2)[0]:
                    end = min(tsa.end, key_end(tsa.spki))
                    return Stamp(latest, tsa, end, "OUT_OF_BOUNDS_NO_POE" if end == tsa.end else "CRYPTO_CONSTRAINTS_FAILURE_NO_POE")
        raise refuse


# ---- the container ---------------------------------------------------------------------------------------------------

def digest_of(holder, at=0):
    """Algorithm and value of a DigestMethod and the DigestValue after it."""
    method, value = holder[at], holder[at + 1]
    need(method.name == (DS, "DigestMethod") and value.name == (DS, "DigestValue") and method.parts == [] and
         not value.attributes, bad_format("digest"))
    need(method.get("Algorithm") in HASHES, doubt("CRYPTO_CONSTRAINTS_FAILURE_NO_POE", "digest algorithm"))
    return HASHES[method.get("Algorithm")], value.octets()


def hash_chain(entries, prefix, inputs):
    """Checks that X-Road's hash chain leads from the inputs (in this order, all of them) to its result."""
    for suffix in ("result.xml", ".xml"):
        need(prefix + suffix in entries, bad_format("no " + prefix + suffix))
    result = parse_xml(entries[prefix + "result.xml"], (CHAIN, "HashChainResult"))
    need(set(result.attributes) == {("", "URI")} and len(result.children()) == 2, bad_format("hash chain result"))
    algorithm, expected = digest_of(result.children())
    chain = parse_xml(entries[prefix + ".xml"], (CHAIN, "HashChain")).children()
    need(chain and chain[0].name == (CHAIN, "DefaultDigestMethod") and chain[0].parts == [] and
         HASHES.get(chain[0].get("Algorithm")) == algorithm, bad_format("hash chain"))
    steps = {step.get("id"): step for step in chain[1:] if step.name == (CHAIN, "HashStep") and step.children()}
    need(len(steps) == len(chain) - 1, bad_format("hash chain steps"))
    named = []

    def refer(uri):
        """The digest of a step, which is used once."""
        need(uri and uri.startswith("#") and uri[1:] in steps, bad_format("hash chain: step %s" % uri))
        sequence, items = b"", steps.pop(uri[1:]).children()
        data = sum(item.name[1] == "DataRef" for item in items)
        need(data < 2 or data == len(items), bad_format("hash chain: data beside other hashes"))
        need(not (data and named), bad_format("hash chain: the parts stand in several steps"))
        for item in items:
            need(set(item.attributes) == (set() if item.name[1] == "HashValue" else {("", "URI")}), bad_format("hash chain"))
            if item.name == (CHAIN, "StepRef") and item.parts == []:
                digest = refer(item.get("URI"))
            else:
                need(item.name in ((CHAIN, "HashValue"), (CHAIN, "DataRef")), bad_format("hash chain: " + item.raw))
                digest = item.step(DS, "DigestValue").octets()
                if item.name[1] == "DataRef":
                    named.append((item.get("URI"), digest))
            need(len(digest) == hashlib.new(algorithm).digest_size, bad_format("hash chain: digest"))
            uri = chain[0].get("Algorithm").encode()
            item = bytes([4, len(digest)]) + digest + bytes([12, len(uri)]) + uri + b"\x30\0"
            sequence += der_wrap(item)
        return sha(algorithm, der_wrap(sequence))
    file, _, step = (result.get("URI") or "").partition("#")
    need(file == "/" + prefix + ".xml" and refer("#" + step) == expected, bad_hash("hash chain does not lead to its result"))
    need(not steps, bad_format("hash chain has steps that nothing uses"))
    names = [uri for uri, _ in named]
    need(names[:len(inputs)] == ["/" + name for name, _ in inputs],
         doubt("SIG_CONSTRAINTS_FAILURE", "the hash chain does not cover message and attachments in their order"))
    for (uri, digest), (_, data) in zip(named, inputs):
        need(digest == sha(algorithm, data), bad_hash("hash chain: %s has another digest" % uri))
    need(len(named) == len(inputs), doubt("SIGNED_DATA_NOT_FOUND", "signed, but not shown: %s" % names[len(inputs):]))


def der_wrap(body):
    """A DER SEQUENCE."""
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8 or 1, "big")
    return b"\x30" + (bytes([0x80 | len(size)]) if len(body) > 127 else b"") + size + body


class Signature:
    """META-INF/signatures.xml, read strictly by the template of SignatureXmlBuilder."""

    def __init__(self, data):
        self.root = parse_xml(data, (ASIC, "XAdESSignatures"))
        signature = self.root.exactly(DS, "Signature")[0]
        self.info, value, key, data_object = signature.exactly(
            DS, "SignedInfo", "SignatureValue", "KeyInfo", "Object", attributes=["Id"])
        self.value = value.octets()
        self.certificate = parse_certificate(key.step(DS, "X509Data", "X509Certificate").octets())
        qualifying = data_object.exactly(XADES, "QualifyingProperties")[0]
        self.properties, unsigned = qualifying.exactly(XADES, "SignedProperties", "UnsignedProperties", attributes=["Target"])
        need(qualifying.get("Target") == "#" + (signature.get("Id") or ""), bad_format("properties of another signature"))
        signed = self.properties.exactly(XADES, "SignedSignatureProperties", "SignedDataObjectProperties", attributes=["Id"])[0]
        time, certificate, _ = signed.exactly(XADES, "SigningTime", "SigningCertificate", "SignaturePolicyIdentifier")
        self.time = iso_time(time.text())
        digest, serial = certificate.exactly(XADES, "Cert")[0].exactly(XADES, "CertDigest", "IssuerSerial")
        algorithm, octets = digest_of(digest.exactly(DS, "DigestMethod", "DigestValue"))
        number = serial.exactly(DS, "X509IssuerName", "X509SerialNumber")[1].text()
        need(octets == sha(algorithm, self.certificate.raw) and
             number == str(int.from_bytes(ders(self.certificate.serial)[0].body, "big")),
             doubt("SIG_CONSTRAINTS_FAILURE", "signed with another certificate than the one that is shown"))
        self.answers, self.stamps = [], []
        for item in unsigned.step(XADES, "UnsignedSignatureProperties").children():
            if item.name == (XADES, "RevocationValues"):
                answers = item.step(XADES, "OCSPValues").children()
                need({answer.name for answer in answers} == {(XADES, "EncapsulatedOCSPValue")}, bad_format("OCSP values"))
                self.answers += [answer.octets() for answer in answers]
            elif item.name == (XADES, "SignatureTimeStamp"):
                self.stamps.append(item.step(XADES, "EncapsulatedTimeStamp").octets())
            else:
                need(item.name in ((XADES, "CompleteCertificateRefs"), (XADES, "CertificateValues")),
                     doubt("SIG_CONSTRAINTS_FAILURE", "not understood: " + item.raw))
        ids, todo = [], [self.root]
        while todo:
            node = todo.pop()
            ids += [node.get("Id")] if node.get("Id") is not None else []
            todo += [part for part in node.parts if isinstance(part, Node)]
        need(len(ids) == len(set(ids)), bad_format("an Id is used twice"))

    def unstamped(self):
        """The document as it was signed: without the time-stamp that was put in later."""
        return self.root.c14n(skip=(XADES, "SignatureTimeStamp"))

    def check(self, openssl, entries, parts):
        """Signature value and references: everything that the signature says about message and attachments."""
        method, algorithm, *references = self.info.children()
        need(method.name == (DS, "CanonicalizationMethod") and method.get("Algorithm") == C14N and method.parts == [] and
             algorithm.name == (DS, "SignatureMethod") and algorithm.parts == [],
             doubt("SIG_CONSTRAINTS_FAILURE", "SignedInfo is not understood"))
        match = re.fullmatch(r"http://www\.w3\.org/(?:2001/04/xmldsig-more#(rsa|ecdsa)-(sha(?:256|384|512))|"
                             r"2007/05/xmldsig-more#(sha(?:256|384|512))-rsa-MGF1)", algorithm.get("Algorithm") or "")
        need(match, doubt("CRYPTO_CONSTRAINTS_FAILURE_NO_POE", "signature method"))
        is_ec = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01" in self.certificate.spki
        need(is_ec == (match[1] == "ecdsa") and openssl.signed(
            self.certificate.spki, match[2] or match[3], self.value, self.info.c14n().encode(), pss=bool(match[3])),
            Verdict(FAILED, "SIG_CRYPTO_FAILURE", "the signature value does not verify"))
        covered = []
        for reference in references:
            need(reference.name == (DS, "Reference"), bad_format("SignedInfo"))
            uri, items = reference.get("URI") or "", reference.children()
            if items and items[0].name == (DS, "Transforms"):
                transform = items.pop(0).exactly(DS, "Transform")[0]
                need(uri.startswith("#") and transform.get("Algorithm") == C14N and transform.parts == [],
                     doubt("SIG_CONSTRAINTS_FAILURE", "a transform"))
            need(len(items) == 2, bad_format("reference"))
            name, digest = digest_of(items)
            if uri.startswith("#"):
                need(uri[1:] == self.properties.get("Id")
                     and reference.get("Type") == "http://uri.etsi.org/01903#SignedProperties",
                     doubt("SIG_CONSTRAINTS_FAILURE", "a reference that is not understood"))
                data = self.properties.c14n().encode()
            else:
                need(uri[1:] in entries and uri[:1] == "/", doubt("SIGNED_DATA_NOT_FOUND", "signed, but not shown: " + uri))
                data = entries[uri[1:]]
            need(sha(name, data) == digest, bad_hash("what %s refers to has another digest" % uri))
            covered.append(uri)
        need(len(set(covered)) == len(covered) and "#" + self.properties.get("Id") in covered,
             doubt("SIG_CONSTRAINTS_FAILURE", "the signed properties are not signed"))
        covered.remove("#" + self.properties.get("Id"))
        if covered == ["/sig-hashchainresult.xml"]:
            hash_chain(entries, "sig-hashchain", parts)
        else:
            need(covered == ["/" + name for name, _ in parts],
                 doubt("SIG_CONSTRAINTS_FAILURE", "the signature does not cover message and attachments in their order"))
            need(not any(name.startswith("sig-hashchain") for name in entries),
                 doubt("SIG_CONSTRAINTS_FAILURE", "a hash chain that is not signed"))


def check_manifests(entries, parts):
    """The two manifests say nothing that is signed, so they must be exactly what they have to be."""
    files = [("application/vnd.etsi.asic-e+zip", "/")] + [("text/xml", name) for name in (
        "message.xml", "sig-hashchainresult.xml", "sig-hashchain.xml", "ts-hashchainresult.xml", "ts-hashchain.xml")
        if name in entries]
    files += [("application/octet-stream", name) for name, _ in parts[1:]]
    if "META-INF/manifest.xml" in entries:
        root = parse_xml(entries["META-INF/manifest.xml"], (ODF, "manifest"))
        listed = [(item.get("media-type", ODF), item.get("full-path", ODF)) for item in root.children()]
        need(sorted(map(str, listed)) == sorted(map(str, files)), bad_format("manifest.xml does not list the entries"))
        need({(item.name, len(item.attributes), len(item.parts)) for item in root.children()} == {((ODF, "file-entry"), 2, 0)} and
             root.get("version", ODF) == "1.2" and len(root.attributes) == 1, bad_format("manifest.xml"))
    need(("META-INF/ASiCManifest.xml" in entries) == ("META-INF/timestamp.tst" in entries), bad_format("ASiCManifest.xml"))
    if "META-INF/ASiCManifest.xml" in entries:
        root = parse_xml(entries["META-INF/ASiCManifest.xml"], (MANIFEST, "ASiCManifest"))
        reference, data = root.exactly(MANIFEST, "SigReference", "DataObjectReference")
        name, digest = digest_of(data.exactly(DS, "DigestMethod", "DigestValue", attributes=["URI", "MimeType"]))
        need(reference.exactly(DS, attributes=["URI", "MimeType"]) == [] and reference.get("URI") == "META-INF/timestamp.tst"
             and reference.get("MimeType") == "vnd.etsi.timestamp-token"
             and (data.get("URI"), data.get("MimeType")) == ("ts-hashchainresult.xml", "text/xml"), bad_format("ASiCManifest.xml"))
        need(digest == sha(name, entries.get("ts-hashchainresult.xml", b"")), bad_hash("ASiCManifest.xml: digest"))


def check_container(trust, entries, document, kept, token):
    """Judges a container at the time that its time-stamp proves: (certificate, member, stamp); `token` is the log's, when known."""
    parts = parts_of(entries)
    need("message.xml" in entries and len(parts) == 1 + sum(bool(re.fullmatch("attachment[1-9][0-9]*", name)) for name in entries) and
         entries.get("mimetype") == b"application/vnd.etsi.asic-e+zip" and "META-INF/signatures.xml" in entries,
         bad_format("the container is not whole"))
    known = {"mimetype", "sig-hashchainresult.xml", "sig-hashchain.xml", "ts-hashchainresult.xml", "ts-hashchain.xml"} | {
        "META-INF/" + name for name in ("signatures.xml", "manifest.xml", "ASiCManifest.xml", "timestamp.tst")}
    signature = Signature(entries["META-INF/signatures.xml"])
    need(signature.unstamped() == Signature(document).unstamped(), bad_hash("the container has another signature document"))
    signature.check(trust.openssl, entries, parts)
    need(set(entries) <= known | {name for name, _ in parts}, doubt("SIG_CONSTRAINTS_FAILURE", "entries that nobody signed"))
    check_manifests(entries, parts)
    batch = [name for name in ("ts-hashchainresult.xml", "ts-hashchain.xml", "META-INF/timestamp.tst") if name in entries]
    need((len(signature.stamps), len(batch)) in ((0, 0), (1, 0), (0, 3)), bad_format("time-stamps"))
    need(batch or signature.stamps, doubt("NO_POE", "the message has no time-stamp"))
    if batch:
        hash_chain(entries, "ts-hashchain", [("META-INF/signatures.xml", entries["META-INF/signatures.xml"])])
        own, data = entries["META-INF/timestamp.tst"], entries["ts-hashchainresult.xml"]
    else:
        own, data = signature.stamps[0], signature.value
    need(token is None or token == own, bad_hash("the time-stamp in the container is not the one that the log holds"))
    digest = trust.imprint(own)[0]
    need(digest in DIGEST_NAMES, doubt("NO_POE", "the time-stamp uses a weak hash"))
    stamp = trust.stamped(own, sha(DIGEST_NAMES[digest], data))
    need(signature.time <= stamp.at + TOLERANCE and stamp.at <= trust.now + TOLERANCE,
         doubt("TIMESTAMP_ORDER_FAILURE", "signed after it was stamped, or stamped in the future"))
    return signature.certificate, trust.signer(signature.certificate, signature.answers + kept, stamp.at), stamp


# ---- records and tree heads ------------------------------------------------------------------------------------------

FORM = {name: str for name in (
    "answers body contract direction fields kind logLevel message outcome parties signature time").split()}
RECEIPTS = {"accepted", "consumed", "abandoned"}
STATED = {"refusal", "outcome-unknown"}
EXCHANGED = {"request", "reply", "refusal", "outcome-unknown"} | RECEIPTS
KINDS = EXCHANGED | {"time-stamp", "erasure", "key-rotation", "daily-counts", "audit-head"}
RECEIPT = {name: str for name in (
    "arrived client delivery eventDigest eventId eventSource kind means reason server service time type").split()}
RECORD = ({"index": int, "form": str, "path": [str], "checkpoint": str, "openings": dict},
          {"metadata": str, "signatures": str, "container": str, "erased": str})


def is_soap(message):
    """Behind a byte order mark and white space a SOAP message begins with a tag; a REST message begins with a method or a status."""
    return re.match(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*<", message) is not None


Soap = namedtuple("Soap", "request client service id request_hash")


def read_soap(message):
    """What a SOAP message says of itself, in the header that its system wrote; identifiers are tuples of codes."""
    envelope = parse_xml(message, (SOAP, "Envelope"), systems=True)
    need([part.name for part in envelope.elements()] == [(SOAP, "Header"), (SOAP, "Body")], bad_format("SOAP header and body"))
    header, body = envelope.elements()

    def one(parent, ns, name, optional=False):
        """The only child of that name."""
        found = [item for item in parent.elements() if item.name == (ns, name)]
        need(len(found) == 1 or not found and optional, bad_format("the SOAP header has no %s, or several" % name))
        return found[0] if found else None

    def codes(name, kinds, last):
        element = one(header, XROAD, name)
        found = [one(element, IDENTIFIERS, part, part in ("subsystemCode", "serviceVersion")) for part in (
            "xRoadInstance", "memberClass", "memberCode", "subsystemCode") + last]
        kind = element.get("objectType", IDENTIFIERS)
        need(kind in kinds and (name != "client" or (kind == "SUBSYSTEM") == (found[3] is not None)),
             bad_format("objectType of the " + name))
        texts = tuple(item.text() for item in found if item is not None)
        need(all(0 < len(text) < 256 and not re.search("[\x00-\x1f\x7f-\x9f%:;/\\\\\u200b\ufeff]", text) for text in texts),
             bad_format("a code of the " + name))
        return texts, found
    client, _ = codes("client", ("MEMBER", "SUBSYSTEM"), ())
    service, parts = codes("service", ("SERVICE",), ("serviceCode", "serviceVersion"))
    need(one(header, XROAD, "protocolVersion").text().startswith("4."), bad_format("protocolVersion"))
    digest = one(header, XROAD, "requestHash", optional=True)
    named = digest.text() if digest is not None and digest.get("algorithmId") in (
        None, "http://www.w3.org/2001/04/xmlenc#sha512") else ""
    content, code = body.elements(), parts[4].text()
    need(len(content) == 1 and content[0].name != (SOAP, "Fault") and content[0].name[1].startswith(code),
         bad_format("the SOAP body is not that of the service"))
    reply = content[0].name[1] != code and content[0].name[1].endswith("Response")
    return Soap(not reply, client, service, one(header, XROAD, "id").text(), named)


def parts_of(entries):
    """Message and attachments of a container, as far as they are numbered without a gap."""
    names = ["message.xml"]
    while "attachment%d" % len(names) in entries:
        names.append("attachment%d" % len(names))
    return [(name, entries[name]) for name in names if name in entries]


def body_of(entries):
    """What the leaf calls the body: all attachments in their order, with nothing between them; None without any."""
    attachments = [data for name, data in parts_of(entries) if name != "message.xml"]
    return b"".join(attachments) if attachments else None


def request_hash(entries):
    """By which an answer names a request: of SOAP the document alone, of REST the digests of message and body."""
    digest, body = sha("sha512", entries["message.xml"]), body_of(entries)
    if body is not None and not is_soap(entries["message.xml"]):
        digest = sha("sha512", digest, sha("sha512", body))
    return base64.b64encode(digest).decode()


def read_message(message):
    """What a REST message says: is it a request, its headers by lower-case name, and the service."""
    try:
        lines = message.decode().split("\r\n")
    except UnicodeDecodeError:
        raise bad_format("the message is not UTF-8")
    need(len(lines) > 3 and lines[-1] == "", doubt("SIG_CONSTRAINTS_FAILURE", "only REST and SOAP messages are understood"))
    request, headers = not "1" <= message[:1].decode("latin-1") <= "9", {}
    for line in lines[2:-1]:
        name, colon, value = line.partition(":")
        need(colon, bad_format("header of the message"))
        need(name.lower() not in headers or not name.lower().startswith("x-road-"), bad_format("repeated " + name))
        headers[name.lower()] = value
    path = lines[1].partition("?")[0].split("/")
    need(not request or (len(path) > 6 and path[:2] == ["", "r1"]), bad_format("path of the request"))
    return request, headers, "/".join(path[2:7]) if request else headers.get("x-road-service", "")


def read_receipt(message):
    """What a receipt of a delivery says (docs/message-log-format.md section 13)."""
    need(len(message) <= 16384, bad_format("receipt"))
    receipt = shape(parse_canonical(message, "receipt"), {**RECEIPT, "version": int}, {}, "receipt")
    said = tuple(receipt[name] for name in ("kind", "arrived", "means", "reason"))
    need(receipt["type"] == "concordat-delivery-receipt" and receipt["version"] == 1
         and all(1 <= len(receipt[name].encode("utf-16-le")) // 2 <= 1024 for name in (
             "client", "delivery", "eventId", "eventSource", "server", "service"))
         and (said == ("accepted", "no", "", "") or said in {("consumed", "yes", means, "") for means in ("pull", "push")}
              or said in {("abandoned", arrived, "", reason) for arrived in ("yes", "no", "unknown")
                          for reason in ("delivery_expired", "delivery_discarded")}), bad_format("receipt"))
    unbase64(receipt["eventDigest"], 64, "digest of the event")
    need(re.fullmatch(r".{19}\.\d{3}Z", receipt["time"]), bad_format("time of the receipt"))
    iso_time(receipt["time"])
    return receipt


def read_statement(kind, message):
    """The request id and hash that a server's statement names: that it refused, or that its system answered with a SOAP fault."""
    head, blank, document = message.partition(b"\r\n\r\n")
    if kind == "outcome-unknown" and message.startswith(b"concordat-fault-v1\r\n"):
        lines = head.decode("utf-8", "replace").split("\r\n")
        need(blank and len(lines) == 3 and lines[1] and re.fullmatch("[A-Za-z0-9+/]+={0,2}", lines[2]), bad_format("fault statement"))
        bodies = [one for one in parse_xml(document, (SOAP, "Envelope"), systems=True).elements() if one.name == (SOAP, "Body")]
        need(len(bodies) == 1 and [one.name for one in bodies[0].elements()] == [(SOAP, "Fault")], bad_format("the fault that is stated"))
        told = [local for _, local in (one.name for one in bodies[0].elements()[0].elements())]
        need(told.count("faultcode") == told.count("faultstring") == 1, bad_format("code or text of the fault"))
        return lines[1], lines[2]
    lines = message.decode("utf-8", "replace").split("\r\n")
    need(len(lines) == 6 and lines[0] == "concordat-refusal-v1" and lines[1] and lines[3] and lines[5] == "",
         bad_format("refusal statement"))
    need(kind == "refusal" or lines[3].lower().split(".")[-1] == "replayed_request", bad_format("a refusal of an unknown outcome"))
    return lines[1], lines[2]


def check_message(kind, metadata, message, log, direction):
    """The members that may have signed this message."""
    if kind in STATED:
        need(read_statement(kind, message)[0] == metadata.get("requestId"), bad_hash("the statement is about another request"))
        return {identifier(metadata.get("service", ""))[:3],
                identifier(log if direction == "out" else metadata.get("peer", ""))[:3]}
    if kind in RECEIPTS:
        receipt = read_receipt(message)
        facts = {"client": metadata.get("client"), "delivery": metadata.get("id"), "service": metadata.get("service"),
                 "kind": kind, "server": log if direction == "out" else metadata.get("peer")}
        for name, wanted in facts.items():
            need(receipt[name] == wanted, bad_hash("receipt and record differ: " + name))
        theirs = kind == "consumed" or receipt["arrived"] == "yes"
        return {identifier(receipt["service" if theirs else "client"])[:3]}
    need(kind in ("request", "reply"), doubt("SIG_CONSTRAINTS_FAILURE", "a message in a record of kind " + kind))
    if is_soap(message):
        said = read_soap(message)
        need(said.request == (kind == "request"), bad_hash("the message is no " + kind))
        for name, here in (("client", said.client), ("service", said.service), ("id", said.id)):
            there = metadata.get(name)
            need(there is None or here == (there if name == "id" else identifier(there)), bad_hash("message and metadata differ: " + name))
        return {(said.client if said.request else said.service)[:3]}
    request, headers, service = read_message(message)
    need(request == (kind == "request"), bad_hash("the message is no " + kind))
    client = headers.get("x-road-client", "")
    for name, here, there in (("client", client, metadata.get("client")), ("service", service, metadata.get("service")),
                              ("id", headers.get("x-road-id"), metadata.get("id")),
                              ("requestId", headers.get("x-road-request-id"), metadata.get("requestId"))):
        need(there is None or here and identifier(here) == identifier(there), bad_hash("message and metadata differ: " + name))
    return {identifier(client if request else service)[:3]}


def root_of(leaf, index, size, path):
    """The root that an inclusion proof leads to (RFC 9162 2.1.3.2)."""
    node, last, value = index, size - 1, leaf
    for step in path:
        need(last, bad_hash("the proof is too long"))
        if node & 1 or node == last:
            value = sha("sha256", b"\1", step, value)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            value = sha("sha256", b"\1", value, step)
        node, last = node >> 1, last >> 1
    need(last == 0, bad_hash("the proof is too short"))
    return value


def check_consistency(first, second, path):
    """Demands that the tree of the second head begins with that of the first, which is smaller (RFC 9162 2.1.4.2)."""
    need(0 < first.size < second.size, bad_hash("the sizes are not those of a growing tree"))
    path = ([first.root] if not first.size & (first.size - 1) else []) + path
    need(path, bad_hash("the consistency proof is too short"))
    node, last = first.size - 1, second.size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = grown = path[0]
    for step in path[1:]:
        need(last, bad_hash("the consistency proof is too long"))
        if node & 1 or node == last:
            old, grown = sha("sha256", b"\1", step, old), sha("sha256", b"\1", step, grown)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            grown = sha("sha256", b"\1", grown, step)
        node, last = node >> 1, last >> 1
    need(last == 0 and old == first.root and grown == second.root, bad_hash("the consistency proof leads elsewhere"))


def check_growth(heads, entry):
    """Demands that each tree head continues the next smaller one. `entry`: the bytes of consistency.json, or None."""
    steps = {}
    if entry is not None:
        value = shape(parse_canonical(entry, "consistency.json"), {"steps": [dict], "version": int}, {}, "consistency.json")
        need(value["version"] == 1, bad_format("version of consistency.json"))
        for step in value["steps"]:
            shape(step, {"first": int, "path": [str], "second": int}, {}, "step")
            pair = step["first"], step["second"]
            need(pair not in steps, bad_format("two steps of one pair"))
            steps[pair] = [unbase64(node, 32) for node in step["path"]]
    heads = sorted(heads, key=lambda head: head.size)
    proved = True  # a step that is left out must not hide one that does not hold
    for first, second in zip(heads, heads[1:]):
        if first.size == second.size:
            need(first.root == second.root, bad_hash("two roots of one size"))
            continue
        path = steps.get((first.size, second.size))
        if path is None:
            proved = False
        else:
            check_consistency(first, second, path)
    need(proved, doubt("NO_POE", "nothing proves that a tree head continues a smaller one"))


class TreeHead:
    """A C2SP checkpoint of the log."""

    def __init__(self, data, log):
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise bad_format("tree head is not UTF-8")
        note, blank, lines = text.rpartition("\n\n")
        self.text, lines = note + "\n", lines.split("\n")
        head = note.split("\n")
        need(blank and len(data) <= 65536 and not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text) and lines.pop() == ""
             and 1 <= len(lines) <= 64 and 3 <= len(head) <= 19 and all(head), bad_format("tree head"))
        need(re.fullmatch(r"0|[1-9]\d{0,15}", head[1]) and int(head[1]) < 1 << 53, bad_format("size of the tree head"))
        need(head[0] == log, bad_hash("tree head of another log"))
        self.size, self.root, self.lines = int(head[1]), unbase64(head[2], 32, "root"), []
        self.stamped = self.text + "\n"                      # what an evidence record is over: without lines of witnesses
        for line in lines:
            match = re.fullmatch(r"\u2014 ([^\s+]+) (\S+)", line)
            need(match, bad_format("line of the tree head"))
            self.lines.append((match[1], unbase64(match[2])))
            if match[1] in (log.replace("+", "%2B"), "/".join(log.split("/")[:3]).replace("+", "%2B")):
                self.stamped += line + "\n"
            need(len(self.lines[-1][1]) > 4, bad_format("line of the tree head"))

    def signed_by(self, openssl, member, spki):
        """Has the member signed with this key? A line of the key that does not verify condemns the tree head."""
        key_id = sha("sha256", member.encode(), b"\n\xffconcordat member signature", spki)[:4]
        found = [value[4:] for name, value in self.lines if name == member and value[:4] == key_id]
        for value in found:
            need(any(openssl.signed(spki, "sha512", value, self.text.encode(), pss) for pss in (False, True)),
                 Verdict(FAILED, "SIG_CRYPTO_FAILURE", "the owner's line of the tree head does not verify"))
        return bool(found)


class WitnessPolicy:
    """A C2SP tlog-policy file: witnesses with their Ed25519 keys, groups, and the quorum."""

    def __init__(self, data):
        self.keys, self.groups, self.quorum = {}, {}, None
        for line in data.decode().split("\n"):
            words = line.split()
            if not words or words[0].startswith("#") or words[0] == "log":
                continue
            if words[0] == "witness":
                name, key_id, key = words[2].split("+", 2)
                key = unbase64(key, 33)
                need(key[0] == 4 and bytes.fromhex(key_id) == sha("sha256", name.encode(), b"\n", key)[:4],
                     bad_format("witness " + words[1]))
                self.keys[words[1]] = (name, bytes.fromhex(key_id), key[1:])
            elif words[0] == "group":
                least = {"all": len(words) - 3, "any": 1}.get(words[2]) or int(words[2])
                self.groups[words[1]] = (least, words[3:])
            else:
                need(words[0] == "quorum" and self.quorum is None, bad_format("witness policy"))
                self.quorum = words[1]
        need(self.quorum is not None, bad_format("witness policy"))

    def met(self, openssl, head):
        """Whether enough witnesses cosigned the tree head; a forged line of one of them is no cosignature of any."""
        signed = set()
        for label, (name, key_id, key) in self.keys.items():
            for value in [value[4:] for line, value in head.lines if line == name and value[:4] == key_id]:
                time = int.from_bytes(value[:8], "big")
                text = ("cosignature/v1\ntime %d\n%s" % (time, head.text)).encode()
                if len(value) != 72 or not openssl.ed25519(key, value[8:], text):
                    return False
                signed.add(label)

        def holds(name):
            if name in self.groups:
                least, members = self.groups[name]
                return sum(map(holds, members)) >= least
            return name in signed
        return self.quorum == "none" or holds(self.quorum)


def check_circumstances(value):
    """Demands what docs/message-log-format.md section 12 says of the document that tells the circumstances of an exchange."""
    shape(value, {"version": int, "side": str}, {
        "authentication": str, "contract": dict, "endpoint": dict, "right": dict, "service": dict}, "the circumstances")
    endpoints = [value[name] for name in ("endpoint",) if name in value]
    fits = value["version"] == 1 and value["side"] in ("consumer", "provider")
    fits = fits and value.get("authentication", "NOSSL") in ("NOSSL", "SSLNOAUTH", "SSLAUTH")
    if "contract" in value:
        contract = shape(value["contract"], {**{name: str for name in (
            "id", "hash", "title", "purpose", "legalBasis")}, "version": int, "endpoint": dict}, {"globalGroup": str}, "contract")
        fits = fits and contract["version"] > 0 and re.fullmatch(r"[0-9a-f]{64}", contract["hash"])
        endpoints.append(contract["endpoint"])
    if "right" in value:
        shape(value["right"], {"endpoint": dict, "grants": [dict]}, {}, "right")
        endpoints.append(value["right"]["endpoint"])
        fits = fits and len(value["right"]["grants"]) <= 256
        for grant in value["right"]["grants"]:
            shape(grant, {"subjectType": str, "subject": str, "since": str}, {}, "grant")
            fits = fits and grant["subjectType"] in ("SUBSYSTEM", "GLOBALGROUP", "LOCALGROUP")
    if "service" in value:
        shape(value["service"], {"type": str}, {"description": dict}, "service")
        fits = fits and value["service"]["type"] in ("REST", "OPENAPI", "WSDL")
        if "description" in value["service"]:
            description = shape(
                value["service"]["description"], {"document": str, "published": str, "since": str}, {}, "description")
            for name in ("document", "published"):
                unbase64(description[name], 32, name)
    for endpoint in endpoints:
        shape(endpoint, {"method": str, "path": str}, {}, "endpoint")
    need(fits, bad_format("the circumstances"))


class Record:
    """One record of the bundle; `judge` gives its verdict."""

    def __init__(self, value, entries, log):
        shape(value, *RECORD, "record")
        self.index, self.log, self.entries = value["index"], log, entries
        need(self.index >= 0, bad_format("index"))
        form = value["form"].encode("utf-8", "surrogatepass")
        self.form = shape(parse_canonical(form, "leaf form"), {**FORM, "version": int}, {}, "leaf form")
        for name, size in (("answers", 32), ("body", 32), ("message", 32), ("parties", 32), ("signature", 64)):
            unbase64(self.form[name], size if self.form[name] else 0, name)
        need(self.form["version"] == 1 and self.form["fields"] == "" and self.form["kind"] in KINDS
             and self.form["logLevel"] in ("full", "digest", "none") and re.fullmatch(r".{19}\.\d{3}Z", self.form["time"])
             and self.form["direction"] in (("in", "out") if self.form["kind"] in EXCHANGED else ("",)), bad_format("leaf form"))
        iso_time(self.form["time"])
        self.leaf = sha("sha256", b"\0", form)
        self.path = [unbase64(step, 32, "path") for step in value["path"]]
        self.erased, self.openings, self.head = value.get("erased"), {}, value["checkpoint"]
        if self.erased is not None:
            iso_time(self.erased)
        for name, opening in shape(value["openings"], {}, {"parties": dict, "message": dict, "body": dict}, "openings").items():
            shape(opening, {"key": str, "digest": str}, {}, "opening")
            self.openings[name] = unbase64(opening["key"], 32, "key"), unbase64(opening["digest"], 64, "digest")
        self.metadata, self.document, container = (
            entries[value[name]] if name in value else None for name in ("metadata", "signatures", "container"))
        self.facts = {}
        if self.metadata is not None:
            text = {name: str for name in (
                "circumstances", "client", "configuration", "id", "node", "peer", "requestId", "service")}
            number = {name: int for name in ("answers", "keepDays", "secrecy")}
            self.facts = shape(parse_json(self.metadata), {}, {**text, **number, "extra": dict}, "metadata")
        self.held = None                                    # the entry with the circumstances
        if "circumstances" in self.facts:
            digest = unbase64(self.facts["circumstances"], 32, "circumstances")
            self.held = "circumstances/%s.json" % digest.hex()
            if self.held in entries:
                need(sha("sha256", entries[self.held]) == digest, bad_hash("the circumstances are not those that the record names"))
                check_circumstances(parse_canonical(entries[self.held], "the circumstances"))
        self.container = read_zip(container, True) if container is not None else None
        self.proved = None                                  # (certificate, member) of a message that verifies

    def stand(self, head):
        """Demands that this record stands under the tree head."""
        need(self.index < head.size and root_of(self.leaf, self.index, head.size, self.path) == head.root,
             bad_hash("the proof does not lead to the tree head"))

    def judge(self, head, trust, stamps, along):
        """Raises a verdict unless this record is what the log committed to, and its message verifies."""
        self.stand(head)
        form, shown = self.form, self.container or {}
        contents = ("parties", self.metadata), ("message", shown.get("message.xml")), ("body", body_of(shown))
        for name, content in contents:
            if name in self.openings:
                key, digest = self.openings[name]
                need(base64.b64encode(sha("sha256", key, digest)).decode() == form[name], bad_hash("opening of " + name))
                need(content is None or sha("sha512", content) == digest, bad_hash("%s is not what was opened" % name))
            else:
                need(content is None, bad_hash("%s is shown without an opening" % name))
                need(not form[name] or self.erased is not None, bad_format("no opening of " + name))
        need(self.metadata is not None or "parties" not in self.openings, bad_format("metadata is not shown"))
        if self.document is not None:
            need(base64.b64encode(sha("sha512", self.document)).decode() == form["signature"], bad_hash("signature document"))
        else:
            need((not form["signature"] or self.erased is not None) and self.container is None, bad_format("no signature document"))
        if self.container is not None:
            need("message" in self.openings and ("body" not in self.openings or body_of(shown) is not None), bad_hash("message or body"))
            members = check_message(form["kind"], self.facts, shown["message.xml"], self.log, form["direction"])
            stamp_record = stamps.get(unbase64(form["signature"]))
            proof = stamp_record and stamp_record.proof
            kept = (stamp_record.answers if stamp_record else []) + (proof.answers if proof else []) + along
            certificate, member, stamp = check_container(
                trust, self.container, self.document, kept, stamp_record and stamp_record.token)
            need(member in members, doubt("SIG_CONSTRAINTS_FAILURE", "signed by %s" % "/".join(member)))
            if form["kind"] in RECEIPTS:
                receipt = read_receipt(shown["message.xml"])
                need(form["outcome"] == ("ok" if form["kind"] == "consumed" else receipt["reason"]) and not form["body"],
                     bad_hash("the leaf of the receipt says something else"))
            self.proved = certificate, member
            trust.aged(stamp, proof.since if proof and proof.counts else trust.now, kept)
            need(stamp_record, doubt("NO_POE", "the log's own record of the time-stamp is not shown"))
        own_word = form["kind"] not in ("request", "reply") and not form["message"] and not form["signature"]
        need(self.erased is None, doubt(
            "SIGNED_DATA_NOT_FOUND", "erased at %s: its place is proved, its content is not" % self.erased))
        need(self.container is not None or own_word, doubt("SIGNED_DATA_NOT_FOUND", "kept as digests only"))


class StampRecord(Record):
    """The log's record of a time-stamp: it commits to the token and to all that was kept with it."""

    def __init__(self, value, entries, log):
        shape(value, {"index": int, "form": str, "path": [str], "checkpoint": str, "openings": dict, "firstId": int, "lastId": int,
                      "digests": str, "token": str, "certificates": [str], "ocspResponses": [str]}, {"hashChainResult": str}, "time-stamp")
        super().__init__({name: value[name] for name in ("index", "form", "path", "checkpoint", "openings")}, entries, log)
        need(self.form["kind"] == "time-stamp", bad_hash("no record of a time-stamp"))
        self.token, self.digests = entries[value["token"]], entries[value["digests"]]
        self.answers, self.proof = [entries[name] for name in value["ocspResponses"]], None
        kept = b"".join(bytes([kind]) + len(entries[name]).to_bytes(4, "big") + entries[name]
                        for kind, field in ((1, "certificates"), (2, "ocspResponses")) for name in value[field])
        parts = [self.digests, entries[value["hashChainResult"]] if "hashChainResult" in value else b"", kept]
        self.batch = b"".join([value["firstId"].to_bytes(8, "big"), value["lastId"].to_bytes(8, "big")] + [
            len(part).to_bytes(4, "big") + part for part in parts])

    def check(self, head, proof):
        self.stand(head)
        self.proof = proof
        for name, content in (("message", self.token), ("body", self.batch)):
            key, digest = self.openings[name]
            need(base64.b64encode(sha("sha256", key, digest)).decode() == self.form[name] and sha("sha512", content) == digest,
                 bad_hash("the time-stamp is not what the log committed to"))
        need(self.digests and len(self.digests) % 64 == 0, bad_hash("digests of the time-stamp"))


def check_receipts(records):
    """Receipts answer nothing; they name one delivery, which is that of the request beside them."""
    receipts = [record for record in records if record.form["kind"] in RECEIPTS]
    need(all(not record.form["answers"] for record in receipts), bad_hash("a receipt that answers a record"))
    shown = [(record, read_receipt(record.container["message.xml"])) for record in receipts if record.container]
    for record, receipt in shown:
        need(all(receipt[name] == shown[0][1][name] for name in ("delivery", "eventDigest")), bad_hash("several deliveries"))
        for other in records:
            if other.form["kind"] == "request" and other.container:
                body = body_of(other.container)
                need(body is not None and base64.b64encode(sha("sha512", body)).decode() == receipt["eventDigest"],
                     bad_hash("record %d names another event than the one that was carried" % record.index))
                need(all(other.facts.get(there) == receipt[here] for here, there in (
                    ("delivery", "id"), ("client", "client"), ("service", "service"))), bad_hash("another delivery"))
    return [record for record in records if record not in receipts]


def check_answers(records):
    """The records are one that was asked and those that answer it, and replies name the request by its hash."""
    leaves = {record.index: record.leaf for record in records}
    for record in records:
        named = record.facts.get("answers")
        answers = unbase64(record.form["answers"])
        if named in leaves or answers in leaves.values():
            need(named is None or leaves.get(named) == answers, bad_hash("record %d names another leaf as answered" % record.index))
    def answers(record, head):
        """An erasure answers whichever record it ended, all others the first."""
        answered = unbase64(record.form["answers"])
        return answered in leaves.values() if record.form["kind"] == "erasure" else answered == head.leaf
    records = check_receipts(records)
    heads = [head for head in records if all(answers(record, head) for record in records if record is not head)]
    need(len(records) < 2 or heads, bad_hash("the records are not one exchange"))
    asked = heads[0].container if len(records) > 1 else None
    for record in records:
        if asked and record is not heads[0] and record.container and record.form["kind"] in STATED | {"reply"}:
            message, wanted = record.container["message.xml"], [request_hash(asked)]
            if record.form["kind"] in STATED:                # a refusal may come before the request's body is hashed
                said, wanted = read_statement(record.form["kind"], message)[1], wanted + [""]
            elif is_soap(message):
                said = read_soap(message).request_hash
            else:
                said = read_message(message)[1].get("x-road-request-hash")
            need(said in wanted,
                 bad_hash("record %d answers another request" % record.index))


def verify(data, configurations, openssl, report, now, witnesses=None):
    """Judges a bundle. Verdicts of single records go into the report."""
    need(len(data) <= GIB, doubt("SIGNED_DATA_NOT_FOUND", "the bundle is too large to be judged whole"))
    entries = read_zip(data)
    need("bundle.json" in entries, bad_format("no bundle.json"))
    bundle = shape(parse_canonical(entries["bundle.json"], "bundle.json"), {
        "version": int, "log": str, "made": str, "records": [dict], "timeStamps": [dict], "evidenceRecords": [dict],
        "configuration": [str], "files": dict}, {"checkpointSigner": dict}, "bundle")
    need(bundle["version"] == 1 and bundle["records"], bad_format("version or records"))
    files, signer = bundle["files"], bundle.get("checkpointSigner", {"certificates": [], "ocspResponses": []})
    need(set(files) == set(entries) - {"bundle.json"}, bad_format("entries that are missing or not listed"))
    for name, digest in files.items():
        need(unbase64(digest, 32) == sha("sha256", entries[name]), bad_format("%s is not what its digest says" % name))
    shape(signer, {"certificates": [str], "ocspResponses": [str]}, {}, "checkpointSigner")
    used = bundle["configuration"] + signer["certificates"] + signer["ocspResponses"]
    used += [record[key] for record in bundle["records"] for key in ("checkpoint", "metadata", "signatures", "container")
             if isinstance(record.get(key), str)]
    for value in bundle["evidenceRecords"]:
        shape(value, {"checkpoint": str, "record": str, "certificates": [str], "ocspResponses": [str]}, {}, "evidence record")
    for value in bundle["timeStamps"] + bundle["evidenceRecords"]:
        for key in ("checkpoint", "record", "token", "digests", "hashChainResult", "certificates", "ocspResponses"):
            found = value.get(key, [])
            used += [found] if isinstance(found, str) else found
    profiles = [name for name in files if re.fullmatch("configuration/[^/]+/certificate-profiles[.]json", name)]
    used += profiles
    need(set(files) >= set(used), bad_format("entries that are missing"))
    log = bundle["log"]
    iso_time(bundle["made"])
    need(len(log.split("/")) == 4 and all(log.split("/")), bad_format("log"))
    records = [Record(value, entries, log) for value in bundle["records"]]
    need(all(a.index < b.index for a, b in zip(records, records[1:])), bad_format("order of the records"))
    need(set(files) <= set(used) | {"README.html", "consistency.json"} | {record.held for record in records}, bad_format("entries that are not used"))
    stamp_records = [StampRecord(value, entries, log) for value in bundle["timeStamps"]]
    need(all(a.index < b.index for a, b in zip(stamp_records, stamp_records[1:])), bad_format("order of the time-stamps"))
    heads = {name: TreeHead(entries[name], log) for name in {record.head for record in records + stamp_records}}
    trust = Trust(openssl, configurations or [entries[name] for name in bundle["configuration"] + profiles], now, log)
    proofs, troubles, stamps = {}, [], {}
    for value in bundle["evidenceRecords"]:
        def prove(value=value):
            first, last = trust.evidence(entries[value["record"]], heads[value["checkpoint"]].stamped.encode())
            need(first.at <= now + TOLERANCE, doubt("NO_POE", "an evidence record of the future"))
            proofs[value["checkpoint"]] = Proof(
                first.at, last.end, last.cause, [entries[name] for name in value["ocspResponses"]], now <= last.end)
        attempt(prove)                                       # one that does not hold proves nothing
    for record in stamp_records:
        troubles.append(attempt(record.check, heads[record.head], proofs.get(record.head)))
        for i in range(0, len(record.digests), 64):
            stamps[record.digests[i:i + 64]] = record
    if any(troubles):
        raise next(found for found in troubles if found)
    along = [entries[name] for name in signer["ocspResponses"]]
    for record in records:
        found = attempt(record.judge, heads[record.head], trust, stamps, along)
        troubles.append(found)
        report.append({"index": record.index, **outcome(found)})
    troubles.append(attempt(check_answers, records))
    owner = "/".join(log.split("/")[:3])
    candidates = [record.proved[0] for record in records if record.proved and record.proved[1] == identifier(owner)]
    candidates += [parse_certificate(entries[name]) for value in [signer] + bundle["evidenceRecords"] for name in value["certificates"]]

    def countersigned(name, head):
        """The owner signed the tree head, with a certificate that was good when it is proved to exist, or is good now."""
        signed = [item for item in candidates if head.signed_by(openssl, owner, item.spki)]
        trouble = doubt("NO_CERTIFICATE_CHAIN_FOUND", "nothing ties the tree head to the owner")
        proof = proofs.get(name)
        for certificate in signed:
            found = attempt(lambda: need(trust.signer(
                certificate, along + (proof.answers if proof else []), proof.since if proof and proof.counts else now) ==
                identifier(owner), trouble))
            if not found:
                return
            trouble = found
        if signed and not (proof and proof.counts):
            trouble = doubt(proof.cause if proof else "NO_POE", "nothing proves when the tree head was signed")
        raise trouble
    troubles += [attempt(countersigned, name, head) for name, head in sorted(heads.items())]

    def cosigned(head):
        need(witnesses.met(openssl, head), doubt("NO_POE", "too few witnesses cosigned the tree head"))
    if witnesses:
        troubles += [attempt(cosigned, head) for _, head in sorted(heads.items())]
    troubles.append(attempt(check_growth, heads.values(), entries.get("consistency.json")))
    for verdict in (FAILED, INDETERMINATE):
        for found in troubles:
            if found and found.verdict == verdict:
                raise found


def attempt(check, *arguments):
    """The verdict that a check raises, or None. What cannot even be read is a format failure."""
    try:
        check(*arguments)
    except Verdict as found:
        return found
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, UnicodeError, RecursionError, AttributeError) as found:
        return bad_format("cannot be read: %s" % type(found).__name__)
    except (OSError, subprocess.SubprocessError) as found:
        return doubt("GENERIC", "could not be checked: %s" % found)


def outcome(found):
    """A verdict for the report; None is TOTAL-PASSED."""
    verdict = found.verdict if found else PASSED
    return {"verdict": verdict, "subIndication": found and found.sub, "reason": found and found.reason}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle")
    parser.add_argument("--conf", action="append", default=[], help="shared-params.xml (and certificate-profiles.json) to judge by, instead of the bundle's own")
    parser.add_argument("--witnesses", help="C2SP tlog-policy file: every tree head needs the cosignatures of its quorum")
    parser.add_argument("--at", help="the time of judging, instead of now")
    arguments, report = parser.parse_args(), []

    def work():
        files = []
        for name in arguments.conf + [arguments.bundle]:
            with open(name, "rb") as file:
                files.append(file.read(GIB + 1))
        policy = None
        if arguments.witnesses:
            with open(arguments.witnesses, "rb") as file:
                policy = WitnessPolicy(file.read(65536))
        with tempfile.TemporaryDirectory() as directory:
            now = iso_time(arguments.at) if arguments.at else int(time.time())
            verify(files[-1], files[:-1], OpenSsl(directory), report, now, policy)
    found = attempt(work)
    print(json.dumps({**outcome(found), "records": report}))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
