// What the pages do better with a script than without: copy, verify, keys, dialogs. Every page works without it.
// Text only ever becomes text; nothing here sends a form, or fetches anything.

const $ = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const text = id => document.getElementById(id)?.textContent ?? "";

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// === Copying ===

async function copy(button) {
  const words = button.firstChild;
  const before = words.textContent;
  try {
    await navigator.clipboard.writeText(text(button.dataset.copy));
    words.textContent = "Copied";
  } catch {
    // Without the permission: select it, so that the keyboard copies it.
    getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
    words.textContent = "Selected";
  }
  setTimeout(() => { words.textContent = before; }, 2000);
}

// === Verifying: RFC 6962 leaf and node hashes, RFC 9162 §2.1.3.2, C2SP signed notes ===

const utf8 = words => new TextEncoder().encode(words);
const hex = bytes => Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join("");
const unhex = words => Uint8Array.from(words.match(/../g) ?? [], pair => parseInt(pair, 16));
const unbase64 = words => Uint8Array.from(atob(words), c => c.charCodeAt(0));
const same = (left, right) => hex(left) === hex(right);

function join(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", join(...parts)));
}

const leafHash = entry => sha256([0], entry);
const nodeHash = (left, right) => sha256([1], left, right);

async function rootOf(leaf, index, size, path) {
  if (index >= size) throw new Error("the entry is newer than the checkpoint");
  let [node, last, hash] = [index, size - 1, leaf];
  for (const sibling of path) {
    if (last === 0) throw new Error("the path is longer than the tree is high");
    if (node % 2 === 1 || node === last) {
      hash = await nodeHash(sibling, hash);
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)];
    } else {
      hash = await nodeHash(hash, sibling);
    }
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  if (last !== 0) throw new Error("the path ends before the root");
  return hash;
}

function readNote(note) {
  const end = note.lastIndexOf("\n\n");
  if (end < 0) throw new Error("the checkpoint has no signature");
  const body = note.slice(0, end + 1);
  const [origin, size, root] = body.split("\n");
  const signatures = note.slice(end + 2).split("\n").filter(line => line.startsWith("\u2014 ")).map(line => {
    const at = line.lastIndexOf(" ");
    const blob = unbase64(line.slice(at + 1));
    return { name: line.slice(2, at), hash: blob.slice(0, 4), signature: blob.slice(4) };
  });
  return { body, origin, size: Number(size), root: unbase64(root), signatures };
}

// `name+hash+base64(type, key)`; the key itself may hold a `+`.
function readKey(vkey) {
  const [, name, hash, key] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(vkey.trim()) ?? [];
  const bytes = key ? unbase64(key) : [];
  if (bytes.length !== 33 || bytes[0] !== 1) throw new Error("this is not an Ed25519 verifier key: it reads name+8 digits+base64");
  return { name, hash: unhex(hash), type: bytes.slice(0, 1), key: bytes.slice(1) };
}

async function signatureHolds(note, key) {
  const hash = await sha256(utf8(key.name), [10], key.type, key.key);
  if (!same(hash.slice(0, 4), key.hash)) throw new Error("the key's name and its digits do not belong together");
  if (note.origin !== key.name) throw new Error(`the checkpoint is of ${note.origin}, the key of ${key.name}`);
  const signed = note.signatures.find(one => one.name === key.name && same(one.hash, key.hash));
  if (!signed) throw new Error(`no signature by ${key.name} with this key`);
  let imported;
  try {
    imported = await crypto.subtle.importKey("raw", key.key, "Ed25519", false, ["verify"]);
  } catch {
    return null;
  }
  return crypto.subtle.verify("Ed25519", imported, signed.signature, utf8(note.body));
}

const NO_ED25519 = "This browser cannot check Ed25519 signatures (Chrome 137, Firefox 129 and Safari 17 can). " +
  "The hashes hold; check the signature with: countersign ledger verify";

// Each step adds what it found; the first that fails ends it.
function steps(proof) {
  const found = {};
  const path = all("#path code").map(code => unhex(code.textContent.replace("sha256:", "")));
  return [
    ["Leaf hash", async () => {
      found.leaf = await leafHash(utf8(text("exact")));
      if (`sha256:${hex(found.leaf)}` !== text("leaf")) throw new Error("the bytes of this entry have another hash than the one shown");
      return "SHA-256 of 0x00 and the exact bytes is the hash that is shown";
    }],
    ["Path", async () => {
      found.note = readNote(text("checkpoint"));
      const root = await rootOf(found.leaf, Number(proof.dataset.index), found.note.size, path);
      if (!same(root, found.note.root)) throw new Error("the path leads to another root than the checkpoint's");
      return `${path.length} hashes lead to the root of the tree of ${found.note.size} entries`;
    }],
    ["Signature", async () => {
      const holds = await signatureHolds(found.note, readKey($("#vkey").value));
      if (holds === false) throw new Error("the signature is not over this checkpoint");
      if (holds === null) return { unknown: NO_ED25519 };
      return `Ed25519 by ${found.note.origin}, over the whole checkpoint`;
    }],
  ];
}

