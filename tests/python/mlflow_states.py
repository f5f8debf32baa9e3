"""What happens to a promoted version afterwards, as chips and panel in MLflow's pages tell it: bypassed, opened in an
emergency, expired; and what a person does there besides: moves a stage, sorts a table, turns the lights off.

Knows what is played; `at_mlflow.py` knows the pages. Called by `in_mlflow.py`, in the order below. Besides what that
reads it needs COUNTERSIGN_POLICY and MLFLOW_DIRECT_URL.
"""

import os
import re
from pathlib import Path

from playwright.sync_api import expect

from at_mlflow import (
    ALIAS,
    API,
    OLDER,
    URL,
    call,
    chip_in,
    go,
    heard,
    judge,
    panel,
    picture,
    promotion,
    row_of,
    until,
)
from chrome import Person

POLICY = Path(os.environ["COUNTERSIGN_POLICY"])
EMERGENCIES = '\n[break_glass]\nmembers = ["omar"]\nlasts = "1h"\nreviewed_by = "risk"\n'


def asked(alias: str, version: str) -> str:
    status, said = call("ana", "POST", API + "requests", {"action": promotion(alias, version)})
    assert status == 200, said
    return said["id"]


def signed(request: str) -> None:
    _, shown = call("ruth", "GET", API + f"requests/{request}")
    words = {"vote": "approve", "seat": "risk", "rationale": f"Read, for {request}."}
    review = {**words, "subject_digest": shown["subject_digest"]}
    status, said = call("ruth", "POST", API + f"requests/{request}/reviews", review)
    assert status < 300, said


def made(alias: str, version: str) -> None:
    body = {"name": "credit", "alias": alias, "version": version}
    status, said = call("ana", "POST", URL + ALIAS, body)
    assert status == 200, said


def change_policy(change) -> None:
    digest = call("ruth", "GET", API + "policy")[1].get("digest")
    POLICY.write_text(change(POLICY.read_text()))
    until("the policy is in force", lambda: call("ruth", "GET", API + "policy")[1]["digest"] != digest)


# === acts ===


def stage_in_the_panel(ana: Person, ruth: Person) -> None:
    """A stage is asked for, signed and moved like an alias; the classic table shows it."""
    page = go(ana, "/models/credit/versions/2")
    here = panel(page)
    here.get_by_label("Promote to").select_option("stage Production")
    here.get_by_role("button", name="Request promotion").click()
    expect(here.locator(".say").first).to_contain_text("Waiting for 1 signature from seat risk")
    there = panel(go(ruth, "/models/credit/versions/2"))
    there.get_by_label("Rationale").fill("As good in Production as it is as champion.")
    there.get_by_role("button", name="Approve").click()
    expect(there.get_by_role("status")).to_contain_text("recorded")
    here.get_by_role("button", name="Move credit version 2 to stage Production now").click()
    expect(here).to_contain_text("Applied.")
    expect(here.locator("header")).to_contain_text("stage Production")
    picture(ana, "version-staged")


def sorted_table(ana: Person) -> None:
    """However MLflow orders its rows, each chip stays with its version."""
    page = go(ana, "/models/credit")

    def of(version: str) -> str:
        return chip_in(row_of(page, f"credit/versions/{version}")).first.inner_text()

    expect(chip_in(row_of(page, "credit/versions/1")).first).to_be_visible()
    before = {version: of(version) for version in "123"}
    heads = page.get_by_role("columnheader").filter(has_text=re.compile("^(Version|Registered at)$"))
    for head in heads.all():
        for _ in range(2):
            head.locator("[role=button], button").or_(head).first.click()
            page.wait_for_timeout(400)
            assert {version: of(version) for version in "123"} == before, before


def lights_off(ana: Person) -> None:
    """By MLflow's own switch, not by ours: what is open turns dark, and what is opened after."""
    if OLDER:
        return
    page = go(ana, "/settings/general")
    switch = page.locator('[data-component-id="mlflow.settings.theme.toggle-switch"]').first
    for dark in (True, False):
        switch.click()
        expect(page.locator("body.dark-mode")).to_have_count(int(dark))
        page.goto(f"{URL}/#/models/credit/versions/2")
        expect(panel(page)).to_contain_text("Applied.")
        expect(page.locator("countersign-panel[dark]")).to_have_count(int(dark))
        picture(ana, f"own-switch-{'dark' if dark else 'light'}")
        page.goto(f"{URL}/#/settings/general")


def bypassed(ana: Person) -> None:
    """Somebody moves the alias at MLflow's own port: the open page says so by itself."""
    page = go(ana, "/models/credit")
    body = {"name": "credit", "alias": "champion", "version": "1"}
    path = "/api/2.0/mlflow/registered-models/alias"
    status, said = call("", "POST", os.environ["MLFLOW_DIRECT_URL"] + path, body)
    assert status == 200, said
    expect(chip_in(row_of(page, "credit/versions/1")).filter(has_text="Bypassed").first).to_be_visible()
    page = go(ana, "/models/credit/versions/1")
    expect(chip_in(page.locator("main h2"))).to_have_text("Bypassed")
    judge(ana, "version-bypassed")
    heard(ana, "mlflow-bypassed", "countersign-panel")


def glass_broken(ana: Person) -> None:
    change_policy(lambda policy: policy + EMERGENCIES)
    request = asked("prod-glass", "3")
    body = {"reason": "The champion scores everybody zero.", "ticket": "INC-7", "drill": False}
    status, said = call("omar", "POST", API + f"requests/{request}/break-glass", body)
    assert status < 300, said
    page = go(ana, "/models/credit/versions/3")
    expect(chip_in(page.locator("main h2"))).to_have_text("Glass broken")
    expect(panel(page)).to_contain_text("The glass was broken")
    judge(ana, "version-glass")
    made("prod-glass", "3")
    expect(chip_in(page.locator("main h2"))).to_have_text("Glass broken")


def expired(ana: Person) -> None:
    """A signature that counted for a few seconds."""
    change_policy(lambda policy: policy.replace("seats = { risk = 1 }", 'seats = { risk = 1 }\n  expires = "6s"'))
    signed(asked("prod-short", "2"))
    made("prod-short", "2")
    page = ana.page

    def says_so() -> bool:
        go(ana, "/models/credit/versions/2")
        expect(panel(page).locator(".say").first).to_be_visible()
        return panel(page).get_by_text("The approval has run out").count() > 0

    until("the panel says that it has run out", says_so, 60)
    expect(chip_in(page.locator("main h2"))).to_have_text("Expired")
    judge(ana, "version-expired")


def every_act(ana: Person, ruth: Person, told) -> None:
    told("a stage, in the panel", stage_in_the_panel(ana, ruth))
    told("sorting MLflow's table", sorted_table(ana))
    told("dark by MLflow's own switch", lights_off(ana))
    told("moved past Countersign: bypassed", bypassed(ana))
    told("in an emergency: glass broken", glass_broken(ana))
    told("run out: expired", expired(ana))
