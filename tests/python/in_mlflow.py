"""What Countersign shows inside MLflow's own pages: chips, the panel, the dialogs; live, narrow, dark, broken.

Plays in the order of its acts and fails at the first thing that is different. The stage is set by
`tests/src/pages.rs`: a model `credit` with a weak version 1 and strong versions 2 and 3, and nothing asked for yet.
Besides what `at_mlflow.py` reads it needs CONTROL: a folder in which the file `restart` makes the stage kill and start
Countersign.
"""

import os
import re
from pathlib import Path

from playwright.sync_api import Playwright, expect, sync_playwright

import mlflow_states
from at_mlflow import (
    API,
    URL,
    call,
    chip_in,
    go,
    heard,
    judge,
    metric,
    panel,
    person,
    picture,
    promotion,
    row_of,
    sign_in,
    until,
)
from chrome import FAULTS, Person


def versions_at_a_glance(ana: Person) -> None:
    page = go(ana, "/models/credit")
    for version, words in (("1", "Checks failed"), ("2", "Checks passed"), ("3", "Checks passed")):
        expect(chip_in(row_of(page, f"credit/versions/{version}"))).to_have_text(words)
    picture(ana, "model-before")


def classic_table(ana: Person) -> None:
    """The switch changes the table under us, and back."""
    page = go(ana, "/models/credit")
    for _ in range(2):
        page.get_by_role("switch", name="New model registry UI").click()
        confirm = page.get_by_role("dialog").get_by_role("button", name="Disable")
        page.wait_for_timeout(500)
        if confirm.count():
            confirm.click()
            picture(ana, "model-classic")
        expect(chip_in(row_of(page, "credit/versions/1"))).to_have_text("Checks failed")


def asked_in_the_panel(ana: Person) -> None:
    page = go(ana, "/models/credit/versions/2")
    here = panel(page)
    expect(here).to_contain_text("Nobody has asked to promote this version")
    expect(here).to_contain_text("Created by ana")
    judge(ana, "version-not-asked")
    here.get_by_label("Promote to").select_option("alias champion")
    here.get_by_role("button", name="Request promotion").click()
    expect(here.locator(".say")).to_contain_text("Waiting for 1 signature from seat risk")
    expect(here).to_contain_text("You cannot sign in seat risk: you asked for this promotion.")
    expect(here.get_by_role("button", name="Approve")).to_have_count(0)
    expect(here.get_by_role("button", name="Withdraw")).to_be_visible()
    expect(chip_in(page.locator("main h2"))).to_have_text("Waiting for risk")


def failures_first(ana: Person) -> None:
    page = go(ana, "/models/credit/versions/1")
    here = panel(page)
    first = here.locator("summary").first
    expect(first).to_contain_text("Failed")
    expect(first).to_contain_text("metric-threshold")
    first.click()
    expect(here.locator(".found").first).to_contain_text("0.85")
    judge(ana, "version-failed")


def signed_in_the_panel(ana: Person, ruth: Person) -> None:
    """ruth signs by keyboard; ana's open page changes by itself."""
    go(ana, "/models/credit/versions/2")
    expect(panel(ana.page)).to_contain_text("Waiting for")
    page = go(ruth, "/models/credit/versions/2")
    here = panel(page)
    expect(here.get_by_label("Rationale")).to_be_visible()
    judge(ruth, "version-waiting")
    here.get_by_role("button", name="Comment").click()
    expect(here.locator(".say")).to_contain_text("Waiting for")  # nothing was written, nothing is sent
    here.get_by_label("Rationale").focus()
    page.keyboard.type("AUC holds on the holdout, and the limits fit the use.")
    page.keyboard.press("Tab")
    expect(here.get_by_role("button", name="Approve")).to_be_focused()
    page.keyboard.press("Enter")
    expect(here.locator(".say")).to_contain_text("Approved.")
    expect(here.get_by_role("status")).to_contain_text("recorded")
    expect(panel(ana.page).locator(".say")).to_contain_text("Approved.")  # no reload
    expect(chip_in(ana.page.locator("main h2"))).to_contain_text("Approved")


