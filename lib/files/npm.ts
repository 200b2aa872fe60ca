/**
 * How npm is started.
 *
 * @module
 */

/** On Windows npm is a script for the command processor, which has to be named with its ending. */
export const NPM: string = Deno.build.os === "windows" ? "npm.cmd" : "npm";

/** Deno starts no program while one of these is set, as clusters and CUDA set-ups like to do. */
export const NPM_ENVIRONMENT: Readonly<Record<string, string>> = {
  LD_LIBRARY_PATH: "",
  LD_PRELOAD: "",
  DYLD_LIBRARY_PATH: "",
};
