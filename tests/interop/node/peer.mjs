// Lets the tests ask @sigstore/verify about checkpoints and inclusion proofs: one JSON object a line, in and out.
//
// The package exports only the verifier of whole Sigstore bundles. The two modules that know checkpoints and Merkle
// proofs are loaded from its files: they are the code that every Sigstore client in Node.js runs.
//
// Usage: node peer.mjs <directory with node_modules>

import { createPublicKey } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const installed = createRequire(join(process.argv[2], "package.json"));
const { verifyCheckpoint } = installed("@sigstore/verify/dist/tlog/checkpoint.js");
const { verifyMerkleInclusion } = installed("@sigstore/verify/dist/tlog/merkle.js");

const bytes = (text) => Buffer.from(text, "base64");

function log({ name, keyId, publicKey }) {
  const key = { kty: "OKP", crv: "Ed25519", x: bytes(publicKey).toString("base64url") };
  return { baseURL: name, logID: bytes(keyId), publicKey: createPublicKey({ key, format: "jwk" }) };
}

function verify({ note, logs, index, proof, leaf }) {
  const inclusionProof = {
    checkpoint: { envelope: bytes(note).toString("utf8") },
    logIndex: String(index),
    hashes: (proof ?? []).map(bytes),
  };
  const checkpoint = verifyCheckpoint({ inclusionProof }, logs.map(log));
  if (proof !== undefined) {
    verifyMerkleInclusion({ inclusionProof, canonicalizedBody: bytes(leaf) }, checkpoint);
  }
  return { origin: checkpoint.origin, size: String(checkpoint.logSize), root: checkpoint.logHash.toString("base64") };
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = verify(JSON.parse(line));
  } catch (error) {
    answer = { error: String(error.message) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
