/**
 * Ends with one line where Deno is too old: before 2.8 node:crypto hashes no view but bytes.
 *
 * @module
 */
const [major = 0, minor = 0] = Deno.version.deno.split(".").map(Number);
if (major < 2 || (major === 2 && minor < 8)) {
  console.error(
    `Cannot run on Deno ${Deno.version.deno} as it must be 2.8 or newer: npm install -g deno`,
  );
  Deno.exit(2);
}
