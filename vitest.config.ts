/** How the TypeScript tests run. Time limits end what hangs: machines may be slow, and do other things. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/cache-directory.ts"],
    pool: "forks",
    testTimeout: 1_200_000,
    hookTimeout: 1_200_000,
  },
});
