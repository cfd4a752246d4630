"""How the page looks: system fonts only, so that no request leaves the machine for one."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

STYLE = Path(__file__).resolve().parent.parent / "assets" / "style.css"
_SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")


def theme() -> gr.themes.Base:
    """Quiet, light and dark; a plain string as a font would be fetched, a `Font` is not."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.teal, secondary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.slate, radius_size=gr.themes.sizes.radius_md,
        font=[gr.themes.Font(name) for name in _SANS],
        font_mono=[gr.themes.Font(name) for name in _MONO],
    ).set(
        body_background_fill="*neutral_50", body_background_fill_dark="*neutral_950",
        block_background_fill="white", block_background_fill_dark="*neutral_900",
        block_border_width="1px", block_shadow="none",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_800",
        button_primary_text_color="white", button_primary_text_color_dark="white",
        button_secondary_background_fill="white",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_border_color="*neutral_400",
        button_secondary_border_color_dark="*neutral_500",
        button_border_width="1px", button_border_width_dark="1px",
        button_secondary_background_fill_hover="*neutral_100",
        button_secondary_background_fill_hover_dark="*neutral_700",
        button_large_text_weight="600", button_large_text_size="*text_md",
        button_large_padding="*spacing_md calc(2 * *spacing_lg)",
        button_primary_border_color="*primary_700", button_primary_border_color_dark="*primary_600",
        button_transition="none", color_accent="*primary_700",
        checkbox_background_color_selected="*primary_700",
        checkbox_background_color_selected_dark="*primary_600",
        checkbox_border_color_selected="*primary_700",
        checkbox_border_color_selected_dark="*primary_600",
        input_background_fill="white", input_background_fill_dark="*neutral_800",
        input_border_width="1px",
        body_text_color_subdued="*neutral_600", body_text_color_subdued_dark="*neutral_300",
        block_info_text_color="*neutral_600", block_info_text_color_dark="*neutral_300",
        block_label_text_color="*neutral_700", block_label_text_color_dark="*neutral_200",
        input_placeholder_color="*neutral_500", input_placeholder_color_dark="*neutral_400",
        input_border_color="*neutral_400", input_border_color_dark="*neutral_500",
    )
