"""MLflow's pages in a workspace other than `default`: chips and panel speak of the model there, and what the panel does is
done there.

Plays in the order of its acts. The stage is set by `tests/src/pages.rs` before an MLflow with workspaces, and has a model
`credit` in the default one. It finds its way by what `at_mlflow.py` reads, and COUNTERSIGN_POLICY.
"""

import re

from playwright.sync_api import Playwright, expect, sync_playwright


from at_mlflow import URL, call, chip_in, go, judge, panel, person, sign_in
from chrome import FAULTS, Person
from mlflow_states import change_policy

WORKSPACE = "team-a"
MLFLOW = URL + "/ajax-api/2.0/mlflow/"


def there(who: str, method: str, path: str, body: dict | None = None) -> dict:
    status, said = call(who, method, MLFLOW + path, body, {"X-MLFLOW-WORKSPACE": WORKSPACE})
    assert status == 200, f"{path} answered {status}: {said}"
    return said


def set_up() -> None:
    """A model of the same name as the one in the default workspace, without files: no check is asked of it."""
    status, said = call("ana", "POST", URL + "/ajax-api/3.0/mlflow/workspaces", {"name": WORKSPACE})
    assert status < 300, said
    without_checks = lambda policy: re.sub(r"  \[\[gate.check\]\]\n(  .*\n)+\n", "", policy)
    change_policy(without_checks)
    there("ana", "POST", "registered-models/create", {"name": "credit"})
    version = {"name": "credit", "source": "s3://nowhere/credit"}
    there("ana", "POST", "model-versions/create", version)


def shown(somebody: Person, route: str):
    return go(somebody, f"{route}?workspace={WORKSPACE}")


def signed_and_made(ana: Person, ruth: Person) -> None:
    page = shown(ana, "/models/credit/versions/1")
    here = panel(page)
    expect(here).to_contain_text("Nobody has asked to promote this version")
    here.get_by_label("Promote to").select_option("alias champion")
    here.get_by_role("button", name="Request promotion").click()
    expect(here.locator(".say")).to_contain_text("Waiting for 1 signature from seat risk")
    theirs = panel(shown(ruth, "/models/credit/versions/1"))
    theirs.get_by_label("Rationale").fill("Fit for team A.")
    theirs.get_by_role("button", name="Approve").click()
    expect(theirs.get_by_role("status")).to_contain_text("recorded")
    here.get_by_role("button", name="Set alias champion of credit to version 1 now").click()
    expect(here).to_contain_text("Applied.")
    judge(ana, "version")
    found = there("ana", "GET", "registered-models/get?name=credit")
    assert found["registered_model"]["aliases"][0]["version"] == "1", found


def chips(ana: Person) -> None:
    page = shown(ana, "/models/credit")
    row = page.locator("main").get_by_role("row").filter(has=page.locator('a[href^="#/models/credit/versions/1"]'))
    expect(chip_in(row).filter(has_text="Approved").first).to_be_visible()
    page = shown(ana, "/models")
    row = page.locator("main").get_by_role("row").filter(has=page.locator('a[href^="#/models/credit"]'))
    expect(chip_in(row)).to_contain_text("champion, version 1: Approved")
    page = go(ana, "/models?workspace=default")
    row = page.locator("main").get_by_role("row").filter(has=page.locator('a[href^="#/models/credit"]'))
    expect(row).to_be_visible()
    expect(chip_in(row)).to_have_count(0)  # nobody has promoted the one of that name here


def in_the_console(ana: Person) -> None:
    page = shown(ana, "/models/credit/versions/1")
    panel(page).get_by_role("link", name="History of credit").click()
    expect(page.locator("main")).to_contain_text("in workspace team-a")
    expect(page.locator("main")).to_contain_text("version 1")


def every_act(playwright: Playwright) -> None:
    set_up()
    ana, ruth = person(playwright, "ana"), person(playwright, "ruth")
    for somebody in (ana, ruth):
        sign_in(somebody)
    for what, act in (
        ("asked, signed and made in a workspace", lambda: signed_and_made(ana, ruth)),
        ("chips of that workspace, and of no other", lambda: chips(ana)),
        ("and its history", lambda: in_the_console(ana)),
    ):
        act()
        print(f"  {what}", flush=True)
    ana.close()
    ruth.close()
    assert not FAULTS, "\n  ".join(["what is ours in a workspace is not as it should be:", *FAULTS])


if __name__ == "__main__":
    with sync_playwright() as chromium:
        every_act(chromium)
