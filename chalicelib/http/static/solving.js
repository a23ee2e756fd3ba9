/*
 * Solves a proof-of-work challenge (ALTCHA v2, PBKDF2 in its deterministic form): some work that a person's device does
 * once and that costs whoever sends thousands. Each step runs outside the page's thread, so that typing goes on.
 */

function bytes(hex) {
  return Uint8Array.from(hex.match(/../g) || [], (pair) => parseInt(pair, 16));
}

/** Give the payload to send as `altcha`, or null if *limit* steps find no solution. */
export async function solve(challenge, limit = 100000) {
  const { algorithm, nonce, salt, cost, keyLength, keyPrefix } = challenge.parameters;
  const password = new Uint8Array([...bytes(nonce), 0, 0, 0, 0]);
  const counted = new DataView(password.buffer, password.length - 4);
  const how = { name: 'PBKDF2', hash: algorithm.replace('PBKDF2/', ''), salt: bytes(salt), iterations: cost };
  const started = Date.now();
  for (let counter = 0; counter < limit; counter += 1) {
    counted.setUint32(0, counter);
    const key = await crypto.subtle.importKey('raw', password, 'PBKDF2', false, ['deriveBits']);
    const derived = [...new Uint8Array(await crypto.subtle.deriveBits(how, key, keyLength * 8))];
    const derivedKey = derived.map((byte) => byte.toString(16).padStart(2, '0')).join('');
    if (derivedKey.startsWith(keyPrefix)) {
      return btoa(JSON.stringify({ challenge, solution: { counter, derivedKey, time: Date.now() - started } }));
    }
  }
  return null;
}
