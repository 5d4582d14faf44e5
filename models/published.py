"""The automatic figures that the papers print for ESConv, as data, each with its split.

Rows of different sources are not comparable: split, tokens and decoding differ (see `models.metrics.Definition`). Split
D is dialogue level, E is MISC's turn level and leaky (`models.esconv.SPLITS`); "?" where a paper does not say and its
code, or agreement with other tables, does not settle it. Where two papers differ on one system, both rows stand.
"""

from __future__ import annotations

from dataclasses import dataclass

MISC_2022 = "Tu et al. 2022 (MISC), table 2"
ADMISC_2024 = "AdMISC 2024, table 4"
STAR = "STAR, table 1"
STAR_LLM = "STAR, table 2"


@dataclass(frozen=True)
class PublishedRow:
    """One row of one table; percent but for the perplexity, None = not reported."""

    system: str
    source: str
    split: str
    accuracy: float | None = None
    macro_f1: float | None = None
    perplexity: float | None = None
    distinct_1: float | None = None
    distinct_2: float | None = None
    bleu_2: float | None = None
    bleu_4: float | None = None
    rouge_l: float | None = None


# fmt: off
PUBLISHED: tuple[PublishedRow, ...] = (
    #            system                source      split  ACC    F1     PPL     D-1   D-2    B-2   B-4   R-L
    PublishedRow("Transformer",        MISC_2022,   "E", None,  None,  89.61,  1.29, 6.91,  6.53, 1.37, 15.17),
    PublishedRow("MT Transformer",     MISC_2022,   "E", None,  None,  89.52,  1.28, 7.12,  6.58, 1.47, 14.75),
    PublishedRow("MoEL",               MISC_2022,   "E", None,  None,  133.13, 2.33, 15.26, 5.93, 1.22, 14.65),
    PublishedRow("MIME",               MISC_2022,   "E", None,  None,  47.51,  2.11, 10.94, 5.23, 1.17, 14.74),
    PublishedRow("BlenderBot-Joint",   MISC_2022,   "E", 28.57, None,  18.49,  4.12, 17.72, 5.78, 1.74, 16.39),
    PublishedRow("BlenderBot-Joint",   ADMISC_2024, "E", 28.57, None,  18.49,  3.12, None,  5.78, 1.74, 16.39),
    PublishedRow("BlenderBot-Joint",   STAR,   "D", None,  19.23, 16.15,  None, None,  5.52, 1.29, 15.51),
    PublishedRow("MISC",               MISC_2022,   "E", 31.63, None,  16.16,  4.41, 19.71, 7.31, 2.20, 17.91),
    PublishedRow("MISC",               ADMISC_2024, "E", 31.01, None,  16.16,  3.41, None,  6.24, 1.76, 17.37),
    PublishedRow("MISC",               STAR,   "D", None,  19.89, 16.08,  None, None,  7.62, 2.19, 16.40),
    PublishedRow("GLHG",               ADMISC_2024, "E", None,  None,  15.72,  3.50, None,  7.57, 2.13, 16.37),
    PublishedRow("GLHG",               STAR,   "D", None,  None,  15.67,  None, None,  7.57, 2.13, 16.37),
    PublishedRow("FADO",               ADMISC_2024, "?", 32.90, None,  15.52,  3.80, None,  8.00, 2.32, 17.53),
    PublishedRow("AdMISC",             ADMISC_2024, "E", 34.41, None,  15.49,  3.83, None,  8.16, 2.36, 17.91),
    PublishedRow("SCBG",               STAR,   "?", None,  None,  None,   None, None,  5.61, 2.91, 14.83),
    PublishedRow("TransESC",           STAR,   "?", None,  None,  15.85,  None, None,  7.64, 2.43, 17.51),
    PublishedRow("SUPPORTER",          STAR,   "?", None,  None,  15.37,  None, None,  7.49, None, None),
    PublishedRow("MultiESC",           STAR,   "?", None,  None,  15.41,  None, None,  9.18, 3.09, 20.41),
    PublishedRow("Emstremo",           STAR,   "?", None,  21.30, 16.12,  None, None,  8.22, 2.53, 18.04),
    PublishedRow("KEMI",               STAR,   "D", None,  22.70, 16.34,  None, None,  8.08, 2.60, 17.05),
    PublishedRow("KEMI + STAR",        STAR,   "D", None,  23.17, 17.42,  None, None,  8.56, 2.65, 17.42),
    PublishedRow("Emstremo + STAR",    STAR,   "?", None,  22.48, 15.96,  None, None,  8.43, 2.28, 18.14),
    PublishedRow("BB-Joint + STAR",    STAR,   "D", None,  24.81, 15.96,  2.71, 19.38, 8.58, 2.71, 17.20),
    PublishedRow("GPT-4o-mini 0-shot", STAR_LLM, "D", None, 23.35, None,  3.59, 24.12, 3.54, 0.66, 12.13),
    PublishedRow("GPT-4o-mini 5-shot", STAR_LLM, "D", None, 23.35, None,  3.59, 24.45, 3.97, 0.80, 12.99),
    PublishedRow("GPT-4o-mini 10-shot", STAR_LLM, "D", None, 23.35, None, 3.59, 24.67, 4.09, 0.79, 13.12),
)
# fmt: on


def published(system: str) -> tuple[PublishedRow, ...]:
    """Rows of the systems whose name contains `system` (any case); "all" gives every row, "none" or "" no row."""
    if system in ("", "none"):
        return ()
    return tuple(row for row in PUBLISHED if system == "all" or system.lower() in row.system.lower())
