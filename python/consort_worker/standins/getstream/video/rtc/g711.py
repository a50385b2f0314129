"""G.711: sound of telephones, 8 bits a sample, by the two laws of ITU-T G.711."""

from array import array
from enum import Enum

_BIAS, _MOST = 132, 32635


class G711Mapping(str, Enum):
    MULAW = "mulaw"
    ALAW = "alaw"


class G711Encoding(str, Enum):
    RAW = "raw"
    BASE64 = "base64"


def decode(data, mapping):
    table = _decoding(mapping)
    return array("h", [table[byte] for byte in data])


def encode(samples, mapping):
    to_byte = _to_mulaw if _name(mapping) == "mulaw" else _to_alaw
    return bytes([to_byte(sample) for sample in samples])


def _name(mapping):
    name = getattr(mapping, "value", mapping)
    if name not in ("mulaw", "alaw"):
        raise ValueError(f"Invalid mapping: {mapping}. Must be 'mulaw' or 'alaw'")
    return name


_tables = {}


def _decoding(mapping):
    name = _name(mapping)
    if name not in _tables:
        from_byte = _from_mulaw if name == "mulaw" else _from_alaw
        _tables[name] = [from_byte(byte) for byte in range(256)]
    return _tables[name]


def _from_mulaw(byte):
    byte = ~byte & 0xFF
    value = ((((byte & 0x0F) << 3) + _BIAS) << ((byte & 0x70) >> 4)) - _BIAS
    return -value if byte & 0x80 else value


def _to_mulaw(sample):
    sign = 0x80 if sample < 0 else 0
    value = min(abs(sample), _MOST) + _BIAS
    exponent = value.bit_length() - 8
    return ~(sign | exponent << 4 | value >> (exponent + 3) & 0x0F) & 0xFF


def _from_alaw(byte):
    byte ^= 0x55
    exponent, mantissa = (byte & 0x70) >> 4, byte & 0x0F
    value = (mantissa << 4) + 8 if exponent == 0 else ((mantissa << 4) + 0x108) << (exponent - 1)
    return value if byte & 0x80 else -value


def _to_alaw(sample):
    sign = 0x80 if sample >= 0 else 0
    value = min(sample if sample >= 0 else ~sample, 32767)
    exponent = max(0, value.bit_length() - 8)
    mantissa = value >> 4 if exponent == 0 else value >> (exponent + 3) & 0x0F
    return (sign | exponent << 4 | mantissa & 0x0F) ^ 0x55
