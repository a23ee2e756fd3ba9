/*
 * Sealing in the browser, with nothing but WebCrypto: the same receipts, envelopes and mailbox as on the server
 * (domain/receipts.py, domain/envelope.py, adapters/hpke.py), so that the server sees neither a receipt nor a word.
 *
 * HPKE (RFC 9180), base mode, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, one message for each key.
 */

const { subtle } = crypto;
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const STEP = 4096;
const CURVE = { name: 'ECDH', namedCurve: 'P-256' };
const KEM = [...text('KEM'), 0, 0x10];
const SUITE = [...text('HPKE'), 0, 0x10, 0, 1, 0, 2];
const EMPTY = new Uint8Array(0);

export function text(string) {
  return new TextEncoder().encode(string);
}

export function encode(bytes) {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
}

export function decode(base64url) {
  if (/[^\w-]/.test(base64url)) throw new Error('not base64url');
  return Uint8Array.from(atob(base64url.replace(/-/g, '+').replace(/_/g, '/')), (letter) => letter.charCodeAt(0));
}

function join(...parts) {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function number(value, bytes) {
  return Array.from({ length: bytes }, (_, at) => Math.floor(value / 256 ** (bytes - 1 - at)) % 256);
}

async function hmac(key, message) {
  const hash = { name: 'HMAC', hash: 'SHA-256' };
  return new Uint8Array(await subtle.sign('HMAC', await subtle.importKey('raw', key, hash, false, ['sign']), message));
}

const NO_SALT = new Uint8Array(32); // HMAC fills an empty key with zeros, and some browsers import no empty key

/* ---------- receipts */

/** Draw a receipt: 130 random bits as 26 characters of Crockford base32. */
export function newReceipt() {
  const bits = [...crypto.getRandomValues(new Uint8Array(17))].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return Array.from({ length: 26 }, (_, at) => ALPHABET[parseInt(bits.substr(at * 5, 5), 2)]).join('');
}

/** Read a receipt as people write it: any case, spaces and dashes anywhere, O for 0, I and L for 1; or null. */
export function readReceipt(written) {
  const code = written.toUpperCase().replace(/[\s\u2010-\u2014-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  return written.length <= 104 && code.length === 26 && [...code].every((one) => ALPHABET.includes(one)) ? code : null;
}

/** Give the code in groups, as people copy it. */
export function shown(code) {
  return code.replace(/^(.{5})(.{5})(.{5})(.{5})/, '$1-$2-$3-$4-');
}

/** Give what a receipt opens: the lookup value, the mailbox key (HKDF-SHA256), and the request's id (SHA-256). */
export async function derive(code) {
  const extracted = await hmac(NO_SALT, text(code));
  const expand = (info) => hmac(extracted, join(text(`quietline/1|${info}`), [1]));
  const [lookup, mailboxKey] = [await expand('lookup'), await expand('mailbox-key')];
  return { lookup: encode(lookup), mailboxKey, requestId: await sha256(lookup) };
}

export async function sha256(bytes) {
  return encode(new Uint8Array(await subtle.digest('SHA-256', bytes)));
}

/* ---------- padding and AES-256-GCM */

function binding(kind, requestId) {
  return text(`quietline/1|${kind}|${requestId}`);
}

/** Fill content up to the next 4 KiB, so that its size says nothing. */
export function pad(content) {
  const padded = new Uint8Array(Math.ceil((content.length + 4) / STEP) * STEP);
  padded.set(number(content.length, 4));
  padded.set(content, 4);
  return padded;
}

export function unpad(padded) {
  const length = new DataView(padded.buffer, padded.byteOffset).getUint32(0);
  if (padded.length % STEP || padded.length < length + 4) throw new Error('padding does not fit');
  return padded.slice(4, length + 4);
}

async function gcm(verb, key, iv, additionalData, data) {
  const imported = await subtle.importKey('raw', key, 'AES-GCM', false, [verb]);
  return new Uint8Array(await subtle[verb]({ name: 'AES-GCM', iv, additionalData }, imported, data));
}

/** Encrypt under the mailbox key: what only the holder of the receipt can read again. */
export async function encrypt(content, key, kind, requestId) {
  const nonce = crypto.getRandomValues(new Uint8Array(12));
  return join(nonce, await gcm('encrypt', key, nonce, binding(kind, requestId), pad(content)));
}

export async function decrypt(ciphertext, key, kind, requestId) {
  return unpad(await gcm('decrypt', key, ciphertext.slice(0, 12), binding(kind, requestId), ciphertext.slice(12)));
}

/* ---------- HPKE */

function extract(suite, salt, label, ikm) {
  return hmac(salt.length ? salt : NO_SALT, join(text('HPKE-v1'), suite, text(label), ikm));
}

async function expand(suite, prk, label, info, length) {
  return (await hmac(prk, join(number(length, 2), text('HPKE-v1'), suite, text(label), info, [1]))).slice(0, length);
}

/** Give key and nonce of the one message that is sealed between two key pairs: our private, their public half. */
export async function schedule(privateKey, publicKey, enc, recipient, info) {
  const shared = new Uint8Array(await subtle.deriveBits({ name: 'ECDH', public: publicKey }, privateKey, 256));
  const eae = await extract(KEM, EMPTY, 'eae_prk', shared);
  const secret = await expand(KEM, eae, 'shared_secret', join(enc, recipient), 32);
  const context = join([0], await extract(SUITE, EMPTY, 'psk_id_hash', EMPTY), await extract(SUITE, EMPTY, 'info_hash', info));
  const prk = await extract(SUITE, secret, 'secret', EMPTY);
  return { key: await expand(SUITE, prk, 'key', context, 32), nonce: await expand(SUITE, prk, 'base_nonce', context, 12) };
}

export function importPublic(point) {
  return subtle.importKey('raw', point, CURVE, true, []);
}

/** Seal to one public key (an uncompressed point), with a fresh pair unless one is given. */
export async function sealTo(point, info, content, aad = EMPTY, pair = null) {
  const own = pair || (await subtle.generateKey(CURVE, true, ['deriveBits']));
  const enc = new Uint8Array(await subtle.exportKey('raw', own.publicKey));
  const { key, nonce } = await schedule(own.privateKey, await importPublic(point), enc, point, info);
  return { enc, ct: await gcm('encrypt', key, nonce, aad, content) };
}

/** Open what was sealed to *pair*. */
export async function openWith(pair, info, { enc, ct }, aad = EMPTY) {
  const point = new Uint8Array(await subtle.exportKey('raw', pair.publicKey));
  const { key, nonce } = await schedule(pair.privateKey, await importPublic(enc), enc, point, info);
  return gcm('decrypt', key, nonce, aad, ct);
}

/** Seal content to every key of `GET /v1/keys`, bound to its kind and request: the envelope as it travels. */
export async function seal(content, kind, requestId, keys) {
  const aad = binding(kind, requestId);
  const [key, nonce] = [32, 12].map((size) => crypto.getRandomValues(new Uint8Array(size)));
  const recipients = [];
  for (const each of keys) {
    const { enc, ct } = await sealTo(decode(each.public_key), join(aad, text(`|${each.key_id}`)), key);
    recipients.push({ key_id: each.key_id, enc: encode(enc), ct: encode(ct) });
  }
  return { v: 1, request_id: requestId, nonce: encode(nonce), ct: encode(await gcm('encrypt', key, nonce, aad, pad(content))), recipients };
}

/** Open an envelope with the pair of the recipient *keyId*. */
export async function open(envelope, kind, requestId, keyId, pair) {
  const aad = binding(kind, requestId);
  const { enc, ct } = envelope.recipients.find((each) => each.key_id === keyId);
  const key = await openWith(pair, join(aad, text(`|${keyId}`)), { enc: decode(enc), ct: decode(ct) });
  return unpad(await gcm('decrypt', key, decode(envelope.nonce), aad, decode(envelope.ct)));
}

/* ---------- what a requester does with all this */

/** Seal a request: its new receipt, and the body's `sealed`. */
export async function sealRequest(kind, details, keys, code = newReceipt()) {
  const { mailboxKey, requestId } = await derive(code);
  const content = text(JSON.stringify({ details, mailbox_key: encode(mailboxKey) }));
  return { code, requestId, sealed: await seal(content, kind, requestId, keys) };
}

/** Seal a message: for the desk, and a copy for one's own mailbox. */
export async function sealMessage(words, { mailboxKey, requestId }, keys) {
  const messageId = encode(crypto.getRandomValues(new Uint8Array(12)));
  const [content, kind] = [text(JSON.stringify({ text: words })), `message:${messageId}`];
  const copy = encode(await encrypt(content, mailboxKey, kind, requestId));
  return { message_id: messageId, sealed: await seal(content, kind, requestId, keys), copy };
}

/** Open one message of the mailbox. */
export async function openMessage(messageId, sealed, { mailboxKey, requestId }) {
  const content = await decrypt(decode(sealed), mailboxKey, `message:${messageId}`, requestId);
  return JSON.parse(new TextDecoder().decode(content));
}