def made_from_the_panel(ana: Person) -> None:
    page = ana.page
    panel(page).get_by_role("button", name="Set alias champion of credit to version 2 now").click()
    expect(panel(page)).to_contain_text("Applied.")
    expect(panel(page).get_by_role("link", name=re.compile(r"Ledger entry #\d+"))).to_be_visible()
    judge(ana, "version-applied")
    heard(ana, "mlflow-version")
    page = go(ana, "/models/credit")
    expect(chip_in(row_of(page, "credit/versions/2")).last).to_contain_text("Approved")
    judge(ana, "model")
    heard(ana, "mlflow-model")
    page = go(ana, "/models")
    expect(chip_in(row_of(page, "credit"))).to_contain_text("champion, version 2: Approved")
    judge(ana, "list")
    heard(ana, "mlflow-list")


def compared_with_the_holder(ana: Person, ruth: Person) -> None:
    page = go(ana, "/models/credit/versions/3")
    here = panel(page)
    here.get_by_label("Promote to").select_option("alias champion")
    here.get_by_role("button", name="Request promotion").click()
    changes = here.locator("summary", has_text="Changes against version 2, which holds alias champion")
    expect(changes).to_be_visible()
    changes.click()
    expect(here.get_by_role("table").first).to_be_visible()
    judge(ana, "version-compared")
    expect(chip_in(row_of(go(ana, "/models"), "credit"))).to_contain_text("champion to version 3: Waiting for risk")
    picture(ana, "list-waiting")
    go(ana, "/models/credit/versions/3")
    page = go(ruth, "/models/credit/versions/3")
    here = panel(page)
    here.get_by_label("Rationale").fill("The gain is within the noise.")
    here.get_by_role("button", name="Reject …").click()
    expect(here.get_by_role("dialog")).to_be_visible()
    picture(ruth, "reject")
    page.keyboard.press("Escape")
    here.get_by_role("button", name="Reject …").click()
    here.get_by_role("button", name="Reject for good").click()
    expect(here.locator(".say")).to_contain_text("Rejected")
    expect(panel(ana.page).locator(".say")).to_contain_text("Rejected")
    picture(ana, "version-rejected")


def alias_dialog(ana: Person) -> None:
    page = go(ana, "/models/credit")
    row_of(page, "credit/versions/1").locator('[data-component-id*="modelversiontablealiasescell"]').last.click()
    dialog = page.get_by_role("dialog")
    expect(chip_in(dialog).first).to_contain_text("Governed here: champion, prod-*")
    dialog.locator("input").first.press_sequentially("prod-eu")
    page.keyboard.press("Enter")
    expect(chip_in(dialog).filter(has_text="Saving prod-eu needs checks and signatures")).to_be_visible()
    picture(ana, "alias-dialog")
    dialog.get_by_role("button", name="Save").click()
    link = dialog.get_by_role("link", name="Open the promotion request")
    expect(link).to_be_visible()
    picture(ana, "alias-refused")
    link.click()
    expect(page).to_have_url(re.compile("/_countersign/requests/"))
    expect(page.get_by_role("heading", name="Set alias prod-eu of credit to version 1")).to_be_visible()


def promote_dialog(ana: Person) -> None:
    call("ana", "POST", URL + "/ajax-api/2.0/mlflow/registered-models/create", {"name": "prod.credit"})
    page = go(ana, "/models/credit/versions/3")
    page.get_by_role("button", name="Promote model").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox").click()
    option = page.locator('[title="prod.credit"]').last
    expect(option.locator("countersign-chip")).to_be_visible()
    picture(ana, "promote-options")
    option.click()
    expect(chip_in(dialog).filter(has_text="Registering into prod.credit needs checks")).to_be_visible()
    dialog.get_by_role("button", name="Promote", exact=True).click()
    link = page.get_by_role("link", name="Open the promotion request").first
    expect(link).to_be_visible()
    picture(ana, "promote-refused")
    assert "/_countersign/requests/" in link.get_attribute("href")


def back_and_forth(ana: Person) -> None:
    page = go(ana, "/models")
    expect(chip_in(row_of(page, "credit"))).to_contain_text("champion")
    row_of(page, "credit").locator('a[href="#/models/credit"]').click()
    expect(chip_in(row_of(page, "credit/versions/1")).first).to_be_visible()
    page.locator('a[href="#/models/credit/versions/2"]').first.click()
    expect(panel(page)).to_contain_text("Applied.")
    page.go_back()
    expect(panel(page)).to_have_count(0)
    expect(chip_in(row_of(page, "credit/versions/1")).first).to_be_visible()
    page.go_forward()
    expect(panel(page)).to_contain_text("Applied.")
    page.goto(f"{URL}/#/models")
    search = page.get_by_test_id("model-search-input")
    search.fill("prod")
    search.press("Enter")
    expect(row_of(page, "prod.credit")).to_be_visible()
    expect(row_of(page, "credit")).to_have_count(0)
    expect(chip_in(row_of(page, "prod.credit"))).to_have_count(0)
    page.goto(f"{URL}/#/experiments")
    page.wait_for_timeout(1_000)
    expect(page.locator("countersign-chip, countersign-panel")).to_have_count(0)


