"""The text of a file, whatever program saved it: UTF-8 or, with a byte-order mark, UTF-16 and UTF-32.

No encoding is guessed: a wrong guess would silently change names.
"""

from __future__ import annotations

import codecs
from pathlib import Path

# The mark of UTF-32 begins with that of UTF-16, so UTF-32 is checked first.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
ADVICE = "save it as UTF-8 (Excel: file type CSV UTF-8)"


def without_folder(fault: Exception, path: Path) -> str:
    """The message of a fault with a file, without its folder: a page may show it, but not where files are stored."""
    words = (isinstance(fault, OSError) and fault.strerror) or str(fault) or type(fault).__name__
    return words.removeprefix(f"{path}: ").replace(str(path), path.name)


def read_text(path: Path) -> str:
    r"""The text without its byte-order mark, with every line break as "\n".

    Raises OSError when the file cannot be read, ValueError naming file and line when it is not such a text.
    """
    raw = path.read_bytes()
    mark, encoding = next(((mark, name) for mark, name in _MARKS if raw.startswith(mark)), (b"", "utf-8"))
    body = raw.removeprefix(mark)
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        line = body[: error.start].decode(encoding, errors="ignore").count("\n") + 1
        found = f"byte 0x{body[error.start]:02x}"
        raise ValueError(f"{path}, line {line}: not {encoding.upper()} text ({found}); {ADVICE}") from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise ValueError(f"{path}, line {line}: a NUL character, as in UTF-16 without its mark; {ADVICE}")
    return text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
