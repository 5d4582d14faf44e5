"""The automatic figures that the papers print for ESConv, as data: each table with its split and what it counts.

Rows of different sources are not comparable: split, tokens and decoding differ (see
`models.evaluation.definitions.Definition`), and a table may hold rows that its authors took over from elsewhere
(`TAKEN_OVER`). Split D is by dialogue; E is MISC's split by turn and leaky (`models.data.esconv.SPLITS`); "D, merged"
merges consecutive turns of one speaker (MultiESC: 2,295 test turns and a BLEU of its own), which is a different task;
"?" means that neither the paper, nor its code, nor agreement with other tables shows the split. Where two papers differ
on one system, both rows are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.evaluation.definitions import EMSTREMO, ESCONV, MISC, Definition

MISC_2022 = "Tu et al. 2022 (MISC), table 2"
MISC_PARTS = "Tu et al. 2022 (MISC), tables 4, 6 and 7"
ADMISC_2024 = "AdMISC 2024, table 4"
ADMISC_PARTS = "AdMISC 2024, table 6"
STAR = "STAR, table 1"
STAR_LLM = "STAR, table 2"

DEFINITIONS: dict[str, Definition] = {
    MISC_2022: MISC,  # recomputed exactly from the authors' outputs
    MISC_PARTS: MISC,
    ADMISC_2024: MISC,  # no code: its rows of older systems are MISC's, so its own are assumed to count alike
    ADMISC_PARTS: MISC,
    STAR: ESCONV,
    STAR_LLM: ESCONV,
}
"""source -> what the text figures of its table count, as far as known"""

TAKEN_OVER: dict[tuple[str, str], Definition] = {
    (ADMISC_2024, "GLHG"): ESCONV,  # gives D-1 3.50 and B-4 2.13 on the authors' outputs of 2,801 turns
    (ADMISC_2024, "FADO"): ESCONV,  # the metrics in its code
    (STAR, "TransESC"): MISC,
    (STAR, "SUPPORTER"): MISC,
    (STAR, "Emstremo"): EMSTREMO,
    (STAR, "Emstremo + STAR"): EMSTREMO,
}
"""(source, system) -> what the code behind that row counts, if it differs from its table"""


@dataclass(frozen=True)
class PublishedRow:
    """One row of one table; percent except perplexity and BERTScore (0 to 1), None = not reported."""

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
    meteor: float | None = None
    macro_precision: float | None = None
    macro_recall: float | None = None
    bert_precision: float | None = None
    bert_recall: float | None = None
    bert_f1: float | None = None


def _part(system: str, *scores: float) -> PublishedRow:
    """A row of MISC's ablations: D-1, B-2, R-L, METEOR."""
    d_1, b_2, r_l, meteor = scores
    return PublishedRow(system, MISC_PARTS, "E", distinct_1=d_1, bleu_2=b_2, rouge_l=r_l, meteor=meteor)


def _ablated(system: str, *scores: float) -> PublishedRow:
    """A row of AdMISC's ablation: ACC, D-1, B-2, R-L, precision, recall."""
    accuracy, d_1, b_2, r_l, precision, recall = scores
    return PublishedRow(
        system,
        ADMISC_PARTS,
        "E",
        accuracy,
        distinct_1=d_1,
        bleu_2=b_2,
        rouge_l=r_l,
        macro_precision=precision,
        macro_recall=recall,
    )


def _llm(system: str, *scores: float) -> PublishedRow:
    """A row of STAR's table 2: F1, B-2, B-4, R-L, D-1, D-2, BERTScore precision, recall, F."""
    f1, b_2, b_4, r_l, d_1, d_2, *bert = scores
    return PublishedRow(system, STAR_LLM, "D", None, f1, None, d_1, d_2, b_2, b_4, r_l, None, None, None, *bert)