def restarted_in_the_middle(ana: Person, ruth: Person) -> None:
    go(ana, "/models/credit/versions/2")
    expect(panel(ana.page)).to_contain_text("Applied.")
    order = Path(os.environ["CONTROL"]) / "restart"
    order.touch()
    until("Countersign runs again", lambda: not order.exists(), 60)
    status, said = call("ana", "POST", API + "requests", {"action": promotion("prod-after", "2")})
    assert status == 200, said
    expect(panel(ana.page)).to_contain_text("prod-after", timeout=90_000)  # the stream came back by itself
    call("ana", "POST", API + f"requests/{said['id']}/withdraw", {})
    expect(panel(ana.page)).not_to_contain_text("prod-after")


def api_down(playwright: Playwright) -> None:
    omar = person(playwright, "omar")
    sign_in(omar)
    omar.context.route(re.compile("/_countersign/(api|panel)"), lambda route: route.abort())
    page = go(omar, "/models/credit/versions/2")
    expect(page.locator("main h2").first).to_contain_text("Version 2")
    expect(panel(page).get_by_role("alert")).to_contain_text("Could not load governance status")
    picture(omar, "api-down")
    page = go(omar, "/models/credit")
    expect(row_of(page, "credit/versions/1")).to_be_visible()
    omar.context.unroute(re.compile("/_countersign/(api|panel)"))
    omar.close()


def hook_missing(playwright: Playwright) -> None:
    """MLflow's page after an upgrade that moved what we hold on to."""
    lea = person(playwright, "lea")
    sign_in(lea)
    before = metric('countersign_page_hooks_missing_total{hook="version"}')
    lea.page.add_init_script(
        "new MutationObserver(() => document.querySelectorAll('[data-testid=descriptions-item]').forEach(it =>"
        " it.removeAttribute('data-testid'))).observe(document, { subtree: true, childList: true })"
    )
    page = go(lea, "/models/credit/versions/2")
    corner = page.locator("body > countersign-chip")
    expect(chip_in(page.locator("body")).last).to_contain_text("Approved")
    expect(corner).to_have_css("position", "fixed")
    picture(lea, "hook-missing")
    until("it is counted", lambda: metric('countersign_page_hooks_missing_total{hook="version"}') > before)
    expect(page.get_by_role("button", name="Promote model")).to_be_enabled()
    page.goto(f"{URL}/#/models/credit")
    expect(corner).to_have_count(0)
    lea.close()


def every_act(playwright: Playwright) -> None:
    ana, ruth = person(playwright, "ana"), person(playwright, "ruth")
    sign_in(ana)
    sign_in(ruth)
    told("versions at a glance", versions_at_a_glance(ana))
    told("in the classic table, too", classic_table(ana))
    told("failures come first", failures_first(ana))
    told("ana asks in the panel", asked_in_the_panel(ana))
    told("ruth signs in the panel, and ana sees it come", signed_in_the_panel(ana, ruth))
    told("ana makes the change, and list, table and panel show it", made_from_the_panel(ana))
    told("the next version is compared with the holder, and rejected", compared_with_the_holder(ana, ruth))
    told("the alias dialog", alias_dialog(ana))
    told("the Promote dialog", promote_dialog(ana))
    told("back, forward, search, and away", back_and_forth(ana))
    told("a restart in the middle", restarted_in_the_middle(ana, ruth))
    told("without our API MLflow works as before", api_down(playwright))
    told("where MLflow has changed, a chip in the corner", hook_missing(playwright))
    mlflow_states.every_act(ana, ruth, told)
    mute = [it for it in ana.said() + ruth.said() if "countersign" in it and "ERR_" not in it]
    assert not mute, mute
    ana.close()
    ruth.close()
    assert not FAULTS, "\n  ".join(["what is ours in MLflow's pages is not as it should be:", *FAULTS])


def told(what: str, result=None):
    print(f"  {what}", flush=True)
    return result


if __name__ == "__main__":
    with sync_playwright() as chromium:
        every_act(chromium)
