"""Gradio theme, style sheet and scripts of the pages. All are local; nothing comes from a CDN."""

from __future__ import annotations

import json
from pathlib import Path

import gradio as gr
from gradio.themes import Base, sizes

from escdemo.look.script_texts import SCRIPT_TEXTS

_HERE = Path(__file__).parent

SCRIPTS = ("plots.js", "page.js", "talk.js", "light.js", "map.js")
SENDING = "(...values) => window.escSending(values)"
"""runs when a message is sent: its last two inputs are the messages seen and the text, which leaves the box at once"""
SENT = "(seen) => window.escSent(seen)"
"""runs afterwards: puts a refused text back into the box"""


def page_theme() -> Base:
    """A calm theme, light or dark as the browser prefers, with the blue of Okabe and Ito and system fonts."""
    blue = gr.themes.Color(
        c50="#F0F7FC",
        c100="#DCEBF6",
        c200="#B8D7ED",
        c300="#8CBFE0",
        c400="#4F9BCB",
        c500="#0072B2",
        c600="#00639B",
        c700="#005483",
        c800="#00446B",
        c900="#003553",
        c950="#00263B",
    )
    theme = gr.themes.Default(
        primary_hue=blue,
        secondary_hue=blue,
        neutral_hue="slate",
        radius_size=sizes.radius_md,
        # Nothing to download, and the semibold font shipped with Gradio 6.31 lacks most letters.
        font=("Segoe UI", "Helvetica Neue", "Arial", "Liberation Sans", "sans-serif"),
    )
    return theme.set(
        body_background_fill="#F5F7F9",
        block_border_width="1px",
        block_label_text_color="#374151",
        block_info_text_color="#4B5563",
        block_title_text_weight="600",
        block_title_text_color="#374151",
        button_cancel_background_fill="#B42318",
        button_cancel_background_fill_hover="#912018",
        button_cancel_text_color="white",
        button_primary_background_fill="*primary_500",
        button_primary_background_fill_hover="*primary_600",
        button_primary_text_color="white",
        button_secondary_background_fill="white",
        button_secondary_background_fill_hover="*neutral_100",
        button_secondary_border_color="*neutral_300",
        button_border_width="1px",
        # An empty box or circle is visible only by its border: 3:1 contrast.
        checkbox_border_color="*neutral_500",
        checkbox_border_color_dark="*neutral_400",
        input_placeholder_color="#6B7280",
        input_placeholder_color_dark="#9CA3AF",
    )


def page_css() -> str:
    """The style sheet."""
    return (_HERE / "page.css").read_text(encoding="utf-8")


def page_head() -> str:
    """Tags for the HTML head: light and dark colours, and the scripts."""
    script = "\n".join((_HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    words = json.dumps(SCRIPT_TEXTS)
    return f'<meta name="color-scheme" content="light dark"><script>const ESC_TEXTS = {words};\n{script}</script>'


def go_to(selector: str) -> str:
    """A script that moves the focus to the first control of the next step (`escGo` in page.js)."""
    return f"() => window.escGo({json.dumps(selector)})"