function step(kind, title, words) {
  const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", { good: "#i-check", bad: "#i-cross", warning: "#i-alert" }[kind]);
  icon.setAttribute("class", `icon text-${kind}`);
  icon.setAttribute("aria-hidden", "true");
  icon.append(use);
  const state = { good: "holds", bad: "does not hold", warning: "not checked" }[kind];
  return element("li", {}, icon, element("span", {}, element("strong", { textContent: `${title} ${state}` }), `: ${words}`));
}

async function verify() {
  const [proof, list, told] = [$("#proof"), $("#verify-steps"), $("#verified")];
  list.replaceChildren();
  list.hidden = false;
  if (!globalThis.crypto?.subtle) {
    told.textContent = "A browser gives WebCrypto only to pages by https and on localhost. Use the command below.";
    return;
  }
  let verdict = "Verified: this entry is in the ledger that the checkpoint signs.";
  for (const [title, check] of steps(proof)) {
    try {
      const said = await check();
      list.append(said.unknown ? step("warning", title, said.unknown) : step("good", title, said));
      if (said.unknown) verdict = "The hashes hold. The signature was not checked.";
    } catch (error) {
      list.append(step("bad", title, error.message));
      verdict = `Not verified: ${error.message}.`;
      break;
    }
  }
  told.textContent = verdict;
}

// === Dialogs: what is folded without a script opens over the page with one ===

function toDialog(details) {
  const summary = $("summary", details);
  const heading = element("h2", { textContent: details.dataset.title, id: `${details.id}-title` });
  const close = element("button", { type: "button", textContent: "Cancel" });
  const dialog = element("dialog", { id: details.id });
  dialog.setAttribute("aria-labelledby", heading.id);
  dialog.append(heading, ...[...details.childNodes].filter(node => node !== summary));
  ($(".actions", dialog) ?? dialog).append(close);
  const opener = element("button", { type: "button", className: summary.className });
  opener.append(...summary.childNodes);
  opener.setAttribute("aria-haspopup", "dialog");
  opener.addEventListener("click", () => {
    carry(dialog);
    dialog.showModal();
  });
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => opener.focus());
  const open = details.open;
  details.replaceWith(opener, dialog);
  // Where there is a row of buttons for it, it stands second.
  document.getElementById(details.dataset.into)?.firstElementChild.after(opener);
  if (open) dialog.showModal();
}

// What was begun in the form behind goes along, so that nobody types twice.
function carry(dialog) {
  for (const field of all("[data-from]", dialog)) {
    const before = document.getElementById(field.dataset.from);
    if (before && !field.value) field.value = before.value;
  }
}

// === Keys: none sends anything ===

const KEYS = [
  ["?", "this list"],
  ["j, k", "next and previous in a list"],
  ["/", "to the filter"],
  ["a", "to the form to approve"],
  ["r", "to the form to reject"],
  ["g i, g l, g p", "inbox, ledger, policy"],
];

function helpDialog() {
  const rows = KEYS.map(([keys, words]) => element("div", {},
    element("dt", {}, element("kbd", { textContent: keys })), element("dd", { textContent: words })));
  const close = element("button", { type: "button", textContent: "Close" });
  const dialog = element("dialog", { id: "keys" }, element("h2", { textContent: "Keys", id: "keys-title" }),
    element("dl", { className: "facts" }, ...rows), element("div", { className: "actions" }, close));
  dialog.setAttribute("aria-labelledby", "keys-title");
  close.addEventListener("click", () => dialog.close());
  document.body.append(dialog);
  return dialog;
}

function move(by) {
  const rows = all(".list tbody th a, .list tbody .title[href]").filter((link, at, links) => links.indexOf(link) === at);
  if (!rows.length) return;
  const now = rows.indexOf(document.activeElement);
  rows[Math.min(Math.max(now + by, 0), rows.length - 1)].focus();
}

let went = 0;

function pressed(event) {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
  const place = { i: "/", l: "/ledger", p: "/policy" }[event.key];
  if (place && event.timeStamp - went < 1500) {
    location.assign($(".brand").pathname.replace(/\/$/, "") + place);
    return;
  }
  went = event.key === "g" ? event.timeStamp : 0;
  const act = {
    "?": () => ($("#keys") ?? helpDialog()).showModal(),
    j: () => move(1),
    k: () => move(-1),
    "/": () => $("[role=search] input, [role=search] select")?.focus(),
    a: () => $("#rationale")?.focus(),
    r: () => $("button[aria-haspopup=dialog].reject")?.click(),
  }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

// === Times: the reader's own clock, where the page has only ours ===

function localTimes() {
  const form = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  for (const time of all("time[title]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.valueOf())) time.title = `${form.format(at)} (${time.title})`;
  }
}

for (const button of all("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}
for (const part of all(".needs-script")) part.hidden = false;
$("#verify")?.addEventListener("click", verify);
for (const details of all("details.dialog")) toDialog(details);
document.addEventListener("keydown", pressed);
localTimes();
