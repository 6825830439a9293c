/** Where things are in the checkout. */
import { fileURLToPath } from "node:url";

export const projectRoot = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** @param {string} path relative to the checkout */
export const inProject = (path) => `${projectRoot}/${path}`;

/** Generated files that are kept between runs: demo libraries, benchmark corpora, stamps of gates. */
export const cacheDirectory = inProject(".cache");
