"""The console's own pages, played by ana and ruth at Chromium: verify an entry, ask what would be, try a configuration,
prepare a delegation, waive and refuse, and decide by keyboard alone.

Knows our pages; not how the stage was set. Called by `people.py`, in the order below.
"""

import re
from typing import Callable

from playwright.sync_api import expect

from aria import aria
from chrome import FAULTS, Person, judge

Call = Callable[..., tuple[int, dict]]


def heard(person: Person, name: str, part: str = "main") -> None:
    FAULTS.extend(aria(person.page, name, part))


def inbox(ruth: Person, base: str) -> None:
    """One box, which keeps what was typed; what it does not know it answers with what there is."""
    page = ruth.page
    page.goto(base + "/?tab=all")
    page.get_by_label("Search").fill("state:rejected model:cred* by:ana")
    page.keyboard.press("Enter")
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.locator("tbody")).to_contain_text("Rejected")
    page.get_by_label("Search").fill("state:blocked")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("tbody")).to_contain_text("check metric-threshold failed")
    expect(page.locator("tbody")).to_contain_text("Still missing: 1 signature from seat risk")
    judge(ruth, "inbox-blocked")
    page.get_by_label("Search").fill("seat:risk state:in-review")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("tbody")).to_contain_text("1st of")
    judge(ruth, "inbox-searched")
    page.get_by_label("Search").fill("colour:blue")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("alert")).to_contain_text("colour is no key here: write one of model, alias")
    expect(page.get_by_label("Search")).to_have_value("colour:blue")
    judge(ruth, "inbox-wrong")
    page.get_by_role("link", name="Show all").click()
    expect(page.get_by_label("Search")).to_have_value("")


def ledger(ruth: Person, base: str) -> None:
    """One-click verify: every step holds; with another key it does not."""
    page = ruth.page
    page.goto(base + "/ledger")
    page.get_by_label("Kind").select_option("reviewed")
    page.get_by_label("Person").fill("ruth")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("ruth")
    judge(ruth, "ledger-filtered")
    page.locator("tbody th a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Reject")
    heard(ruth, "entry", "aside")
    page.get_by_role("button", name="Verify in this browser").click()
    expect(page.locator("#verified")).to_contain_text("Verified")
    expect(page.locator("#verify-steps li .text-good, #verify-steps li svg.text-good")).to_have_count(3)
    judge(ruth, "entry-verified")
    key = page.get_by_label("Verifier key").first
    key.fill(re.sub(r"\+[0-9a-f]{8}\+", "+00000000+", key.input_value()))
    page.get_by_role("button", name="Verify in this browser").click()
    expect(page.locator("#verified")).to_contain_text("Not verified")
    judge(ruth, "entry-not-verified")
    page.goto(base + "/ledger?request=nonsense")
    expect(page.get_by_role("alert")).to_be_visible()
    judge(ruth, "ledger-filter-wrong")


def policy(ruth: Person, base: str) -> None:
    page = ruth.page
    page.goto(base + "/policy")
    heard(ruth, "policy")
    page.get_by_label("Model").fill("credit")
    page.get_by_label("Version").fill("3")
    page.get_by_label("Asked for by").fill("ana")
    page.get_by_role("button", name="Show what would be asked").click()
    expect(page.get_by_text("ana could not: they asked for this promotion")).to_be_visible()
    expect(page.get_by_text("omar could", exact=True)).to_be_visible()
    heard(ruth, "what-if")
    judge(ruth, "what-if")
    page.get_by_text("Suppose that a fact were otherwise").click()
    page.get_by_label("Facts, one a line").fill("model_tag.risk=high")
    page.get_by_role("button", name="Show what would be asked").click()
    expect(page.get_by_text("1 of seat legal, 1 of seat risk")).to_be_visible()
    judge(ruth, "what-if-supposed")
    page.goto(base + "/policy/what-if?model=nobody&version=1&action=alias%3Dchampion")
    expect(page.get_by_role("alert")).to_be_visible()
    judge(ruth, "what-if-unknown")


def plugins(ruth: Person, base: str) -> None:
    page = ruth.page
    page.goto(base + "/plugins")
    page.get_by_role("link", name="metric-threshold").click()
    expect(page.get_by_label("metric", exact=False).first).to_have_value("auc")
    heard(ruth, "plugin")
    judge(ruth, "plugin")
    page.locator("#c-min").fill("good")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("alert")).to_contain_text("It is refused")
    expect(page.locator("#c-min")).to_have_value("good")
    judge(ruth, "plugin-refused")
    page.locator("#c-min").fill("0.9")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("#toml")).to_contain_text('min = "0.9"')
    judge(ruth, "plugin-taken")
    page.goto(base + "/plugins/nobody")
    expect(page.get_by_text("Error 404")).to_be_visible()


