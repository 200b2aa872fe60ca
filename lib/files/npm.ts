/**
 * What npm's program is called.
 *
 * @module
 */

/** On Windows npm is a script for the command processor, which has to be named with its ending. */
export const NPM: string = Deno.build.os === "windows" ? "npm.cmd" : "npm";
