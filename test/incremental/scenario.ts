/** Random lives of one library: edits, builds of every kind, and accidents to what builds keep; after each, what a clean build would have made. */

import { existsSync, lstatSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { BuildOptions, BuildReport } from "../../src/engine/options.js";
import { Session } from "../../src/engine/session.js";
import { arbitraryEdit, type Edit, EditedTree } from "../support/editing.js";
import {
  built,
  differencesFromClean,
  flip,
  makePlace,
  type Place,
  problemsOf,
  settleClock,
  storeFiles,
  strayNames,
  unwrap,
} from "../support/incremental.js";

const ACCIDENTS = [
  "stateDeleted",
  "stateTruncated",
  "stateFlipped",
  "stateOfAnother",
  "libraryDeleted",
  "libraryForeign",
  "libraryFlipped",
  "libraryTouched",
  "spareDeleted",
  "spareFlipped",
  "storeDeleted",
  "storeFlipped",
  "ignoreFileChanged",
] as const;
type Accident = (typeof ACCIDENTS)[number];

/** `session`: an update of a session that stays open, told where to look; `sessionAll`: told nothing. */
type How = "build" | "session" | "sessionAll";

export interface Step {
  readonly edits: readonly Edit[];
  readonly how: How;
  readonly accident?: Accident | undefined;
  /** Changes the options from here on. */
  readonly options?: number | undefined;
  /** Waits until stat records are no longer too young to tell, before the build. */
  readonly settles: boolean;
  readonly compares: boolean;
  readonly number: number;
}

export interface Scenario {
  readonly first: readonly Edit[];
  readonly steps: readonly Step[];
}

const step: fc.Arbitrary<Step> = fc.record({
  edits: fc.array(arbitraryEdit, { maxLength: 6 }),
  how: fc.oneof(
    { weight: 4, arbitrary: fc.constant<How>("build") },
    { weight: 3, arbitrary: fc.constant<How>("session") },
    { weight: 1, arbitrary: fc.constant<How>("sessionAll") },
  ),
  accident: fc.oneof(
    { weight: 6, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom(...ACCIDENTS) },
  ),
  options: fc.oneof({ weight: 7, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(0xffff) }),
  settles: fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  compares: fc.oneof({ weight: 2, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  number: fc.nat(0xffff),
});

export const arbitraryScenario: fc.Arbitrary<Scenario> = fc.record({
  first: fc.array(arbitraryEdit, { minLength: 1, maxLength: 60, size: "max" }),
  steps: fc.array(step, { minLength: 1, maxLength: 8, size: "max" }),
});

const ignoreFile = ({ directory }: Place): string => join(directory, "ignored");

/** The stable layout with everything kept comes first: shrinking ends there. */
function optionsOf(number: number, place: Place): Partial<BuildOptions> {
  const rules: (NonNullable<BuildOptions["rules"]> | undefined)[] = [
    undefined,
    undefined,
    [{ kind: "exclude", pattern: "/a*" }],
    [
      { kind: "exclude", pattern: "*1*" },
      { kind: "include", pattern: "/b*" },
    ],
    [{ kind: "include", pattern: "/*[a-d]*" }],
  ];
  const chosen = rules[number % rules.length];
  const rest = Math.floor(number / rules.length);
  return {
    ...(chosen !== undefined && { rules: chosen }),
    ...(rest % 7 === 1 && { layout: "compact" }),
    ...(rest % 5 === 3 && { ignoreFiles: [ignoreFile(place)] }),
    ...(rest % 11 === 10 && { preserveSymlinks: true }),
    ...(rest % 4 === 2 && { mtime: { kind: "set", epochSeconds: rest % 5 } }),
    ...(rest % 4 === 3 && { mtime: { kind: "clamp", epochSeconds: 1_000_000 } }),
    ...(rest % 3 === 2 && { owner: "root" }),
    ...(rest % 5 === 4 && { cuts: ["/b", "/d", `/${"abcdefgh"[rest % 8]}${rest % 50}`] }),
    ...(rest % 6 === 5 && { buildTime: rest }),
    ...(rest % 6 === 4 && { hostPaths: ["/etc/hosts"], sealed: rest % 4 === 0 }),
    ...(rest % 9 === 8 && { xattrs: ["*"] }),
    ...(rest % 8 === 7 && { threads: 1 }),
  };
}

/** What a step did, for the reports of failures. */
export interface Statistics {
  builds: number;
  comparisons: number;
  methods: Map<string, number>;
  storeHits: number;
  discarded: number;
  edits: number;
  /** Edits that the tree did not allow: an empty one has nothing to rename. */
  failedBuilds: number;
}

export const newStatistics = (): Statistics => ({
  builds: 0,
  comparisons: 0,
  methods: new Map(),
  storeHits: 0,
  discarded: 0,
  edits: 0,
  failedBuilds: 0,
});

/** Throws at the first library that is not what a clean build makes. */
export async function live(scenario: Scenario, statistics: Statistics): Promise<void> {
  const place = makePlace("property");
  let session: Session | undefined;
  const closeSession = async (): Promise<void> => {
    await session?.close();
    session = undefined;
  };
  try {
    const tree = new EditedTree(place.root);
    writeFileSync(ignoreFile(place), "c*\n");
    for (const edit of scenario.first) tree.apply(edit);
    tree.takeHints();
    let options: BuildOptions = { root: place.root, output: place.output, state: place.state, secrets: "warn" };
    for (const [index, step] of scenario.steps.entries()) {
      for (const edit of step.edits) tree.apply(edit);
      statistics.edits += step.edits.length;
      if (step.options !== undefined) {
        await closeSession();
        const { root, output, state } = place;
        options = { root, output, state, secrets: "warn", ...optionsOf(step.options, place) };
      }
      if (step.accident !== undefined) {
        // A session looks at ignore files each time.
        if (step.accident !== "ignoreFileChanged") await closeSession();
        await befall(place, step.accident, step.number);
      }
      if (step.settles) await settleClock();
      if (step.how === "build") await closeSession();
      let report: BuildReport;
      try {
        if (step.how === "build") {
          tree.takeHints();
          report = await built(options);
        } else {
          const hints = tree.takeHints();
          const isNew = session === undefined;
          session ??= unwrap(await Session.open(options));
          report = unwrap(await session.update(isNew || step.how === "sessionAll" ? "all" : hints));
          if (step.number % 2 === 0) await session.idle(new AbortController().signal);
        }
      } catch (cause) {
        // Rules may leave nothing, and then a clean build fails as well.
        if (!`${cause}`.includes("nothing-selected")) throw cause;
        await closeSession();
        statistics.failedBuilds++;
        continue;
      }
      statistics.builds++;
      statistics.storeHits += report.storeHits;
      statistics.discarded += report.warnings.filter(({ code }) => code === "state-discarded").length;
      statistics.methods.set(report.method, (statistics.methods.get(report.method) ?? 0) + 1);
      const isLast = index === scenario.steps.length - 1;
      if (!step.compares && !isLast) continue;
      statistics.comparisons++;
      const differences = await differencesFromClean(report, place, options);
      const problems = existsSync(place.output) ? problemsOf(place.output) : [];
      const strays = strayNames(place);
      if (differences.length + problems.length + strays.length > 0) {
        throw new Error(
          `step ${index} (${step.how}, ${report.method}): ${[...differences, ...problems, ...strays].slice(0, 6).join("; ")}`,
        );
      }
    }
  } finally {
    await closeSession();
    place.remove();
  }
}

async function befall(place: Place, accident: Accident, number: number): Promise<void> {
  const { state, output } = place;
  // What happens in the same tick of the clock as a build cannot be told from the build.
  await settleClock();
  const inState = (suffix: string): string[] =>
    existsSync(state)
      ? readdirSync(state)
          .filter((name) => name.endsWith(suffix))
          .map((name) => join(state, name))
      : [];
  switch (accident) {
    case "stateDeleted":
      return rmSync(state, { recursive: true, force: true });
    case "stateTruncated":
      for (const path of inState(".state")) truncateSync(path, number % Math.max(1, lstatSync(path).size));
      return;
    case "stateFlipped":
      for (const path of inState(".state")) flip(path, number);
      return;
    case "stateOfAnother":
      for (const path of inState(".state")) writeFileSync(path, "BINARYFS state of something else");
      return;
    case "libraryDeleted":
      return rmSync(output, { force: true });
    case "libraryForeign":
      return writeFileSync(output, "a file of somebody else's");
    case "libraryFlipped":
      if (existsSync(output)) flip(output, number * 977);
      return;
    case "libraryTouched":
      if (existsSync(output)) writeFileSync(output, "", { flag: "a" });
      return;
    case "spareDeleted":
      for (const path of inState(".spare")) rmSync(path);
      return;
    case "spareFlipped":
      for (const path of inState(".spare")) flip(path, number * 977);
      return;
    case "storeDeleted":
      return rmSync(join(state, "store"), { recursive: true, force: true });
    case "storeFlipped":
      for (const path of storeFiles(state)) flip(path, number);
      return;
    case "ignoreFileChanged":
      return writeFileSync(ignoreFile(place), `${"abcdefgh"[number % 8]}*\n!*${number % 10}\n`);
    default:
      accident satisfies never;
  }
}