def people(ruth: Person, base: str) -> None:
    page = ruth.page
    page.goto(base + "/people")
    expect(page.get_by_text("You sit in risk")).to_be_visible()
    heard(ruth, "people")
    judge(ruth, "people")
    page.get_by_text("Prepare a delegation").click()
    page.get_by_label("Who stands in").fill("nobody")
    page.get_by_label("For whom").fill("ruth")
    page.get_by_label("From").fill("2026-12-01")
    page.get_by_label("Until (not included)").fill("2036-12-15")
    page.get_by_role("button", name="Show the lines").click()
    expect(page.get_by_role("alert")).to_contain_text("Nobody here is called")
    judge(ruth, "people-refused")
    page.get_by_label("Who stands in").fill("lea")
    page.get_by_role("button", name="Show the lines").click()
    expect(page.locator("#lines")).to_contain_text("[[delegation]]")
    judge(ruth, "people-prepared")
    page.goto(base + "/health")
    expect(page.get_by_role("heading", name="Health")).to_be_visible()
    heard(ruth, "health")
    judge(ruth, "health")


def exceptions(ruth: Person, base: str, call: Call) -> None:
    """A waiver of ana's that ruth approves, one of ruth's own that she cannot, and one that ends while she types."""

    def asks(who: str, check: str) -> str:
        reason = f"What {check} asks {who} for is at the printer."
        asked = {"model": "credit", "gate": "production", "check": check, "reason": reason, "lasts": "7d"}
        status, said = call(who, "POST", "/_countersign/api/v1/waivers", asked)
        assert status < 300, f"{who}'s waiver answered {status}: {said}"
        return said["id"]

    ending = asks("ana", "metric-threshold")
    asks("ana", "model-card")
    asks("ruth", "model-card")
    page = ruth.page
    page.goto(base + "/exceptions")
    heard(ruth, "exceptions")
    judge(ruth, "exceptions")

    def card(who: str, check: str = "model-card"):
        return page.locator("article.card").filter(has_text=f"What {check} asks {who} for")

    expect(card("ruth")).to_contain_text("You cannot approve it: you asked for it, or own it.")
    expect(card("ruth").get_by_role("button")).to_have_text(["Revoke it"])
    typed = "I have seen the proof sheets."
    late = card("ana", "metric-threshold")
    late.get_by_label("Rationale").fill(typed)
    status, said = call("ana", "POST", f"/_countersign/api/v1/waivers/{ending}/revoke", {"rationale": "It is here."})
    assert status < 300, said
    late.get_by_role("button", name="Approve the waiver").click()
    expect(late.get_by_role("alert")).to_contain_text("It was revoked")
    expect(late.locator("blockquote")).to_have_text(typed)
    judge(ruth, "exceptions-refused")
    card("ana").get_by_label("Rationale").fill(typed)
    card("ana").get_by_role("button", name="Approve the waiver").click()
    expect(page.get_by_role("status")).to_contain_text("approval of the waiver is recorded")
    expect(card("ana")).to_contain_text("You have approved it.")
    judge(ruth, "exceptions-approved")


def emergencies(ruth: Person, base: str, call: Call, request: str) -> None:
    """omar breaks the glass, and ruth looks at it afterwards; the policy lets them."""
    request = request.rsplit("/", 1)[1]
    broken = {"reason": "The champion scores everybody zero.", "ticket": "INC-7", "drill": False}
    status, said = call("omar", "POST", f"/_countersign/api/v1/requests/{request}/break-glass", broken)
    assert status < 300, said
    page = ruth.page
    page.goto(base + "/")
    passed_over = page.get_by_label("An emergency passed you over")
    expect(passed_over).to_contain_text("You were passed over: omar broke the glass")
    judge(ruth, "inbox-passed-over")
    passed_over.get_by_role("button", name="I have seen it").click()
    expect(page.get_by_role("status")).to_contain_text("That you have seen it is recorded.")
    used = page.locator("article.card").filter(has_text="The glass was broken: INC-7")
    heard(ruth, "emergency", "article.card:last-of-type")
    judge(ruth, "emergency")
    used.get_by_label("Rationale").fill("The champion was broken, and version 3 is what stood there before.")
    used.get_by_role("button", name="Record the review").click()
    expect(page.get_by_role("status")).to_contain_text("Your review is recorded.")
    expect(used).to_contain_text("Reviewed")
    expect(used.get_by_role("button")).to_have_count(0)
    judge(ruth, "emergency-reviewed")


def by_keyboard(ruth: Person, base: str, approves: str, rejects: str, tab_to) -> None:
    """Approve and reject without a mouse; no key sends anything by itself."""
    page = ruth.page
    page.goto(base + "/?tab=review")
    heard(ruth, "inbox")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    judge(ruth, "keys")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator("tbody th a").first).to_be_focused()
    page.goto(approves)
    heard(ruth, "request")
    page.keyboard.press("a")
    expect(page.get_by_label("Rationale")).to_be_focused()
    page.keyboard.type("Read from top to bottom, by keyboard.")
    tab_to(ruth, page.get_by_role("button", name="Approve"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Your approval is recorded.")
    page.goto(rejects)
    page.get_by_label("Rationale").fill("Begun before I knew better.")
    page.get_by_role("button", name="Comment").first.focus()
    page.keyboard.press("r")
    dialog = page.get_by_role("dialog", name="Reject this request")
    expect(dialog.get_by_label("Why you reject it")).to_have_value("Begun before I knew better.")
    judge(ruth, "reject-dialog")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Reject…")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog.get_by_label("Why you reject it")).to_be_focused()
    tab_to(ruth, dialog.get_by_role("button", name="Reject the request"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Your rejection is recorded")
