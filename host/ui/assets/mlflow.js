// Where versions stand, in MLflow's own pages. Whatever fails here, MLflow goes on as if this were not there.

const OURS = new URL("../", import.meta.url), API = new URL("api/v1/", OURS), MLFLOW = new URL("../", OURS);
const PATIENCE = 8000; // ms until a place counts as missing
const ICONS = {
  good: "M3.5 8.5l3 3 6-7", bad: "M4 4l8 8M12 4l-8 8", busy: "M8 4.5V8l2.5 1.5M14 8A6 6 0 112 8a6 6 0 0112 0",
  warning: "M8 3v6M8 12v.5", neutral: "M4 8h8", lock: "M4 7.5h8V13H4zM6 7.5V5a2 2 0 014 0v2.5",
};
const SHEET = new CSSStyleSheet();

const quietly = (work) => (...given) => {
  try {
    return work(...given);
  } catch (error) {
    console.debug(error);
  }
};

function element(name, props, ...children) {
  const made = Object.assign(document.createElement(name), props);
  made.append(...children);
  return made;
}

const parsed = (html) => new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
const icon = (name) => parsed(`<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`);

// Links name the public address; somebody may have come by another.
const ours = (url) => String(new URL(url.split("/_countersign/")[1] ?? "", OURS));

async function call(path, { base = API, method = "GET", body, workspace, as = "json" } = {}) {
  const headers = { "Content-Type": "application/json", ...(workspace && { "X-MLFLOW-WORKSPACE": workspace }) };
  const answer = await fetch(new URL(path, base), { method, body, headers, redirect: "manual" });
  const said = await answer[as]().catch(() => ({}));
  // What leads to the sign-in page has no status.
  if (!answer.ok) throw new Error(said.detail ?? said.message ?? (answer.status ? `the server answered ${answer.status}` : "you are not signed in"));
  return said;
}

class Ours extends HTMLElement {
  constructor() {
    super();
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [SHEET];
  }

  connectedCallback() {
    this.toggleAttribute("dark", document.body.classList.contains("dark-mode"));
  }
}

// One or several: { words, tone, url, bare }.
class Chip extends Ours {
  show(...items) {
    const said = JSON.stringify(items);
    if (said === this.said) return this;
    this.said = said;
    const chips = items.map(({ words, tone, url, bare }) =>
      element(url ? "a" : "span", { className: `chip ${tone}${bare ? " bare" : ""}`, ...(url && { href: ours(url) }) },
        icon(tone), element("span", { className: bare ? "hidden" : "" }, words)));
    this.shadowRoot.replaceChildren(element("span", { className: "chips" }, ...chips));
    return this;
  }
}

class Panel extends Ours {
  constructor() {
    super();
    this.told = element("p", { className: "hidden", role: "status" });
    this.place = element("div");
    const root = this.shadowRoot;
    root.append(this.told, this.place);
    root.addEventListener("submit", (event) => this.send(event));
    root.addEventListener("toggle", ({ target: { open, dataset } }) => open && dataset.opens && this.act(dataset.opens), true);
    root.addEventListener("click", ({ target }) => {
      if ("close" in target.dataset) target.closest("dialog").close();
      if ("dialog" in target.dataset && target.form.reportValidity()) target.nextElementSibling.showModal();
    });
  }

  async piece(path) {
    return parsed(await call(path, { base: OURS, as: "text" }));
  }

  async load() {
    const { path } = this;
    try {
      const piece = await this.piece(path);
      if (this.path === path) this.draw(piece);
    } catch (error) {
      if (this.path !== path) return;
      this.place.replaceChildren(element("section", {}, element("div", { className: "part row" },
        element("p", { role: "alert" }, `Could not load governance status: ${error.message}.`),
        element("button", { onclick: () => this.load() }, "Try again"), element("a", { href: OURS }, "Open Countersign"))));
    }
  }

  draw(piece) {
    const was = new Map(seen("[data-key]", this.place).map((it) => [it.dataset.key, it.open ?? it.value]));
    const focused = this.shadowRoot.activeElement?.dataset.key;
    this.place.replaceChildren(piece);
    for (const it of seen("[data-key]", piece)) {
      const { key } = it.dataset;
      if (was.has(key)) it["open" in it ? "open" : "value"] = was.get(key);
      if (it.selectedIndex < 0) it.selectedIndex = 0;
      if (key === focused) it.focus();
    }
    for (const it of seen("[data-load]", this.place)) {
      this.piece(it.dataset.load).then((piece) => {
        piece.open = was.get(piece.dataset.key) ?? false;
        it.replaceChildren(piece);
      }).catch((error) => it.replaceChildren(`Not compared: ${error.message}.`));
    }
  }

  send(event) {
    event.preventDefault();
    const { target: form, submitter: button } = event, body = Object.fromEntries(new FormData(form, button));
    button.closest("dialog")?.close();
    if (body.action) body.action = JSON.parse(body.action);
    if (body.vote === "comment") delete body.seat;
    this.act(form.dataset.post, { form, body: JSON.stringify(body), words: button.textContent, ...form.dataset });
  }

