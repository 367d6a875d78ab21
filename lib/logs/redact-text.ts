import type { SecretKeys } from './secret-keys.ts';

/** What stands where a secret was. */
export const REDACTED = '[redacted]';

/** Shorter texts hold neither a pair nor a token that is worth a look. */
const MIN_LENGTH = 4;

// Each pattern is linear in the length of the text: quantifiers are bounded, or what they match is passed over whole.
const SCHEME = /\b(bearer|basic|digest|apikey|token)((?:\s|%20|\+){1,4})([A-Za-z0-9\-._~+/=%]{6,})/gi;
const SCHEME_HINT = /bearer|basic|digest|apikey|token/i;
/** Words that follow the name of a scheme in plain sentences. */
const SENTENCE =
  /^(?:auth|authentication|authori[sz]ation|challenges?|credentials?|expired|failed|header|headers|invalid|is|missing|must|not|null|realm|required|scheme|schemes|token|tokens|true|false|undefined|unknown|validation|verification)[.,:;]?$/i;
/** A password may hold an `@`, and a `/` unless what stands before it is a port. */
const USER_INFO =
  /\b([a-z][a-z0-9+.-]{0,20}:\/\/)(?:[^\s/?#"'<>]{1,1024}@|[^\s/?#"'<>:@]{0,64}:(?!\d{1,5}[/?#])[^\s"'<>]{1,256}@)/gi;
/** The same of a text that was cut off before the `@`: what is no port behind a colon is part of a password. */
const CUT_USER_INFO = /^[^\s/?#"'<>:@[\]]{0,64}:(?!\d{0,5}$)[^\s/?#"'<>@]{1,256}$/;
const PRIVATE_KEY = /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g;
/** Keys that their issuers made recognisable: AWS, GitHub, GitLab, Slack, Stripe and those alike, npm, Google. */
const ISSUED =
  /\b(?:(?:AKIA|ASIA)[A-Z0-9]{16}\b|gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_\w{20,255}|glpat-[\w-]{16,255}|xox[abeoprs]-[\w-]{10,255}|[sr]k[-_](?:live|test|proj|ant)[-_][\w-]{10,255}|npm_\w{30,255}|AIza[\w-]{30,255})/g;
/** Headers whose whole line is secret, whatever its parts are called. */
const WHOLE_LINE = /^(?:set-?cookie2?|cookies?|(?:proxy-?)?authorization)$/i;

const QUOTE = 34;
const APOSTROPHE = 39;
const BACKSLASH = 92;
const SPACE = 32;
const EQUALS = 61;
const COLON = 58;
const GREATER = 62;

/** Characters of names: letters, digits and `_ - . % $ @`, and everything beyond ASCII. */
const NAME = new Uint8Array(128);
/** Characters that end a value without quotes. */
const VALUE_END = new Uint8Array(128);
for (const character of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.%$@')
  NAME[character.charCodeAt(0)] = 1;
for (const character of ' \t\r\n\v\f"\'`&,;\\<>{}[]()|') VALUE_END[character.charCodeAt(0)] = 1;

const isName = (code: number): boolean => code > 127 || NAME[code] === 1;
/** Between a name and its sign: the quote that ends the name at any level of escaping, a bracket, a blank. */
const isBetween = (code: number): boolean =>
  code === QUOTE || code === APOSTROPHE || code === BACKSLASH || code === SPACE || code === 93;

/** End of a quoted value whose opening quote had `slashes` backslashes, as JSON within JSON has. */
function endOfQuoted(text: string, from: number, quote: string, slashes: number): number {
  // A literal backslash takes that many characters at this level of escaping.
  const unit = 2 * (slashes + 1);
  let at = text.indexOf(quote, from);
  for (; at >= 0; at = text.indexOf(quote, at + 1)) {
    let run = 0;
    while (at - run - 1 >= from && text.charCodeAt(at - run - 1) === BACKSLASH) run += 1;
    if (run >= slashes && (run - slashes) % unit === 0) return at - slashes;
  }
  return text.length;
}

/** End of an object or array in a text: where its brackets are even, or the end of the text. */
function endOfNested(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 123 || code === 91) depth += 1;
    else if (code === 125 || code === 93) {
      depth -= 1;
      if (depth <= 0) return at + 1;
    }
  }
  return text.length;
}

/** A header in quotes ends with them (`curl -H 'authorization: …'`); else with its line. */
function endOfLine(text: string, from: number, before: number): number {
  const quote = before === QUOTE || before === APOSTROPHE ? before : -1;
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 10 || code === 13 || code === quote) return at;
  }
  return text.length;
}

function endOfWord(text: string, from: number): number {
  let at = from;
  while (at < text.length && (text.charCodeAt(at) > 127 || VALUE_END[text.charCodeAt(at)] === 0)) at += 1;
  return at;
}

