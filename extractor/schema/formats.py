"""The values of `format` that the compiler knows: in words, and the Python types that read them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from pathlib import PurePath
from typing import Any
from uuid import UUID

from pydantic import SecretBytes, SecretStr

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
FORMAT_TYPES: Mapping[str, Any] = {
    "date": date,
    "uuid": UUID,
    **dict.fromkeys(("uuid1", "uuid3", "uuid4", "uuid5", "uuid6", "uuid7", "uuid8"), UUID),
    "ipv4": IPv4Address,
    "ipv6": IPv6Address,
    "ipv4network": IPv4Network,
    "ipv6network": IPv6Network,
    "ipv4interface": IPv4Interface,
    "ipv6interface": IPv6Interface,
    "path": PurePath,
    "file-path": PurePath,
    "directory-path": PurePath,
    "regex": (re.Pattern, str),
    "password": (SecretStr, SecretBytes, str),
}