  async act(path, { form, mlflow, method = "POST", body = "{}", words = "Opened", workspace } = {}) {
    seen(".alert", this.place).forEach((it) => it.remove());
    try {
      await call(path, { method, body, workspace, base: mlflow ? MLFLOW : API });
      if (mlflow) return location.reload();
      this.told.textContent = `${words}: recorded.`;
      form?.reset();
      await this.load();
      if (form) this.place.querySelector("h3")?.focus();
    } catch (error) {
      (form ?? this.place).after(element("p", { className: "alert", role: "alert" }, error.message));
    }
  }
}

const known = new Map(), told = {};
let page, since, timer;

function route() {
  const [, name, version, query] = /^#\/models(?:\/([^/?]+)(?:\/versions\/(\d+))?)?\/?(?:\?(.*))?$/.exec(location.hash) ?? ["", null];
  return name !== null && { name: name && decodeURIComponent(name), version, workspace: new URLSearchParams(query).get("workspace") };
}

// What is asked for, in the workspace of this page.
function asked(pairs) {
  const said = new URLSearchParams(pairs), { workspace } = route();
  if (workspace) said.set("workspace", workspace);
  return said;
}

const read = (path) => (known.has(path) || ask(path), known.get(path));

function ask(path) {
  known.set(path, known.get(path));
  call(path).then((said) => known.set(path, said), () => setTimeout(() => known.get(path) ?? known.delete(path), PATIENCE)).then(soon);
}

const about = (name, versions) => read(`models/${encodeURIComponent(name)}?${asked(versions && { versions })}`);
const several = (names) => names.length && read(`models?${asked(names.map((name) => ["name", name]))}`)?.models;
const seen = (selector, root = document) => [...root.querySelectorAll(selector)];

function at(place, as = "inline") {
  const mine = [...place.children].find((it) => it instanceof Chip) ?? new Chip();
  mine.toggleAttribute(as, true);
  if (!mine.isConnected) place.append(mine);
  return mine;
}

const lock = (place) => at(place).show({ words: "governed", tone: "lock", bare: true });
const guarded = (said) => (said?.guards ?? []).flatMap((guard) => guard.alias ?? []);
const isGuarded = (said, alias) => guarded(said).some((pattern) =>
  new RegExp(`^${pattern.replace(/\W/g, (it) => it === "*" ? ".*" : `\\${it}`)}$`, "i").test(alias));

function lockTags(root, said) {
  for (const tag of seen("[role=status][title]", root)) if (isGuarded(said, tag.title)) lock(tag.firstElementChild ?? tag);
}

// Table rows: what their links of this form name, and the cell under the last of these titles.
function rows(href, ...titles) {
  return seen("main [role=row]").flatMap((row) => {
    const link = seen("a", row).find((it) => href.test(it.getAttribute("href")));
    if (!link) return [];
    const heads = seen("[role=columnheader]", row.parentElement.parentElement).map((head) => head.textContent.trim());
    const column = heads.indexOf(titles.findLast((title) => heads.includes(title)));
    const cell = seen("[role=cell]", row)[column] ?? link.parentElement;
    return [{ row, cell, key: decodeURIComponent(href.exec(link.getAttribute("href"))[1]) }];
  });
}

