"""Plots of a finished run in a real browser: nothing lies over their numbers or leads off the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.studio import Studio
from engine.workspace import Workspace
from tests.browser.conftest import Server, sync_api
from tests.ui import made_runs

# Lowest edge of a legend, highest of its figure's bars and their numbers; how many tools and links there are.
LOOK = """() => [...document.querySelectorAll(".js-plotly-plot")].map(plot => {
  const boxes = of => [...plot.querySelectorAll(of)].map(e => e.getBoundingClientRect())
                                                    .filter(box => box.height);
  return {legend: Math.max(0, ...boxes(".legend").map(b => b.bottom)),
          bars: Math.min(1e6, ...boxes(".point path, .bartext").map(b => b.top)),
          tools: boxes(".modebar-btn").length + plot.querySelectorAll("a").length}})"""


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_lies_over_the_numbers_of_a_plot(page: sync_api.Page, server: Server, tmp_path: Path,
                                                 width: int) -> None:
    """At first, after a row was picked, and after the window was resized."""
    studio = Studio(Workspace(server.home))
    made_runs.finished(studio, made_runs.project_with_documents(studio, tmp_path))
    page.set_viewport_size({"width": width, "height": 800})
    page.reload()
    page.get_by_role("tab", name="Compare").click()
    page.locator("#f1 .bartext").first.wait_for(state="attached")

    def looked(plots: int) -> None:
        page.wait_for_timeout(1_500)  # plotly lays out anew some time after a resize
        found = page.evaluate(LOOK)
        assert len(found) == plots
        for plot in found:
            assert plot["legend"] <= plot["bars"] and not plot["tools"], found

    looked(3)
    page.locator("#answers").get_by_text("different").filter(visible=True).first.click()
    page.locator("#bars .bartext").first.wait_for(state="attached")
    looked(4)
    page.set_viewport_size({"width": width + 90, "height": 800})
    looked(4)


@pytest.mark.browser
def test_a_project_without_a_run_hides_the_plots_and_nothing_fails(page: sync_api.Page, server: Server,
                                                                  tmp_path: Path) -> None:
    """Plots shown, hidden with their tab and shown again, and then gone; `page` fails on any error."""
    studio = Studio(Workspace(server.home))
    studio.create_project("Another")
    made_runs.finished(studio, made_runs.project_with_documents(studio, tmp_path))
    page.reload()

    def switch(name: str) -> None:
        page.locator("#project input").click()
        page.get_by_role("option", name=name).click()

    switch("Trial")
    watch = page.locator("#watch")
    point = "document.querySelector('#plot-agreement [aria-roledescription=point]')"
    for _ in range(3):
        page.get_by_role("tab", name="Distil").click()
        page.wait_for_function(f"{point}?.getBoundingClientRect().width > 5")  # a look can be seen
        page.get_by_role("tab", name="Documents").click()
        page.wait_for_timeout(500)
    page.get_by_role("tab", name="Distil").click()
    sync_api.expect(watch).to_be_visible()
    switch("Another")
    sync_api.expect(watch).to_be_hidden()
    page.wait_for_timeout(1_000)
    switch("Trial")
    sync_api.expect(page.locator("#plot-mistakes .mark-line path").first).to_be_visible()