# fmt: off
PUBLISHED: tuple[PublishedRow, ...] = (
    #            system                source       split ACC    F1     PPL     D-1   D-2    B-2   B-4   R-L    METEOR
    PublishedRow("Transformer",        MISC_2022,   "E", None,  None,  89.61,  1.29, 6.91,  6.53, 1.37, 15.17, 10.33),
    PublishedRow("MT Transformer",     MISC_2022,   "E", None,  None,  89.52,  1.28, 7.12,  6.58, 1.47, 14.75, 10.27),
    PublishedRow("MoEL",               MISC_2022,   "E", None,  None,  133.13, 2.33, 15.26, 5.93, 1.22, 14.65, 9.75),
    PublishedRow("MIME",               MISC_2022,   "E", None,  None,  47.51,  2.11, 10.94, 5.23, 1.17, 14.74, 9.49),
    PublishedRow("BlenderBot-Joint",   MISC_2022,   "E", 28.57, None,  18.49,  4.12, 17.72, 5.78, 1.74, 16.39, 9.93),
    PublishedRow("MISC",               MISC_2022,   "E", 31.63, None,  16.16,  4.41, 19.71, 7.31, 2.20, 17.91, 11.05),
    #     tables 4, 6, 7               D-1   B-2   R-L    METEOR
    _part("MISC",                      4.41, 7.31, 17.91, 11.05),
    _part("MISC w/o g",                3.85, 7.09, 16.75, 9.85),
    _part("MISC w/o s",                4.39, 6.35, 17.05, 10.06),
    _part("MISC w/o x",                4.27, 6.49, 17.03, 10.09),
    _part("MISE",                      3.94, 7.09, 16.93, 10.53),
    _part("MISC, single strategy",     4.79, 6.30, 17.01, 10.22),
    PublishedRow("Transformer",        ADMISC_2024, "E", None,  None,  89.61,  1.29, None,  6.53, 1.37, 15.17),
    PublishedRow("MT Transformer",     ADMISC_2024, "E", None,  None,  89.52,  1.28, None,  6.58, 1.47, 14.75),
    PublishedRow("MoEL",               ADMISC_2024, "E", None,  None,  133.13, 2.33, None,  5.93, 1.22, 14.65),
    PublishedRow("MIME",               ADMISC_2024, "E", None,  None,  47.51,  2.11, None,  5.23, 1.17, 14.74),
    PublishedRow("BlenderBot-Joint",   ADMISC_2024, "E", 28.57, None,  18.49,  3.12, None,  5.78, 1.74, 16.39),
    PublishedRow("MISC",               ADMISC_2024, "E", 31.01, None,  16.16,  3.41, None,  6.24, 1.76, 17.37),
    PublishedRow("GLHG",               ADMISC_2024, "D", None,  None,  15.72,  3.50, None,  7.57, 2.13, 16.37),
    PublishedRow("FADO",               ADMISC_2024, "?", 32.90, None,  15.52,  3.80, None,  8.00, 2.32, 17.53),
    PublishedRow("AdMISC",             ADMISC_2024, "E", 34.41, None,  15.49,  3.83, None,  8.16, 2.36, 17.91),
    #        table 6                   ACC    D-1   B-2   R-L    P      R
    _ablated("AdMISC",                 34.41, 3.83, 8.16, 17.91, 28.88, 31.25),
    _ablated("AdMISC w/o u",           33.22, 3.20, 2.92, 15.27, 26.46, 27.81),
    _ablated("AdMISC w/o a",           33.73, 3.11, 4.61, 15.67, 27.32, 29.13),
    _ablated("AdMISC w/o f",           33.90, 3.42, 6.61, 17.06, 27.61, 30.45),
    PublishedRow("SCBG",               STAR,        "?", None,  None,  None,   None, None,  5.61, 2.91, 14.83),
    PublishedRow("GLHG",               STAR,        "D", None,  None,  15.67,  None, None,  7.57, 2.13, 16.37),
    PublishedRow("TransESC",           STAR,        "E", None,  None,  15.85,  None, None,  7.64, 2.43, 17.51),
    PublishedRow("SUPPORTER",          STAR,        "?", None,  None,  15.37,  None, None,  7.49, None, None),
    PublishedRow("MultiESC",           STAR, "D, merged",   None,  None,  15.41,  None, None,  9.18, 3.09, 20.41),
    PublishedRow("BlenderBot-Joint",   STAR,        "D", None,  19.23, 16.15,  None, None,  5.52, 1.29, 15.51),
    PublishedRow("MISC",               STAR,        "D", None,  19.89, 16.08,  None, None,  7.62, 2.19, 16.40),
    PublishedRow("Emstremo",           STAR,        "?", None,  21.30, 16.12,  None, None,  8.22, 2.53, 18.04),
    PublishedRow("KEMI",               STAR,        "D", None,  22.70, 16.34,  None, None,  8.08, 2.60, 17.05),
    PublishedRow("KEMI + STAR",        STAR,        "D", None,  23.17, 17.42,  None, None,  8.56, 2.65, 17.42),
    PublishedRow("Emstremo + STAR",    STAR,        "?", None,  22.48, 15.96,  None, None,  8.43, 2.28, 18.14),
    PublishedRow("BB-Joint + STAR",    STAR,        "D", None,  24.81, 15.96,  None, None,  8.58, 2.71, 17.20),
    #    table 2                       F1     B-2   B-4   R-L    D-1   D-2    BERTScore P, R, F
    _llm("BB-Joint + STAR",            24.81, 8.58, 2.71, 17.20, 2.71, 19.38, 0.8613, 0.8561, 0.8585),
    _llm("GPT-4o-mini 0-shot",         23.35, 3.54, 0.66, 12.13, 3.59, 24.12, 0.8380, 0.8492, 0.8434),
    _llm("GPT-4o-mini 5-shot",         23.35, 3.97, 0.80, 12.99, 3.59, 24.45, 0.8423, 0.8514, 0.8467),
    _llm("GPT-4o-mini 10-shot",        23.35, 4.09, 0.79, 13.12, 3.59, 24.67, 0.8427, 0.8520, 0.8472),
    _llm("STAR + GPT-4o-mini 0-shot",  24.81, 3.96, 0.84, 13.08, 3.57, 23.65, 0.8411, 0.8526, 0.8467),
    _llm("STAR + GPT-4o-mini 5-shot",  24.81, 4.20, 0.87, 13.77, 3.65, 25.10, 0.8442, 0.8532, 0.8485),
    _llm("STAR + GPT-4o-mini 10-shot", 24.81, 4.29, 0.96, 13.76, 3.65, 25.12, 0.8446, 0.8538, 0.8491),
)
# fmt: on

