"""Constraints that a target can't carry, as short English sentences: the same constraint, the same words."""

from __future__ import annotations

from ..messages import JSON

SENTENCES = {
    "minimum": "At least {}.",
    "maximum": "At most {}.",
    "exclusiveMinimum": "Greater than {}.",
    "exclusiveMaximum": "Less than {}.",
    "multipleOf": "A multiple of {}.",
    "minLength": "At least {} characters.",
    "maxLength": "At most {} characters.",
    "pattern": "Matches the regular expression {}",
    "minItems": "At least {} items.",
    "maxItems": "At most {} items.",
    "uniqueItems": "No item comes twice.",
    "minBytes": "At least {} bytes.",
    "maxBytes": "At most {} bytes.",
    "minProperties": "At least {} members.",
    "maxProperties": "At most {} members.",
}
FORMATS = {
    "date": "A date as YYYY-MM-DD.",
    "date-time": "A date and time as YYYY-MM-DDTHH:MM:SS, with an offset or Z.",
    "time": "A time as HH:MM:SS, with an offset or Z.",
    "duration": "A duration as in ISO 8601, such as P1DT2H.",
    "email": "An e-mail address.",
    "hostname": "A host name.",
    "ipv4": "An IPv4 address.",
    "ipv6": "An IPv6 address.",
    "uuid": "A UUID.",
    "uri": "A URI.",
    "uri-reference": "A URI or a relative reference.",
    "iri": "An IRI.",
    "regex": "A regular expression.",
    **{f"uuid{version}": f"A UUID of version {version}." for version in range(1, 9)},
    "ipv4network": "An IPv4 network, such as 10.0.0.0/8.",
    "ipv6network": "An IPv6 network, such as fd00::/8.",
    "ipv4interface": "An IPv4 address with its network, such as 10.0.0.1/8.",
    "ipv6interface": "An IPv6 address with its network, such as fd00::1/8.",
    "ipvanyaddress": "An IPv4 or IPv6 address.",
    "ipvanynetwork": "An IPv4 or IPv6 network, such as 10.0.0.0/8.",
    "ipvanyinterface": "An IPv4 or IPv6 address with its network, such as 10.0.0.1/8.",
    "name-email": "An e-mail address, with a name before it if there is one: Jo Li <jo@example.com>.",
    "multi-host-uri": "A URI, perhaps with several hosts.",
    "json-string": "JSON text.",
    "path": "A file path.",
    "file-path": "A file path.",
    "directory-path": "The path of a folder.",
    "json-pointer": "A JSON pointer.",
    "password": "",
    "binary": "Binary data.",
}


def sentence(keyword: str, value: JSON) -> str:
    """Return the sentence for one constraint; "" if there is nothing to say."""
    if keyword == "format":
        return FORMATS.get(value, f"In the format {value!r}.")
    if keyword == "uniqueItems" and not value:
        return ""
    text = SENTENCES.get(keyword)
    return text.format(value) if text else ""


def joined(*texts: str | None) -> str:
    """Return sentences one after the other; one that ends without a mark gets its full stop."""
    *before, last = [text.strip() for text in texts if text and text.strip()] or [""]
    return " ".join([*(text if text[-1] in ".!?:;…" else f"{text}." for text in before), last])