/** Where the value at `from` starts, past its quote, and where it ends. */
function valueAt(text: string, from: number, wholeLine: boolean, before: number): { start: number; end: number } {
  let slashes = 0;
  while (text.charCodeAt(from + slashes) === BACKSLASH) slashes += 1;
  const opening = text.charCodeAt(from + slashes);
  if (opening === QUOTE || opening === APOSTROPHE || opening === 96) {
    const start = from + slashes + 1;
    return { start, end: endOfQuoted(text, start, text.charAt(start - 1), slashes) };
  }
  if ((opening === 123 || opening === 91) && !text.startsWith(REDACTED, from))
    return { start: from, end: endOfNested(text, from) };
  return { start: from, end: wholeLine ? endOfLine(text, from, before) : endOfWord(text, from) };
}

/** Whether the sign at `at` may stand between a name and a value: not the `:` of `://` nor a lone `>`. */
function isSign(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (code === EQUALS) return text.charCodeAt(at + 1) !== EQUALS;
  return code === COLON && !(text.charCodeAt(at + 1) === 47 && text.charCodeAt(at + 2) === 47);
}

/**
 * Hides the values of pairs with a secret name: `name=value`, `"name":"value"`, `name: value`, `'name' => value`,
 * `<name>value`, query parameters. By hand, looking back from each sign: every character is passed once.
 */
function hidePairs(text: string, keys: SecretKeys): string {
  let output = '';
  let written = 0;
  for (let at = 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code !== EQUALS && code !== COLON && code !== GREATER) continue;
    let nameEnd = at;
    const isTag = code === GREATER;
    if (!isTag) {
      if (!isSign(text, at)) continue;
      while (nameEnd > written && at - nameEnd < 8 && isBetween(text.charCodeAt(nameEnd - 1))) nameEnd -= 1;
    }
    let nameStart = nameEnd;
    while (nameStart > written && isName(text.charCodeAt(nameStart - 1))) nameStart -= 1;
    const before = text.charCodeAt(nameStart - 1);
    // `user[password]=`: the name is the last part.
    if (nameStart === nameEnd || (isTag && before !== 60)) continue;
    const name = text.slice(nameStart, nameEnd);
    const inQuery = code === EQUALS && (before === 63 || before === 38);
    const verdict = keys.judge(name);
    if (verdict === 'plain' && !((inQuery || name.includes('%')) && keys.isQuerySecret(name))) continue;

    let from = at + 1;
    if (code === EQUALS && text.charCodeAt(from) === GREATER) from += 1;
    while (from < text.length && from - at < 5 && text.charCodeAt(from) === SPACE) from += 1;
    const { start, end } = valueAt(text, from, !inQuery && WHOLE_LINE.test(name), before);
    const value = text.slice(start, end);
    if (value === '' || value.startsWith(REDACTED) || SENTENCE.test(value)) continue;
    if (verdict === 'plural' && /^[\d.]+$/.test(value)) continue;
    output += text.slice(written, start) + REDACTED;
    written = end;
    at = Math.max(at, end - 1);
  }
  return written === 0 ? text : output + text.slice(written);
}

const isTokenPart = (code: number): boolean =>
  code < 128 && code !== 37 && code !== 36 && code !== 64 && NAME[code] === 1;

/** Hides JWT shapes: a run of token characters that holds `eyJ` and a dot behind it. */
function hideJwts(text: string): string {
  let output = '';
  let written = 0;
  for (let at = text.indexOf('eyJ'); at >= 0; at = text.indexOf('eyJ', at)) {
    let end = at;
    while (end < text.length && isTokenPart(text.charCodeAt(end))) end += 1;
    const dot = text.indexOf('.', at);
    if (dot > at + 7 && dot < end - 5) {
      output += text.slice(written, at) + REDACTED;
      written = end;
    }
    at = end;
  }
  return written === 0 ? text : output + text.slice(written);
}

/** In a sentence a word may follow `token` or `basic`: only what looks made by a machine is one, except behind `Bearer`. */
function hideCredential(whole: string, scheme: string, space: string, credential: string): string {
  if (SENTENCE.test(credential)) return whole;
  const made = /\d|[=/+]|[a-z][A-Z]/.test(credential) || credential.length >= 32;
  return made || scheme.toLowerCase() === 'bearer' ? `${scheme}${space}${REDACTED}` : whole;
}

/** Free text without its secrets: tokens, JWT shapes, keys, credentials in URLs, and pairs with a secret name. */
export function redactText(text: string, keys: SecretKeys): string {
  // Most texts are short sentences: they cost these look-ups and nothing else.
  if (text.length < MIN_LENGTH) return text;
  let output = text;
  if (output.includes('eyJ')) output = hideJwts(output);
  if (output.includes('PRIVATE KEY')) output = output.replace(PRIVATE_KEY, REDACTED);
  const address = output.lastIndexOf('://');
  if (address >= 0) {
    if (CUT_USER_INFO.test(output.slice(address + 3))) output = output.slice(0, address + 3) + REDACTED;
    if (output.includes('@')) output = output.replace(USER_INFO, `$1${REDACTED}@`);
  }
  if (SCHEME_HINT.test(output)) output = output.replace(SCHEME, hideCredential);
  if (output.length > 16) output = output.replace(ISSUED, REDACTED);
  if (output.includes('=') || output.includes(':') || output.includes('<')) output = hidePairs(output, keys);
  return output;
}
