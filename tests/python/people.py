"""ana and ruth at Chromium: MLflow's own pages through Countersign, and ours in every state.

Plays in the order of its acts and fails at the first thing that is different. The stage is set by
`tests/src/pages.rs`: a model `credit` with a weak version 1 and strong versions 2 and 3. It finds its way by the
environment: COUNTERSIGN_URL, MLFLOW_DIRECT_URL, COUNTERSIGN_POLICY, PASSWORD_NAME, TOKEN_NAME.
"""

import json
import os
import re
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import Locator, Playwright, expect, sync_playwright

import console
from chrome import FAULTS, Person, judge, shoot

URL, OURS = os.environ["COUNTERSIGN_URL"], os.environ["COUNTERSIGN_URL"] + "/_countersign"
ALIAS = "/ajax-api/2.0/mlflow/registered-models/alias"
POLICY = Path(os.environ["COUNTERSIGN_POLICY"])
EMERGENCIES = '\n[break_glass]\nmembers = ["omar"]\nlasts = "1h"\nreviewed_by = "risk"\n'
SEEN_BY_RUTH = "AUC and limits are fine for triage; the card says for whom."


def call(who: str, method: str, path: str, body: dict | None = None, base: str = URL) -> tuple[int, dict]:
    """What a program gets that has this person's token."""
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if who:
        headers["Authorization"] = "Bearer " + os.environ[f"TOKEN_{who.upper()}"]
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(base + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.loads(refusal.read() or b"{}")


def asks(alias: str, version: str) -> str:
    """ana's call, refused; returns the address of the request that it opened."""
    status, said = call("ana", "POST", ALIAS, {"name": "credit", "alias": alias, "version": version})
    assert status == 403, f"{alias} for version {version} answered {status}: {said}"
    return said["countersign"]["url"]


def votes(who: str, url: str, vote: str, rationale: str) -> None:
    path = "/_countersign/api/v1/requests/" + url.rsplit("/", 1)[1]
    _, shown = call(who, "GET", path)
    review = {"vote": vote, "seat": "risk", "rationale": rationale, "subject_digest": shown["subject_digest"]}
    status, said = call(who, "POST", path + "/reviews", review)
    assert status < 300, f"{who}'s vote answered {status}: {said}"


def until(what: str, there, patience: float = 30) -> None:
    begun = time.monotonic()
    while not there():
        assert time.monotonic() - begun < patience, f"still not so after {patience} s: {what}"
        time.sleep(0.2)


# === MLflow's own pages ===


def sign_in(person: Person) -> None:
    """By keyboard, on the page that they were sent to."""
    page = person.page
    expect(page.get_by_role("heading", name="Sign in to Countersign")).to_be_visible()
    tab_to(person, page.get_by_label("User name"))
    page.keyboard.type(person.name)
    tab_to(person, page.get_by_label("Password"))
    page.keyboard.type(os.environ[f"PASSWORD_{person.name.upper()}"])
    page.keyboard.press("Enter")


def tab_to(person: Person, wanted: Locator) -> None:
    """Goes there by the Tab key alone, as somebody without a mouse."""
    for _ in range(80):
        person.page.keyboard.press("Tab")
        if wanted.evaluate("it => it === document.activeElement"):
            return
    raise AssertionError(f"the Tab key does not lead to {wanted} on {person.page.url}")


def row_of(person: Person, version: str) -> Locator:
    link = person.page.locator(f'a[href="#/models/credit/versions/{version}"]')
    return person.page.get_by_role("row").filter(has=link)


def saves_alias(person: Person, version: str, alias: str) -> Locator:
    """In MLflow's alias dialog; returns the dialog as it is after Save."""
    person.page.goto(URL + "/#/models/credit")
    person.page.reload()
    row_of(person, version).locator('[data-component-id*="modelversiontablealiasescell"]').last.click()
    dialog = person.page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name=re.compile("alias"))).to_be_visible()
    dialog.locator("input").first.press_sequentially(alias)
    person.page.keyboard.press("Enter")
    with person.page.expect_response(lambda answer: answer.url.endswith(ALIAS)):
        dialog.get_by_role("button", name="Save").click()
    return dialog


