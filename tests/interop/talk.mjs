/*
 * The other side of tests/interop: reads one JSON request a line, answers one a line, with the very modules that a
 * browser is given.
 */
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const folder = `${pathToFileURL(process.argv[2]).href}/`;
const s = await import(new URL('sealing.js', folder));
const { solve } = await import(new URL('solving.js', folder));
const CURVE = { name: 'ECDH', namedCurve: 'P-256' };

async function pair({ d, x, y }) {
  const jwk = { kty: 'EC', crv: 'P-256', x, y, ext: true };
  return {
    privateKey: await crypto.subtle.importKey('jwk', { ...jwk, d }, CURVE, true, ['deriveBits']),
    publicKey: await crypto.subtle.importKey('jwk', jwk, CURVE, true, []),
  };
}

const b = s.decode;
const verbs = {
  receipt: () => s.newReceipt(),
  derive: async ({ code }) => {
    const { lookup, mailboxKey, requestId } = await s.derive(code);
    return { lookup, mailboxKey: s.encode(mailboxKey), requestId };
  },
  read: ({ written }) => s.readReceipt(written),
  shown: ({ code }) => s.shown(code),
  sealRequest: ({ kind, details, keys, code }) => s.sealRequest(kind, details, keys, code),
  sealMessage: async ({ words, code, keys }) => s.sealMessage(words, await s.derive(code), keys),
  openMessage: async ({ messageId, sealed, code }) => s.openMessage(messageId, sealed, await s.derive(code)),
  seal: ({ content, kind, requestId, keys }) => s.seal(b(content), kind, requestId, keys),
  open: async ({ envelope, kind, requestId, keyId, key }) =>
    s.encode(await s.open(envelope, kind, requestId, keyId, await pair(key))),
  encrypt: async ({ content, key, kind, requestId }) => s.encode(await s.encrypt(b(content), b(key), kind, requestId)),
  decrypt: async ({ sealed, key, kind, requestId }) => s.encode(await s.decrypt(b(sealed), b(key), kind, requestId)),
  vector: async ({ recipient, ephemeral, info, plaintext, aad }) => {
    const [theirs, own] = [await pair(recipient), await pair(ephemeral)];
    const point = new Uint8Array(await crypto.subtle.exportKey('raw', theirs.publicKey));
    const { enc, ct } = await s.sealTo(point, b(info), b(plaintext), b(aad), own);
    const { key, nonce } = await s.schedule(theirs.privateKey, await s.importPublic(enc), enc, point, b(info));
    const opened = await s.openWith(theirs, b(info), { enc, ct }, b(aad));
    return Object.fromEntries(Object.entries({ enc, ct, key, nonce, opened }).map(([name, raw]) => [name, s.encode(raw)]));
  },
  solve: ({ challenge }) => solve(challenge),
  /* Flips every bit (of the long ciphertext, every *step*-th) of an envelope, of what it is bound to and of its key's
     name, one at a time, and tells which flipped one opens all the same. */
  flips: async ({ envelope, kind, requestId, keyId, key, step }) => {
    const own = await pair(key);
    const opened = [];
    let tried = 0;
    const attempt = async (name, bit, one, as = kind, of = requestId, by = keyId) => {
      tried += 1;
      try {
        await s.open(one, as, of, by, own);
        opened.push([name, bit]);
      } catch {
        // refused, as it should be
      }
    };
    const flipped = (raw, bit) => raw.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << bit % 8) : byte));
    const words = (string, bit) => new TextDecoder('latin1').decode(flipped(s.text(string), bit));
    const [recipient] = envelope.recipients;
    for (const [name, step_] of [['nonce', 1], ['ct', step]]) {
      const raw = b(envelope[name]);
      for (let bit = 0; bit < raw.length * 8; bit += step_) {
        await attempt(name, bit, { ...envelope, [name]: s.encode(flipped(raw, bit)) });
      }
    }
    for (const name of ['enc', 'ct']) {
      const raw = b(recipient[name]);
      for (let bit = 0; bit < raw.length * 8; bit += 1) {
        const damaged = { ...recipient, [name]: s.encode(flipped(raw, bit)) };
        await attempt(`recipient ${name}`, bit, { ...envelope, recipients: [damaged] });
      }
    }
    for (let bit = 0; bit < kind.length * 8; bit += 1) await attempt('kind', bit, envelope, words(kind, bit));
    for (let bit = 0; bit < requestId.length * 8; bit += 1) {
      await attempt('request id', bit, envelope, kind, words(requestId, bit));
    }
    for (let bit = 0; bit < keyId.length * 8; bit += 1) {
      const other = words(keyId, bit);
      await attempt('key id', bit, { ...envelope, recipients: [{ ...recipient, key_id: other }] }, kind, requestId, other);
    }
    return { tried, opened };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { verb, ...given } = JSON.parse(line);
  try {
    console.log(JSON.stringify({ answer: await verbs[verb](given) }));
  } catch (error) {
    console.log(JSON.stringify({ refused: String(error.name) }));
  }
}