// Each of the three says whether its place is there.
function list() {
  const found = rows(/^#\/models\/([^/?]+)(\?|$)/, "Name", "Aliased versions"), said = several(found.map(({ key }) => key)) || [];
  for (const { cell, key } of found) {
    const chips = (said.find((it) => it.model === key)?.aliases ?? []).flatMap(({ alias, version, badge, pending }) => [
      version && { ...badge, words: `${alias}, version ${version}: ${badge.words}` },
      pending && { ...pending.badge, words: `${alias} to version ${pending.version}: ${pending.badge.words}` },
    ]).filter(Boolean);
    if (chips.length) at(cell).show(...chips);
    else seen("countersign-chip", cell)[0]?.remove();
  }
  return found.length;
}

function model(name) {
  const found = rows(/^#\/models\/[^/]+\/versions\/(\d+)(\?|$)/, "Aliases", "Stage");
  const said = found.length && about(name, found.map(({ key }) => key));
  for (const { row, cell, key } of said ? found : []) {
    const version = said.versions.find((it) => it.version === key);
    if (version) at(cell).show(version.badge);
    lockTags(row, said);
  }
  return found.length;
}

function version(name, number) {
  const place = seen('main [data-testid="descriptions-item"]')[0]?.parentElement, title = seen("main h2")[0];
  if (!place || !title) return;
  const panel = seen("countersign-panel")[0] ?? new Panel(), path = `panel?${asked({ model: name, version: number })}`;
  if (panel.previousElementSibling !== place) place.after(panel);
  if (panel.path !== path) Object.assign(panel, { path }).load();
  const said = about(name, [number]);
  if (said) at(title).show(said.versions[0].badge);
  lockTags(place, said);
  return true;
}

function dialogs(name) {
  for (const dialog of seen("[role=dialog]")) {
    const title = seen("h2, [id*=Title]", dialog)[0]?.textContent, form = seen("form", dialog)[0];
    if (form && /alias/i.test(title)) aliasDialog(dialog, form, about(name));
    if (form && /promote/i.test(title)) promoteDialog(form);
  }
  // MLflow shows the address in a refusal as text.
  for (const place of seen("[role=dialog] *, [role=alert] *, [role=alert], [class*=notification] *")) {
    const text = [...place.childNodes].find((it) => it.nodeType === 3 && it.data.includes("/_countersign/requests/"))?.data;
    if (text) at(place).show({ words: "Open the promotion request", tone: "busy", url: /\S+\/requests\/[\w-]+/.exec(text)[0] });
  }
}

function aliasDialog(dialog, form, said) {
  const all = guarded(said), chosen = [...seen("[role=status][title]", dialog).map((it) => it.title), seen("input", dialog)[0]?.value.trim()];
  if (!all.length) return;
  note(form, `Governed here: ${all.join(", ")}`, [...new Set(chosen)].filter((alias) => alias && isGuarded(said, alias)), "Saving");
  lockTags(dialog, said);
  for (const { firstElementChild: option } of seen('[data-testid="model-alias-option"]')) if (isGuarded(said, option?.firstChild?.textContent ?? "")) lock(option);
}

function promoteDialog(form) {
  const options = seen("[role=listbox] ~ * [title], .rc-virtual-list [title]"), chosen = seen("[title]", form).map((it) => it.title);
  const names = [...new Set([...options.map((it) => it.title), ...chosen])].filter(Boolean), said = several(names) || [];
  const governed = (name) => said.find((it) => it.model === name)?.guards.some((guard) => guard.register_into);
  for (const option of options) if (governed(option.title)) lock(option.firstElementChild ?? option);
  if (names.some(governed)) note(form, `Governed: ${names.filter(governed).join(", ")}`, chosen.filter(governed), "Registering into");
}

function note(form, words, chosen, doing) {
  const now = `${doing} ${chosen.join(", ")} needs checks and signatures: without them a request opens.`;
  at(form, "block").show({ words, tone: "lock" }, ...(chosen.length ? [{ words: now, tone: "warning" }] : []));
}

// A place is gone: say so once, and be of use in the corner.
function lost(hook, { name, version }) {
  const badge = (version && about(name, [version])?.versions[0].badge) || { words: "Governance", tone: "neutral" };
  at(document.body, "corner").show({ ...badge, url: badge.url ?? `/_countersign/${name ? `models/${encodeURIComponent(name)}?${asked()}` : ""}` });
  told[hook] ??= call("pages/missing", { method: "POST", body: JSON.stringify({ hook }) }).catch(() => {});
}

const leaveCorner = () => seen("body > countersign-chip").forEach((it) => it.remove());

const look = quietly(() => {
  timer = undefined;
  const here = route();
  if (location.hash !== page) {
    [page, since] = [location.hash, Date.now()];
    known.clear();
    leaveCorner();
    setTimeout(soon, PATIENCE + 100);
    listen();
  }
  if (!here) return;
  const show = here.version ? version : here.name ? model : list;
  const found = quietly(show)(here.name, here.version);
  quietly(dialogs)(here.name);
  if (found || !seen('main a[href^="#/models/"]').length) leaveCorner();
  else if (Date.now() - since > PATIENCE) lost(show.name, here);
});

const soon = () => (timer ??= setTimeout(look, 60));

let source, listened, pause = 1000, stale;

function again() {
  clearTimeout(stale);
  stale = setTimeout(() => {
    [...known.keys()].forEach(ask);
    seen("countersign-panel").forEach((it) => it.load());
  }, 150);
}

// One connection, while somebody looks at a page with something of ours.
function listen() {
  const wanted = !document.hidden && route();
  if (!wanted) return source = void source?.close();
  if (source) return;
  source = new EventSource(new URL("events", API));
  source.onopen = () => {
    if (listened) again();
    [listened, pause] = [true, 1000];
  };
  source.onmessage = quietly(({ data }) => {
    const { model } = JSON.parse(data), here = route();
    if (!model || !here?.name || here.name === model) again();
  });
  source.onerror = () => {
    source = void source?.close();
    setTimeout(listen, pause * (0.5 + Math.random()));
    pause = Math.min(pause * 2, 60000);
  };
}

quietly(() => {
  customElements.define("countersign-chip", Chip);
  customElements.define("countersign-panel", Panel);
  new MutationObserver(() => (location.hash !== page || route()) && soon()).observe(document.body, { subtree: true, childList: true, attributeFilter: ["title"] });
  new MutationObserver(() => seen("countersign-chip, countersign-panel").forEach((it) => it.connectedCallback()))
    .observe(document.body, { attributeFilter: ["class"] });
  addEventListener("hashchange", soon);
  addEventListener("input", soon, true);
  document.addEventListener("visibilitychange", listen);
  fetch(new URL(new URL(import.meta.url).search.slice(1), import.meta.url))
    .then((answer) => answer.text()).then((text) => SHEET.replace(text)).then(look).catch(console.debug);
})();