def refused_in_mlflow(ana: Person) -> str:
    ana.page.goto(URL + "/")
    sign_in(ana)
    expect(ana.page).to_have_title(re.compile("MLflow"))
    dialog = saves_alias(ana, "1", "champion")
    _, said = call("ana", "POST", ALIAS, {"name": "credit", "alias": "champion", "version": "1"})
    expect(dialog.get_by_role("alert").first).to_contain_text(said["message"])
    assert "metric-threshold" in said["message"] and "0.85" in said["message"], said["message"]
    shoot(ana.page, "mlflow-refused", whole=False)
    return said["countersign"]["url"]


def held_in_mlflow(ana: Person) -> str:
    dialog = saves_alias(ana, "2", "champion")
    url = asks("champion", "2")
    expect(dialog.get_by_role("alert").first).to_contain_text(url)
    shoot(ana.page, "held-in-mlflow", whole=False)
    ana.page.goto(url)
    expect(ana.page.get_by_text("You cannot sign in seat risk: you asked for this promotion")).to_be_visible()
    expect(ana.page.get_by_role("button", name="Approve")).to_have_count(0)
    judge(ana, "request-own")
    return url


def signed_by_ruth(ruth: Person, url: str) -> None:
    """Without JavaScript and without a mouse."""
    page = ruth.page
    page.goto(OURS + "/")
    sign_in(ruth)
    expect(page.get_by_role("link", name="Needs my review")).to_have_attribute("aria-current", "page")
    link = page.locator(f'a[href="{url.removeprefix(URL)}"]')
    tab_to(ruth, link)
    page.keyboard.press("Enter")
    shoot(page, "request", whole=False)
    tab_to(ruth, page.get_by_label("Rationale"))
    page.keyboard.type(SEEN_BY_RUTH)
    tab_to(ruth, page.get_by_role("button", name="Approve"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Your approval is recorded.")
    expect(page.get_by_text(SEEN_BY_RUTH)).to_be_visible()


def succeeds_in_mlflow(ana: Person) -> None:
    dialog = saves_alias(ana, "2", "champion")
    expect(dialog).to_have_count(0)
    # MLflow's table does not look again by itself, with or without Countersign.
    ana.page.reload()
    expect(row_of(ana, "2").get_by_text("champion")).to_be_visible()
    shoot(ana.page, "mlflow-champion", whole=False)


# === our pages ===


def look(person: Person, name: str, path: str, *words: str) -> None:
    person.page.goto(path if path.startswith("http") else OURS + path)
    for word in words:
        expect(person.page.locator("body")).to_contain_text(word)
    judge(person, name)


def every_state(ana: Person, ruth: Person, weak: str, applied: str) -> None:
    look(ana, "request-blocked", weak, "Blocked", "metric-threshold")
    look(ruth, "request-applied", applied, "Applied", SEEN_BY_RUTH)
    look(ruth, "request-in-review", asks("prod-a", "3"), "In review", "Waiting for")
    approved = asks("prod-b", "3")
    votes("ruth", approved, "approve", "Same data, better features.")
    look(ana, "request-approved", approved, "Approved")
    rejected = asks("prod-c", "3")
    votes("ruth", rejected, "reject", "Nobody needs a second name for it.")
    look(ana, "request-rejected", rejected, "Rejected")
    withdrawn = asks("prod-d", "3")
    ana.page.goto(withdrawn)
    ana.page.get_by_role("button", name="Withdraw").click()
    expect(ana.page.get_by_role("status")).to_contain_text("withdrawn")
    judge(ana, "request-withdrawn")


def typed_text_comes_back(ruth: Person) -> None:
    """Whatever happens between looking and signing, nobody types twice."""
    url, typed = asks("prod-e", "2"), "I have read all of it,\nand the limits are right."
    votes("ruth", url, "comment", "Reading.")
    ruth.page.goto(url)
    ruth.page.get_by_label("Rationale").fill(typed)
    before = POLICY.read_text()
    change_policy(before.replace("seats = { risk = 1 }", 'seats = { risk = 1 }\n  expires = "90d"'))
    with ruth.page.expect_response(lambda answer: answer.request.method == "POST") as answered:
        ruth.page.get_by_role("button", name="Approve").click()
    assert answered.value.status == 409, answered.value.status
    expect(ruth.page.get_by_label("Rationale")).to_have_value(typed)
    judge(ruth, "request-409")
    asks("prod-e", "2")
    look(ruth, "request-stale", url, "Stale")
    ruth.page.get_by_label("Rationale").fill(typed)
    call("ana", "POST", f"/_countersign/api/v1/requests/{url.rsplit('/', 1)[1]}/withdraw", {})
    ruth.page.get_by_role("button", name="Approve").click()
    expect(ruth.page.get_by_text("and the limits are right.")).to_be_visible()
    judge(ruth, "request-409-withdrawn")


def two_at_once(playwright: Playwright, ruth: Person) -> None:
    """Two sign in the same moment: each is told what became of it, and that is what is kept."""
    url, omar = asks("prod-h", "3"), Person(playwright, "omar")
    omar.page.goto(url)
    sign_in(omar)
    for reviewer in (ruth, omar):
        reviewer.page.goto(url)
        reviewer.page.get_by_label("Rationale").fill(f"Read by {reviewer.name}.")
    for reviewer in (ruth, omar):
        button = reviewer.page.get_by_role("button", name="Approve")
        button.evaluate("it => setTimeout(() => it.click(), 1000 - Date.now() % 1000 + 1000)")
    told = 0
    for reviewer in (ruth, omar):
        recorded = reviewer.page.get_by_role("status").filter(has_text="Your approval is recorded.")
        expect(recorded.or_(reviewer.page.get_by_role("alert")).first).to_be_visible()
        told += recorded.count()
    _, kept = call("ruth", "GET", "/_countersign/api/v1/requests/" + url.rsplit("/", 1)[1])
    assert kept["state"]["is"] == "approved" and len(kept["reviews"]) == told > 0, (told, kept["reviews"])
    omar.close()


def change_policy(text: str) -> None:
    digest = call("ruth", "GET", "/_countersign/api/v1/policy")[1].get("digest")
    POLICY.write_text(text)
    until("the policy is in force", lambda: call("ruth", "GET", "/_countersign/api/v1/policy")[1]["digest"] != digest)


def past_countersign(ruth: Person, applied: str) -> None:
    body = {"name": "credit", "alias": "champion", "version": "1"}
    path = "/api/2.0/mlflow/registered-models/alias"
    status, said = call("", "POST", path, body, os.environ["MLFLOW_DIRECT_URL"])
    assert status == 200, said
    ruth.page.goto(OURS + "/models/credit")
    until("the bypass shows", lambda: ruth.page.reload() and ruth.page.get_by_text("Bypassed").count())
    look(ruth, "model", "/models/credit", "champion", "version 1")
    console.heard(ruth, "model")
    look(ruth, "model-then", "/models/credit?at=2020-01-01", "not known")
    look(ruth, "model-no-time", "/models/credit?at=yesterday", "is not a point in time")
    look(ruth, "audit", "/models/credit/audit", "What this does not show", "Bypassed", "EU AI Act")
    look(ruth, "request-after-bypass", applied)
    look(ruth, "model-unknown", "/models/nobody%20knows%2Fit")


def other_pages(ana: Person, ruth: Person, request: str) -> None:
    for tab in ("review", "mine", "all"):
        look(ana, f"inbox-{tab}-ana", f"/?tab={tab}")
        look(ruth, f"inbox-{tab}-ruth", f"/?tab={tab}")
    look(ruth, "ledger", "/ledger", "Signed checkpoint")
    look(ruth, "plugins", "/plugins", "metric-threshold")
    look(ruth, "policy", "/policy", "production")
    insights(ruth)
    good = POLICY.read_text()
    POLICY.write_text(good.replace('mode = "enforce"', 'mode = "enforced"'))
    ruth.page.goto(OURS + "/policy")
    until("the reload error shows", lambda: ruth.page.reload() and ruth.page.get_by_text("not in force").count())
    judge(ruth, "policy-broken")
    POLICY.write_text(good)
    look(ruth, "404", "/no/such/page", "Error 404", "ruth")
    look(ruth, "404-request", "/requests/0192d5e0-0000-7000-8000-000000000000", "Error 404")
    ruth.page.goto(request)
    ruth.page.evaluate(
        """url => { const form = document.body.appendChild(document.createElement('form'));
        form.method = 'post'; form.action = url + '/withdraw'; form.submit(); }""",
        request,
    )
    expect(ruth.page.locator("body")).to_contain_text("Error 403")
    judge(ruth, "403")


def insights(ruth: Person) -> None:
    """Each number is of the requests before; each picture has its table."""
    look(ruth, "insights", "/insights", "Median lead time", "First-pass yield", "Bypasses")
    page = ruth.page
    assert page.locator("svg.plot:visible").count() >= 5, "pictures are missing"
    console.heard(ruth, "insights")
    for summary in page.locator("details.behind summary").all():
        summary.click()
    judge(ruth, "insights-tables")
    page.get_by_label("Model").fill("nobody knows it")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("body")).to_contain_text("Nothing is open.")
    judge(ruth, "insights-nothing")
    page.goto(OURS + "/models/credit")
    page.locator("svg.plot:visible a").first.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/(requests|ledger)"))


def stranger(somebody: Person) -> None:
    look(somebody, "login", "/", "Sign in to Countersign")
    somebody.page.get_by_label("User name").fill("ana")
    somebody.page.get_by_label("Password").fill("a guess")
    somebody.page.get_by_role("button", name="Sign in").click()
    expect(somebody.page.get_by_role("alert")).to_be_visible()
    judge(somebody, "login-wrong")


def every_act(playwright: Playwright) -> None:
    ana, ruth = Person(playwright, "ana"), Person(playwright, "ruth", script=False)
    weak = told("MLflow's alias dialog shows the refusal, word for word", refused_in_mlflow(ana))
    strong = told("and what is held, with the address to sign at", held_in_mlflow(ana))
    told("ruth signs, without JavaScript and without a mouse", signed_by_ruth(ruth, strong))
    told("the same Save succeeds, and MLflow shows the alias", succeeds_in_mlflow(ana))
    ruth.close()
    ana.complaints.clear()
    ruth = Person(playwright, "ruth")
    ruth.page.goto(OURS + "/")
    sign_in(ruth)
    told("a request in every state", every_state(ana, ruth, weak, strong))
    told("typed text comes back", typed_text_comes_back(ruth))
    told("two reviewers at once", two_at_once(playwright, ruth))
    told("the inbox is searched", console.inbox(ruth, OURS))
    told("decisions by keyboard", console.by_keyboard(ruth, OURS, asks("prod-f", "3"), asks("prod-g", "3"), tab_to))
    told("one entry, verified in the browser", console.ledger(ruth, OURS))
    told("what would be asked", console.policy(ruth, OURS))
    told("a plugin's page", console.plugins(ruth, OURS))
    told("people and health", console.people(ruth, OURS))
    told("waivers", console.exceptions(ruth, OURS, call))
    told("a bypass shows", past_countersign(ruth, strong))
    told("every other page", other_pages(ana, ruth, strong))
    change_policy(POLICY.read_text() + EMERGENCIES)
    told("an emergency", console.emergencies(ruth, OURS, call, asks("prod-glass", "3")))
    ana.close()
    ruth.close()
    nobody = Person(playwright, "nobody")
    told("somebody who is not signed in", stranger(nobody))
    nobody.close()
    assert not FAULTS, "\n  ".join(["the pages are not as they should be:", *FAULTS])


def told(what: str, result=None):
    print(f"  {what}", flush=True)
    return result


if __name__ == "__main__":
    with sync_playwright() as chromium:
        every_act(chromium)
