import { expect, test } from "vitest";
import { fingerprint, generationProof, lineageIdOf } from "./lineage.ts";
import { Secret } from "./secret.ts";

/** SHA-256 of `abc`, FIPS 180-2 appendix B.1. */
const ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const KEY = "0b".repeat(32);

test("a fingerprint is SHA-256 in hex, of the UTF-8 form", () => {
	expect(fingerprint(new Secret("abc"))).toBe(ABC);
	expect(fingerprint(new Secret(""))).toMatch(/^e3b0c44298fc1c14/);
	expect(fingerprint(new Secret("ä"))).not.toBe(fingerprint(new Secret("a")));
});

test("equal tokens in different Secrets have one fingerprint, asked once or again", () => {
	const secret = new Secret("abc");
	expect([fingerprint(secret), fingerprint(secret), fingerprint(new Secret("abc"))]).toEqual([
		ABC,
		ABC,
		ABC,
	]);
});

test("a lineage is named by the first 16 digits", () => {
	expect(lineageIdOf(ABC)).toBe("ba7816bf8f01cfea");
});

test("a proof holds for one key, one lineage and one generation", () => {
	const proof = generationProof(KEY, "ba7816bf8f01cfea", 3);
	expect(proof).toMatch(/^[0-9a-f]{64}$/);
	expect(generationProof(KEY, "ba7816bf8f01cfea", 3)).toBe(proof);
	expect(generationProof(KEY, "ba7816bf8f01cfea", 4)).not.toBe(proof);
	expect(generationProof(KEY, "ba7816bf8f01cfe0", 3)).not.toBe(proof);
	expect(generationProof("0c".repeat(32), "ba7816bf8f01cfea", 3)).not.toBe(proof);
});