STANDS_FOR: dict[str, str] = {
    "transformer": "Transformer",
    "mt-transformer": "MT Transformer",
    "moel": "MoEL",
    "mime": "MIME",
    "joint": "BlenderBot-Joint",
    "misc": "MISC",
    "misc-wo-g": "MISC w/o g",
    "misc-wo-s": "MISC w/o s",
    "misc-wo-x": "MISC w/o x",
    "mise": "MISE",
    "misc-single": "MISC, single strategy",
    "glhg": "GLHG",
    "fado": "FADO",
    "admisc": "AdMISC",
    "admisc-wo-u": "AdMISC w/o u",
    "admisc-wo-a": "AdMISC w/o a",
    "admisc-wo-f": "AdMISC w/o f",
    "scbg": "SCBG",
    "transesc": "TransESC",
    "supporter": "SUPPORTER",
    "multiesc": "MultiESC",
    "emstremo": "Emstremo",
    "kemi": "KEMI",
    "star-kemi": "KEMI + STAR",
    "star-emstremo": "Emstremo + STAR",
    "star": "BB-Joint + STAR",
}
"""our net -> the system of the papers' tables that it re-implements"""


def nets_for(system: str) -> tuple[str, ...]:
    """Our nets that re-implement a system."""
    return tuple(net for net, stood in STANDS_FOR.items() if stood == system)


def published(system: str) -> tuple[PublishedRow, ...]:
    """Rows of the systems whose name contains `system` (any case); "all" gives every row, "none" or "" no row.

    Raises ValueError listing the systems when there is none of that name.
    """
    if system in ("", "none"):
        return ()
    found = tuple(row for row in PUBLISHED if system == "all" or system.lower() in row.system.lower())
    if not found:
        names = ", ".join(dict.fromkeys(row.system for row in PUBLISHED))
        raise ValueError(f"no published row of {system!r}; allowed: all, none, or a part of one of {names}")
    return found


def counted(row: PublishedRow) -> Definition:
    """What the text figures of a row count, as far as known."""
    return TAKEN_OVER.get((row.source, row.system), DEFINITIONS[row.source])


def by_source(rows: Sequence[PublishedRow]) -> dict[str, tuple[PublishedRow, ...]]:
    """The rows of each table, in the order of PUBLISHED."""
    sources = dict.fromkeys(row.source for row in rows)
    return {source: tuple(row for row in rows if row.source == source) for source in sources}
