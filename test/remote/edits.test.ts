/** After whatever edits: what an incremental build stored is what a machine without a past asks for, and gets, byte for byte. */

import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { BuildOptions } from "../../src/engine/options.js";
import { arbitraryEdit, EditedTree } from "../support/editing.js";
import { built, firstDifference, makePlace } from "../support/incremental.js";
import { MisbehavingServer } from "./misbehaving-server.js";

const RUNS = Number(process.env["BINARYFS_REMOTE_PROPERTY_RUNS"] ?? 12);
const MOST_EDITS = 6;

let server: MisbehavingServer;
beforeAll(async () => {
  server = await MisbehavingServer.start();
});
afterAll(() => server.stop());

const steps = fc.array(
  fc.record({ edits: fc.array(arbitraryEdit, { minLength: 1, maxLength: MOST_EDITS }), isShared: fc.boolean() }),
  { minLength: 2, maxLength: 5 },
);

it(
  `${RUNS} random sequences of edits and builds, with and without the cache`,
  async () => {
    let hits = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(arbitraryEdit, { minLength: 10, maxLength: 25 }), steps, async (first, sequence) => {
        const place = makePlace("remote-edits");
        try {
          server.stored.clear();
          const tree = EditedTree.neverEmpty(place.root);
          for (const edit of first) tree.apply(edit);
          const plain: BuildOptions = { root: place.root, output: place.output, secrets: "warn" };
          const remoteCache = { url: server.url, timeoutMs: 3_600_000 };
          for (const [index, { edits, isShared }] of sequence.entries()) {
            for (const edit of edits) tree.apply(edit);
            const shares = isShared || index === 0;
            const made = await built({ ...plain, state: place.state, ...(shares && { remoteCache }) });
            if (!shares || made.upToDate) continue;
            const fetched = await built({ ...plain, output: place.clean, state: false, remoteCache });
            expect(fetched.warnings).toEqual(made.warnings);
            expect([fetched.method, fetched.digest]).toEqual(["remote", made.digest]);
            expect(firstDifference(place.output, place.clean)).toBeUndefined();
            const reference = await built({ ...plain, output: place.clean, state: false });
            expect(reference.digest).toBe(made.digest);
            hits++;
          }
        } finally {
          place.remove();
        }
      }),
      { numRuns: RUNS },
    );
    expect(hits).toBeGreaterThanOrEqual(RUNS);
  },
  600_000 + RUNS * 20_000,
);
